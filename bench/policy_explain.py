"""Every blocker and the path to yes, confirmed by the engine.

The baseline makes the same search and re-parses everything on each of its decisions.
"""

from __future__ import annotations

from functools import partial

from bench.harness import Comparison, compare
from bench.policy_beds import engine, p99_ms, questions, reparsing
from policies.explain import explain

OURS, PLAIN = 500, 100


def run() -> list[Comparison]:
    """The comparison `policy.explain.p99`."""
    asked, plain = questions(OURS, OURS, "explain"), questions(PLAIN, PLAIN, "explain")
    baseline = reparsing()
    return [
        compare(
            "policy.explain.p99",
            "ms",
            lambda: p99_ms(partial(explain, engine()), asked),
            lambda: p99_ms(partial(explain, baseline), plain),
            baseline_name="re-parsing everything each decision",
            target=0.5,
            better="lower",
            conditions="99th percentile over every action, facts never met; processor time",
            limit=20.0,
        )
    ]
