"""One decision over all rules: with handles, with its facts parsed and validated, and its tail.

The baseline hands policies, schema and entities to Cedar as texts on every call, as its plainest
use does. Both ask the same questions; the limits are for one core.
"""

from __future__ import annotations

from collections.abc import Callable

from bench.harness import Comparison, compare
from bench.policy_beds import Question, engine, p99_ms, per_second, questions, reparsing

KNOWN, STRANGERS, PLAIN = 5_000, 2_000, 100
"""How many questions a run asks: of facts met before, of new ones, of the baseline."""


def run() -> list[Comparison]:
    """`policy.decide.handles`, `.parsed`, and the tail of both."""
    known = questions(KNOWN, 500, "known")
    strangers = questions(STRANGERS, STRANGERS, "strangers")
    plain = questions(PLAIN, PLAIN, "strangers")
    _same(plain)
    return [
        _handles(known, plain),
        _parsed(strangers, plain),
        _known_tail(known, plain),
        _parsed_tail(strangers, plain),
    ]


def _same(asked: list[Question]) -> None:
    """Ours and the baseline give the same answers."""
    ours, baseline = engine(), reparsing()
    for question in asked:
        mine, theirs = ours.decide(*question), baseline.decide(*question)
        assert (mine.outcome, mine.blockers) == (theirs.outcome, theirs.blockers)


def _handles(known: list[Question], plain: list[Question]) -> Comparison:
    ours, baseline = engine(), reparsing()
    per_second(ours.decide, known[:500])
    return compare(
        "policy.decide.handles",
        "1/s",
        lambda: per_second(ours.decide, known),
        lambda: per_second(baseline.decide, plain),
        baseline_name="re-parsing everything each call",
        target=5.0,
        conditions="all rules, every action, 500 people met before; processor time of one core",
        limit=4_000.0,
    )


def _parsed(strangers: list[Question], plain: list[Question]) -> Comparison:
    baseline = reparsing()
    return compare(
        "policy.decide.parsed",
        "1/s",
        lambda: per_second(engine().decide, strangers),
        lambda: per_second(baseline.decide, plain),
        baseline_name="re-parsing everything each call",
        target=2.0,
        conditions="all rules, every action, facts parsed and validated anew; one core",
        limit=1_500.0,
    )


def _known_tail(known: list[Question], plain: list[Question]) -> Comparison:
    ours = engine()
    per_second(ours.decide, known[:500])
    return _tail("p99", lambda: p99_ms(ours.decide, known), plain, "500 people met before")


def _parsed_tail(strangers: list[Question], plain: list[Question]) -> Comparison:
    return _tail(
        "parsed_p99",
        lambda: p99_ms(engine().decide, strangers),
        plain,
        "facts parsed and validated anew",
    )


def _tail(
    name: str, ours: Callable[[], float], plain: list[Question], conditions: str
) -> Comparison:
    baseline = reparsing()
    return compare(
        f"policy.decide.{name}",
        "ms",
        ours,
        lambda: p99_ms(baseline.decide, plain),
        baseline_name="re-parsing everything each call",
        target=0.5,
        better="lower",
        conditions=f"99th percentile, {conditions}; processor time",
        limit=1.0,
    )
