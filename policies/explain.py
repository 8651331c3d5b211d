"""Why not, and what would make it a yes: a path of steps, tried out on the engine."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Final

from policies.decision import Actor, Blocker, Decision
from policies.engine import ENGINE_ERROR, Engine
from policies.facts import Facts
from policies.remedy import FIXES

_ORDER: Final = {rule: place for place, rule in enumerate(FIXES)}


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do, in both languages, and who can do it. Code and rule are the blocker's."""

    code: str
    rule: str
    actor: Actor
    ko: str
    en: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """A decision with the path to yes.

    ``confirmed`` means that the engine allows once every step is taken, and that it does not with
    any of them left out; it is true, with an empty path, for what is allowed already. Otherwise the
    path begins with what no step can remove, each naming the other way, if there is one.
    """

    decision: Decision
    path: tuple[Step, ...]
    confirmed: bool


def explain(engine: Engine, action: str, facts: Facts) -> Explanation:
    """Decide, then look for the fewest steps to a yes by trying each remedy on the engine."""
    decision = engine.decide(action, facts)
    taken, last = _walk(engine, action, facts, decision)
    if last.allowed:
        taken = _fewest(engine, action, facts, taken)
    path = tuple(_step(blocker) for blocker in (*last.blockers, *taken))
    return Explanation(decision, path, last.allowed)


def after(facts: Facts, rules: Iterable[str]) -> Facts:
    """The facts once the remedies of these rules are taken, one after the other.

    Raises KeyError for a rule without a remedy.
    """
    return reduce(lambda changed, rule: FIXES[rule](changed), rules, facts)


def _walk(
    engine: Engine, action: str, facts: Facts, decision: Decision
) -> tuple[tuple[Blocker, ...], Decision]:
    """Take one remedy at a time: it may settle other blockers too, which then need no step."""
    tried: set[str] = set()
    taken: dict[str, Blocker] = {}
    while (blocker := _next(decision.blockers, tried)) is not None:
        tried.add(blocker.rule)
        changed = FIXES[blocker.rule](facts)
        answer = engine.decide(action, changed)
        # Facts the engine cannot read (a size beyond its numbers) are no remedy.
        if ENGINE_ERROR not in answer.blockers:
            facts, decision, taken[blocker.rule] = changed, answer, blocker
    return _settled(taken, decision), decision


def _fewest(
    engine: Engine, action: str, facts: Facts, steps: tuple[Blocker, ...]
) -> tuple[Blocker, ...]:
    """Leave out every step that a later one makes needless."""
    for step in steps:
        rest = tuple(other for other in steps if other is not step)
        if rest and engine.decide(action, after(facts, (other.rule for other in rest))).allowed:
            steps = rest
    return steps


def _next(blockers: Iterable[Blocker], tried: Container[str]) -> Blocker | None:
    fixable = [b for b in blockers if b.rule in FIXES and b.rule not in tried]
    return min(fixable, key=lambda blocker: _ORDER[blocker.rule], default=None)


def _settled(taken: Mapping[str, Blocker], last: Decision) -> tuple[Blocker, ...]:
    stuck = {blocker.rule for blocker in last.blockers}
    kept = (blocker for rule, blocker in taken.items() if rule not in stuck)
    return tuple(sorted(kept, key=lambda blocker: _ORDER[blocker.rule]))


def _step(blocker: Blocker) -> Step:
    return Step(blocker.code, blocker.rule, blocker.actor, blocker.remedy_ko, blocker.remedy_en)
