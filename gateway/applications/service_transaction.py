"""One write transaction a verb, and what has to happen after a refusal rolled it back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from gateway.access import presenter, service
from gateway.access.grounds import grounds
from gateway.errors import Problem, ProblemCode
from gateway.journal import Entry, Outcome
from gateway.runtime import Runtime
from policies.decision import Decision
from policies.explain import Explanation
from policies.facts import Facts

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Judged:
    """A decision and the facts that it was made on."""

    facts: Facts
    decision: Decision


class Refused(Exception):
    """A refusal that belongs into the audit log. The log is written after the rollback: within
    the transaction it would wait for itself."""

    def __init__(self, problem: Problem, entry: Entry, judged: Judged | None = None) -> None:
        super().__init__(str(problem))
        self.problem = problem
        self.entry = entry
        self.judged = judged


def refused(judged: Judged, entry: Entry, way: Explanation | None = None) -> Refused:
    """The refusal that names every blocker, with the way to a yes if it is known."""
    codes = ",".join(judged.decision.codes)
    denial = replace(entry, outcome=Outcome.DENY, reason=codes)
    return Refused(presenter.denied(judged.decision, way), denial, judged)


def transact(runtime: Runtime, verb: Callable[[Session], T]) -> T:
    """Run `verb` in one write transaction.

    Raises what the verb raises as Problem; a `Refused` is recorded first. What the database
    itself refuses (a second vote, a vote of the applicant's side) is Problem CONFLICT.
    """
    try:
        with runtime.db.write() as session:
            return verb(session)
    except Refused as refusal:
        _record(runtime, refusal)
        raise refusal.problem from None
    except IntegrityError as error:
        raise Problem(
            ProblemCode.CONFLICT,
            "같은 순간에 다른 변경이 있었거나 이미 처리되었습니다. 현재 상태를 확인해 주십시오.",
            "Something changed at the same moment, or this was done already: look at the "
            "present state.",
        ) from error


def look(runtime: Runtime, reading: Callable[[Session], T]) -> T:
    """Run `reading` without writing; a `Refused` is recorded, then raised as Problem."""
    try:
        with runtime.db.read() as session:
            return reading(session)
    except Refused as refusal:
        _record(runtime, refusal)
        raise refusal.problem from None


def _record(runtime: Runtime, refusal: Refused) -> None:
    entry = refusal.entry
    if (judged := refusal.judged) is not None:
        told = grounds(runtime, judged.facts, judged.decision)
        entry = replace(entry, detail={**entry.detail, **told})
    service.record_refusal(runtime.folding, entry)
