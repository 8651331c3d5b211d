"""Every invariant of a release, proved for all facts.

The baseline tries to break the invariants the common way: it puts random questions to the engine,
and proves nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from bench.harness import Comparison, compare
from bench.policy_beds import engine, questions
from policies import rules
from policies.invariants import INVARIANTS
from policies.prove import prove

QUESTIONS = 10_000


def run() -> list[Comparison]:
    """The comparison `policy.prove`."""
    asked, source = questions(QUESTIONS, QUESTIONS, "prove"), rules.read()
    ask = engine().decide
    return [
        compare(
            "policy.prove",
            "s",
            lambda: _seconds(lambda: [proof.holds for proof in prove(source, INVARIANTS)]),
            lambda: _seconds(lambda: [ask(*question).allowed for question in asked]),
            baseline_name=f"{QUESTIONS:,} random questions",
            target=1.0,
            better="lower",
            conditions=f"{len(INVARIANTS)} invariants, {len(source.statements)} rules",
            limit=5.0,
        )
    ]


def _seconds(work: Callable[[], list[bool]]) -> float:
    started = time.process_time()
    done = work()
    assert done
    return time.process_time() - started
