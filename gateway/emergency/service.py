"""Break-glass: an operator stops access to one dataset while no steward can be reached.

It elevates to stopping only: suspend or revoke a grant, withdraw a version. Whatever is stopped in
error a steward gives back; nothing here approves, releases, resumes, reads a byte or touches the
log. It is no role: none of the gateway's doors opens to it but the three verbs of `use`.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from prometheus_client import Counter
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from gateway import ids
from gateway.access import grants
from gateway.access.models import Grant
from gateway.access.reading import find_dataset
from gateway.catalog.models import Dataset
from gateway.catalog.service import unknown_dataset
from gateway.catalog.service_versions import withdraw_version
from gateway.emergency.models import Emergency
from gateway.emergency.shared import (
    TOLD,
    answering,
    check_not_chained,
    checked_reason,
    close_expired,
    dataset_of,
    entry,
    invalid,
    not_found,
    over,
    record_closed,
)
from gateway.errors import Problem, ProblemCode
from gateway.identity.models import Role
from gateway.identity.service_roles import holders
from gateway.jobs import queue
from gateway.journal import Act, Actor
from gateway.observability.metrics import REGISTRY
from gateway.runtime import Runtime

OPENED = Counter(
    "sumun_emergencies_opened", "Break-glass elevations that were opened", registry=REGISTRY
)
USED = Counter(
    "sumun_emergencies_used", "Things stopped under break-glass access", ["stop"], registry=REGISTRY
)
TELL_JOB = "emergency.tell"
LONGEST_MINUTES = 60


class Stop(StrEnum):
    """What an emergency allows, each about its one dataset."""

    SUSPEND_GRANT = "suspend_grant"
    REVOKE_GRANT = "revoke_grant"
    WITHDRAW_VERSION = "withdraw_version"


@dataclass(frozen=True, slots=True)
class NewEmergency:
    """Over which dataset, for how many minutes, and why nobody else can act."""

    dataset: str
    minutes: int
    reason: str


@dataclass(frozen=True, slots=True)
class Use:
    """What is stopped: a grant's id or a version's label, and why."""

    stop: Stop
    target: str
    reason: str


def open_(
    runtime: Runtime, actor: Actor, new: NewEmergency, by: uuid.UUID | None = None
) -> uuid.UUID:
    """Open an emergency; every other operator and auditor is told at once. Returns it.

    A command on the host names with `by` the operator who answers for it. Raises Problem 403
    without the role, 404 for the dataset, 409 for a second one at once, after one that was not
    reviewed, or when there is nobody to tell, 422 for a field.
    """
    reason = checked_reason(new.reason)
    if not 1 <= new.minutes <= LONGEST_MINUTES:
        raise invalid("minutes", "1분 이상 60분 이하로 정해 주십시오.", "Choose 1 to 60 minutes.")
    try:
        with runtime.db.write() as session:
            person = answering(session, runtime, actor, (Role.OPERATOR,), by)
            dataset = find_dataset(session, new.dataset)
            if dataset is None:
                raise unknown_dataset(new.dataset)
            close_expired(session, runtime, person)
            check_not_chained(session, person, dataset, runtime.clock.now())
            told = _others(session, person, runtime.clock.now())
            row = _store(session, runtime, (person, dataset, new.minutes, reason))
            _tell(session, runtime, row, told)
            opened = {"minutes": row.minutes, "told": len(told), "by": str(person)}
            event = entry(actor, Act.EMERGENCY_OPENED, row, dataset, opened)
            runtime.journal.record(session, event)
            OPENED.inc()
            return row.id
    except IntegrityError:
        raise Problem(
            ProblemCode.CONFLICT,
            "이미 열어 둔 비상 권한이 있습니다. 먼저 그것을 닫아 주십시오.",
            "You hold an emergency already. Close that one first.",
        ) from None


def use(runtime: Runtime, actor: Actor, emergency_id: uuid.UUID, what: Use) -> None:
    """Stop one thing under one's own live emergency; the use and its effect are one transaction.

    Raises Problem 403 for another's, one that is over, or without the role by now; 404, 409 and 422
    as the stopped thing's own verb does.
    """
    dataset = dataset_of(runtime, emergency_id)

    def guard(session: Session) -> None:
        row = _live(session, runtime, actor, emergency_id)
        row.uses += 1
        if what.stop is not Stop.WITHDRAW_VERSION:
            _expect_of(session, _uuid(what.target), dataset)
        detail = {"stop": str(what.stop), "target": what.target}
        runtime.journal.record(session, entry(actor, Act.EMERGENCY_USED, row, dataset, detail))

    _STOPS[what.stop](runtime, actor, dataset.slug, what, guard)
    USED.labels(what.stop).inc()


def end(
    runtime: Runtime, actor: Actor, emergency_id: uuid.UUID, by: uuid.UUID | None = None
) -> None:
    """End an emergency at once: its holder, any other operator, or an auditor.

    Raises Problem 403, 404, 409 when it is over already.
    """
    with runtime.db.write() as session:
        person = answering(session, runtime, actor, TOLD, by)
        ended = session.scalar(
            update(Emergency)
            .where(Emergency.id == emergency_id, Emergency.ended_at.is_(None))
            .where(Emergency.ends_at > runtime.clock.now())
            .values(ended_at=runtime.clock.now(), ended_by=person)
            .returning(Emergency.id)
        )
        row = session.get(Emergency, emergency_id)
        if row is None:
            raise not_found()
        if ended is None:
            raise over()
        record_closed(session, runtime, actor, row, "ended")


Guard = Callable[[Session], None]


def _suspend(runtime: Runtime, actor: Actor, _slug: str, what: Use, guard: Guard) -> None:
    grants.suspend(runtime, actor, _uuid(what.target), what.reason, within=guard)


def _revoke(runtime: Runtime, actor: Actor, _slug: str, what: Use, guard: Guard) -> None:
    grants.revoke(runtime, actor, _uuid(what.target), what.reason, within=guard)


def _withdraw(runtime: Runtime, actor: Actor, slug: str, what: Use, guard: Guard) -> None:
    reason = grants.checked_reason(what.reason)
    withdraw_version(runtime, actor, slug, what.target, reason, within=guard)


_STOPS: Mapping[Stop, Callable[[Runtime, Actor, str, Use, Guard], None]] = {
    Stop.SUSPEND_GRANT: _suspend,
    Stop.REVOKE_GRANT: _revoke,
    Stop.WITHDRAW_VERSION: _withdraw,
}


def _live(session: Session, runtime: Runtime, actor: Actor, emergency_id: uuid.UUID) -> Emergency:
    """The actor's own emergency under its lock, while it lives and the role counts."""
    person = answering(session, runtime, actor, (Role.OPERATOR,), None)
    row = session.get(Emergency, emergency_id, with_for_update=True, populate_existing=True)
    if row is None or row.person_id != person:
        raise not_found()
    if row.ended_at is not None or row.ends_at <= runtime.clock.now():
        raise over()
    return row


