"""Decisions as people read them: what is missing, what would mend it, and who can."""

from __future__ import annotations

from typing import Any

from gateway.errors import Problem, ProblemCode
from policies.decision import Blocker, Decision


def blocker(found: Blocker) -> dict[str, Any]:
    """One blocker as pages and the API show it, in both languages."""
    return {
        "code": found.code,
        "ko": found.ko,
        "en": found.en,
        "remedy_ko": found.remedy_ko,
        "remedy_en": found.remedy_en,
        "who": str(found.actor),
        "who_ko": found.actor.ko,
        "who_en": found.actor.en,
    }


def blockers(decision: Decision) -> list[dict[str, Any]]:
    """Every blocker of `decision`, in the order of the rules."""
    return [blocker(found) for found in decision.blockers]


def denied(decision: Decision) -> Problem:
    """The 403 that names every reason of `decision`."""
    return Problem(
        ProblemCode.ACCESS_DENIED,
        " ".join(found.ko for found in decision.blockers),
        " ".join(found.en for found in decision.blockers),
        blockers=blockers(decision),
    )
