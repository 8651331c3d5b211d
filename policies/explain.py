"""Why not, and what would make it a yes: a path of steps, tried out on the engine."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from policies.decision import Actor, Blocker, Decision
from policies.engine import ENGINE_ERROR, Engine
from policies.facts import Facts
from policies.remedy import FIXES

_ORDER: Final = {rule: place for place, rule in enumerate(FIXES)}


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do, in both languages, and who can do it. ``code`` is the blocker's."""

    code: str
    actor: Actor
    ko: str
    en: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """A decision with the path to yes.

    ``confirmed`` means that the engine allows once every step is taken; it is true, with an empty
    path, for what is allowed already. Otherwise the path begins with what no step can remove,
    each naming the other way, if there is one.
    """

    decision: Decision
    path: tuple[Step, ...]
    confirmed: bool


def explain(engine: Engine, action: str, facts: Facts) -> Explanation:
    """Decide, then look for the fewest steps to a yes by trying each remedy on the engine."""
    decision = engine.decide(action, facts)
    taken, last = _walk(engine, action, facts, decision)
    path = tuple(_step(blocker) for blocker in (*last.blockers, *taken))
    return Explanation(decision, path, last.allowed)


def _walk(
    engine: Engine, action: str, facts: Facts, decision: Decision
) -> tuple[tuple[Blocker, ...], Decision]:
    """Take one remedy at a time: it may settle other blockers too, which then need no step."""
    tried: dict[str, Blocker] = {}
    while (blocker := _next(decision.blockers, tried)) is not None:
        tried[blocker.rule] = blocker
        changed = FIXES[blocker.rule](facts)
        answer = engine.decide(action, changed)
        # Facts the engine cannot read (a size beyond its numbers) are no remedy.
        if ENGINE_ERROR not in answer.blockers:
            facts, decision = changed, answer
    return _settled(tried, decision), decision


def _next(blockers: Iterable[Blocker], tried: Container[str]) -> Blocker | None:
    fixable = [b for b in blockers if b.rule in FIXES and b.rule not in tried]
    return min(fixable, key=lambda blocker: _ORDER[blocker.rule], default=None)


def _settled(tried: Mapping[str, Blocker], last: Decision) -> tuple[Blocker, ...]:
    stuck = {blocker.rule for blocker in last.blockers}
    kept = (blocker for rule, blocker in tried.items() if rule not in stuck)
    return tuple(sorted(kept, key=lambda blocker: _ORDER[blocker.rule]))


def _step(blocker: Blocker) -> Step:
    return Step(blocker.code, blocker.actor, blocker.remedy_ko, blocker.remedy_en)
