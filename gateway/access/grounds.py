"""What an entry says of the decision behind it, so that it can be decided again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from gateway.clock import Clock
from gateway.db import Database, WriteBusy
from gateway.errors import Problem, ProblemCode
from gateway.policy.recording import remember, remember_in
from policies.decision import Decision
from policies.facts import Facts


class Archive(Protocol):
    """What keeping facts needs of the runtime."""

    @property
    def db(self) -> Database: ...
    @property
    def clock(self) -> Clock: ...


def grounds(archive: Archive, facts: Facts, decision: Decision) -> dict[str, Any]:
    """The decision as its entry tells it, its facts kept for later.

    Raises Problem LOG_UNAVAILABLE where they cannot be written; AssertionError within a write
    transaction.
    """
    try:
        kept = remember(archive.db, facts, decision, archive.clock.now())
    except (SQLAlchemyError, WriteBusy) as error:
        raise Problem(ProblemCode.LOG_UNAVAILABLE) from error
    return _told(decision, kept)


def grounds_in(
    session: Session, archive: Archive, facts: Facts, decision: Decision
) -> dict[str, Any]:
    """As `grounds`, the facts kept in the transaction that also records the entry."""
    return _told(decision, remember_in(session, facts, decision, archive.clock.now()))


def _told(decision: Decision, kept: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "action": decision.action,
        "policy_release": decision.release,
        "outcome": str(decision.outcome),
        "facts_digest": decision.facts_digest,
        **kept,
    }