def _expect_of(session: Session, grant_id: uuid.UUID, dataset: Dataset) -> None:
    """A grant of another dataset is as good as none: the emergency does not reach it."""
    grant = session.get(Grant, grant_id)
    if grant is None or grant.dataset_id != dataset.id:
        raise grants.not_found()


def _others(session: Session, person: uuid.UUID, now: datetime) -> list[uuid.UUID]:
    found = {one for role in TOLD for one in holders(session, role, now)} - {person}
    if not found:
        raise Problem(
            ProblemCode.WRONG_STATE,
            "비상 권한을 알릴 다른 운영자나 감사 담당자가 없습니다. "
            "먼저 그 역할을 맡을 사람을 두십시오.",
            "There is no other operator or auditor to tell. Grant one of these roles first.",
        )
    return sorted(found)


def _store(
    session: Session, runtime: Runtime, what: tuple[uuid.UUID, Dataset, int, str]
) -> Emergency:
    person, dataset, minutes, reason = what
    now = runtime.clock.now()
    row = Emergency(
        id=ids.new(runtime.clock),
        person_id=person,
        dataset_id=dataset.id,
        reason=reason,
        minutes=minutes,
        opened_at=now,
        ends_at=now + timedelta(minutes=minutes),
    )
    session.add(row)
    session.flush()
    return row


def _tell(session: Session, runtime: Runtime, row: Emergency, told: Sequence[uuid.UUID]) -> None:
    for person in told:
        key = f"{TELL_JOB}:{row.id}:{person}"
        payload = {"emergency": str(row.id), "person": str(person)}
        queue.enqueue(session, runtime.clock, TELL_JOB, key, payload)


def _uuid(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise grants.not_found() from None
