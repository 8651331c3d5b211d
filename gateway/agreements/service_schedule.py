"""Versions at their time: announced for a day, put in force on it, withdrawn at a planned end.

A beat of the worker keeps the schedule. What it does is a change of state under a lock, so any
number of workers do it once. A planned end holds by the clock at each decision, whether or not a
worker has written it down yet.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime

import structlog
from sqlalchemy import ColumnElement, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from gateway.agreements.models import AgreementState, AgreementVersion
from gateway.agreements.service import WAITING, enter, entry, every, expect, leave, locked
from gateway.clock import to_ms
from gateway.errors import Problem, ProblemCode
from gateway.journal import Act, Actor
from gateway.runtime import Runtime

INTERVAL_SECONDS = 10.0
Step = Callable[[Runtime, Session, Actor, AgreementVersion], None]
log = structlog.get_logger(__name__)


def announce(runtime: Runtime, actor: Actor, version_id: uuid.UUID, planned_at: datetime) -> None:
    """Announce a draft for a moment, or move an announced one to another.

    Raises Problem NOT_FOUND, WRONG_STATE, VALIDATION_FAILED for a moment that has passed.
    """
    _check_ahead(runtime, "planned_at", planned_at)
    with runtime.db.write() as session:
        version = locked(session, version_id)
        expect(version.state in WAITING and not _overtaken(session, version))
        version.state, version.planned_at = AgreementState.SHADOW, planned_at
        told = entry(actor, Act.AGREEMENT_ANNOUNCED, version, planned_ms=to_ms(planned_at))
        runtime.journal.record(session, told)


def call_off(runtime: Runtime, actor: Actor, version_id: uuid.UUID) -> None:
    """Make an announced version a draft again. Raises Problem NOT_FOUND or WRONG_STATE."""
    with runtime.db.write() as session:
        version = locked(session, version_id)
        expect(version.state == AgreementState.SHADOW)
        version.state, version.planned_at = AgreementState.DRAFT, None
        runtime.journal.record(session, entry(actor, Act.AGREEMENT_CALLED_OFF, version))


def plan_end(
    runtime: Runtime, actor: Actor, version_id: uuid.UUID, ends_at: datetime | None
) -> None:
    """Say when the version in force ends without a successor; None takes the plan back.

    Raises Problem NOT_FOUND, WRONG_STATE, VALIDATION_FAILED for a moment that has passed.
    """
    if ends_at is not None:
        _check_ahead(runtime, "ends_at", ends_at)
    with runtime.db.write() as session:
        version = locked(session, version_id)
        expect(version.state == AgreementState.IN_FORCE)
        version.ends_at = ends_at
        when = {} if ends_at is None else {"ends_ms": to_ms(ends_at)}
        runtime.journal.record(session, entry(actor, Act.AGREEMENT_END_PLANNED, version, **when))


def keep(runtime: Runtime) -> int:
    """Do what is due: ends first, then beginnings, older versions first; returns how many."""
    now = runtime.clock.now()
    ending = (AgreementVersion.state == AgreementState.IN_FORCE) & (AgreementVersion.ends_at <= now)
    beginning = (AgreementVersion.state == AgreementState.SHADOW) & (
        AgreementVersion.planned_at <= now
    )
    return _do(runtime, ending, leave) + _do(runtime, beginning, enter)


def _do(runtime: Runtime, due: ColumnElement[bool], step: Step) -> int:
    with runtime.db.read() as session:
        found = [row.id for row in session.scalars(every().where(due))]
    return sum(_once(runtime, version_id, due, step) for version_id in found)


def _once(runtime: Runtime, version_id: uuid.UUID, due: ColumnElement[bool], step: Step) -> bool:
    """Take one step, unless another worker or a steward has changed the version meanwhile."""
    wanted = select(AgreementVersion).where(AgreementVersion.id == version_id, due)
    try:
        with runtime.db.write() as session:
            version = session.scalar(wanted.with_for_update())
            if version is None:
                return False
            step(runtime, session, Actor.system(), version)
    except (IntegrityError, Problem) as error:
        # Somebody put another version in force at this moment; the next beat sees what is left.
        log.warning("agreements.schedule_disturbed", version=str(version_id), exc_info=error)
        return False
    return True


def _overtaken(session: Session, version: AgreementVersion) -> bool:
    newer = select(AgreementVersion.id).where(
        AgreementVersion.code == version.code,
        AgreementVersion.number > version.number,
        AgreementVersion.in_force_at.is_not(None),
    )
    return session.scalar(newer.limit(1)) is not None


def _check_ahead(runtime: Runtime, field: str, moment: datetime) -> None:
    if moment <= runtime.clock.now():
        raise Problem(
            ProblemCode.VALIDATION_FAILED,
            "앞으로 올 때를 입력해 주십시오.",
            "Please choose a time that lies ahead.",
            field=field,
        )
