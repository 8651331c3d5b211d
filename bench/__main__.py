"""`python -m bench [NAME]`: every benchmark, or one by its name. Exits 1 if a target is missed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module

from bench.harness import Comparison, report

# Benchmark name → the module whose `run()` returns its comparisons.
BENCHMARKS = {
    "audit.append": "bench.audit_append",
    "audit.processes": "bench.audit_processes",
    "audit.search": "bench.audit_search",
    "audit.tree": "bench.audit_tree",
    "audit.verify": "bench.audit_verify",
    "audit.outbox": "bench.audit_outbox",
    "delivery.range": "bench.delivery_range",
    "identity.flood": "bench.identity_flood",
    "identity.passports": "bench.identity_passports",
    "identity.token": "bench.identity_token",
    "policy.decide": "bench.policy_decide",
    "policy.explain": "bench.policy_explain",
    "policy.prove": "bench.policy_prove",
    "policy.replay": "bench.policy_replay",
}


def main(arguments: list[str]) -> int:
    chosen = arguments or list(BENCHMARKS)
    found = [_found(name) for name in chosen]
    if None in found:
        unknown, known = chosen[found.index(None)], ", ".join(BENCHMARKS)
        print(f"no benchmark is called {unknown}; there are: {known}", file=sys.stderr)
        return 2
    reached = [_run(name) for name in found if name is not None]
    return 0 if all(reached) else 1


def _found(name: str) -> str | None:
    """The benchmark of this name, or the one that has a comparison of this name."""
    return next((known for known in BENCHMARKS if f"{name}.".startswith(f"{known}.")), None)


def _run(name: str) -> bool:
    run: Callable[[], list[Comparison]] = import_module(BENCHMARKS[name]).run
    return report(name, run())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
