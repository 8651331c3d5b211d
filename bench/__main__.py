"""`python -m bench [NAME]`: every benchmark, or one by its name. Exits 1 if a target is missed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module

from bench.harness import Comparison, report

# Benchmark name → the module whose `run()` returns its comparisons.
BENCHMARKS = {
    "audit.append": "bench.audit_append",
    "delivery.range": "bench.delivery_range",
}


def main(arguments: list[str]) -> int:
    chosen = arguments or list(BENCHMARKS)
    unknown = [name for name in chosen if name not in BENCHMARKS]
    if unknown:
        known = ", ".join(BENCHMARKS)
        print(f"no benchmark is called {unknown[0]}; there are: {known}", file=sys.stderr)
        return 2
    reached = [_run(name) for name in chosen]
    return 0 if all(reached) else 1


def _run(name: str) -> bool:
    run: Callable[[], list[Comparison]] = import_module(BENCHMARKS[name]).run
    return report(name, run())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
