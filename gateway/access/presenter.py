"""Decisions as people read them: what is missing, what would mend it, and who can."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from gateway.errors import Problem, ProblemCode
from policies.decision import Blocker, Decision
from policies.engine import Engine
from policies.explain import Explanation


def blocker(found: Blocker) -> dict[str, Any]:
    """One blocker as pages and the API show it, in both languages."""
    return {
        "code": found.code,
        "ko": found.ko,
        "en": found.en,
        "remedy_ko": found.remedy_ko,
        "remedy_en": found.remedy_en,
        "actor": str(found.actor),
        "actor_ko": found.actor.ko,
        "actor_en": found.actor.en,
    }


def blockers(decision: Decision) -> list[dict[str, Any]]:
    """Every blocker of `decision`, in the order of the rules."""
    return [blocker(found) for found in decision.blockers]


def steps(found: Explanation) -> list[dict[str, Any]]:
    """The path to a yes, step by step, in both languages."""
    return [
        {
            "code": step.code,
            "ko": step.ko,
            "en": step.en,
            "actor": str(step.actor),
            "actor_ko": step.actor.ko,
            "actor_en": step.actor.en,
        }
        for step in found.path
    ]


@lru_cache(maxsize=4)
def actors(engine: Engine) -> Mapping[str, str]:
    """Who takes the remedy of each rule of a release, by the rule's id."""
    refusals = (statement for statement in engine.source.statements if statement.forbids)
    return {each.id: each.annotations["actor"] for each in refusals}


def denied(decision: Decision, way: Explanation | None = None) -> Problem:
    """The 403 that names every reason of `decision`, and the way to a yes where it is known."""
    steps_to_yes: dict[str, Any] = {"path": steps(way), "confirmed": way.confirmed} if way else {}
    return Problem(
        ProblemCode.ACCESS_DENIED,
        " ".join(found.ko for found in decision.blockers),
        " ".join(found.en for found in decision.blockers),
        blockers=blockers(decision),
        **steps_to_yes,
    )
