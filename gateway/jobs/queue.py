"""Enqueue within the caller's transaction, lease, finish, or try again later.

At least once: a worker killed in the middle loses its lease, and another runs the job again, so
every handler is idempotent. The worker looks before it leases, since every write costs an fsync.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import CursorResult, or_, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

from gateway import ids
from gateway.clock import Clock
from gateway.db import Database
from gateway.jobs.models import Job, JobState

LEASE = timedelta(minutes=5)
MAX_ATTEMPTS = 6
BACKOFF_SECONDS = 2
DIED = "every worker that ran this died"


@dataclass(frozen=True, slots=True)
class Leased:
    """A job in this worker's hands until `until`."""

    id: uuid.UUID
    kind: str
    payload: dict[str, Any]
    attempts: int
    until: datetime


class LeaseLost(Exception):
    """Another worker has taken the job over; what this one did must be rolled back."""


def enqueue(
    session: Session, clock: Clock, kind: str, key: str, payload: dict[str, Any]
) -> uuid.UUID:
    """Add a job in the caller's transaction; the same `key` a second time changes nothing."""
    now = clock.now()
    # Two transactions may add the same key at once: the database decides, without an error.
    insert = sqlite_insert if session.get_bind().dialect.name == "sqlite" else postgresql_insert
    statement = insert(Job).values(
        id=ids.new(clock),
        kind=kind,
        key=key,
        payload=payload,
        state=JobState.QUEUED,
        attempts=0,
        error="",
        run_after=now,
        created_at=now,
    )
    session.execute(statement.on_conflict_do_nothing(index_elements=["key"]))
    return session.scalars(select(Job.id).where(Job.key == key)).one()


def _due(now: datetime) -> Any:
    waiting = (Job.state == JobState.QUEUED) & (Job.run_after <= now)
    abandoned = (Job.state == JobState.LEASED) & (Job.leased_until < now)
    return or_(waiting, abandoned)


def lease(db: Database, clock: Clock) -> Leased | None:
    """Take the oldest due job, or None.

    A job whose workers died `MAX_ATTEMPTS` times fails here: it may be what kills them.
    """
    now = clock.now()
    with db.read() as session:
        if session.scalar(select(Job.id).where(_due(now)).limit(1)) is None:
            return None
    with db.write() as session:
        for job in _due_jobs(session, now):
            if job.attempts < MAX_ATTEMPTS:
                return _take(job, now)
            job.state, job.finished_at, job.leased_until = JobState.FAILED, now, None
            job.error = job.error or DIED
    return None


def _due_jobs(session: Session, now: datetime) -> Iterator[Job]:
    """Due jobs, oldest first, locked one at a time so that workers do not queue up."""
    oldest = select(Job).where(_due(now)).order_by(Job.run_after, Job.id).limit(1)
    while (job := session.scalar(oldest.with_for_update(skip_locked=True))) is not None:
        yield job
        session.flush()


def _take(job: Job, now: datetime) -> Leased:
    job.state, job.attempts = JobState.LEASED, job.attempts + 1
    job.leased_until = now + LEASE
    return Leased(job.id, job.kind, job.payload, job.attempts, job.leased_until)


def extend(db: Database, clock: Clock, leased: Leased) -> bool:
    """Prolong a lease during long work; False if another worker has taken the job over."""
    with db.write() as session:
        changed = session.execute(
            update(Job)
            .where(Job.id == leased.id, Job.attempts == leased.attempts)
            .where(Job.state == JobState.LEASED)
            .values(leased_until=clock.now() + LEASE)
        )
    return bool(cast(CursorResult[Any], changed).rowcount)


def finish(session: Session, clock: Clock, leased: Leased) -> bool:
    """Mark done, in the handler's own transaction; False if the lease was lost meanwhile."""
    changed = session.execute(
        update(Job)
        .where(Job.id == leased.id, Job.attempts == leased.attempts)
        .where(Job.state == JobState.LEASED)
        .values(state=JobState.DONE, finished_at=clock.now(), leased_until=None, error="")
    )
    return bool(cast(CursorResult[Any], changed).rowcount)


def complete(session: Session, clock: Clock, leased: Leased) -> None:
    """`finish`, or LeaseLost: raised inside the transaction, it takes the whole work back."""
    if not finish(session, clock, leased):
        raise LeaseLost(str(leased.id))


def state_of(db: Database, leased: Leased) -> JobState:
    """The job's present state."""
    with db.read() as session:
        return JobState(session.scalars(select(Job.state).where(Job.id == leased.id)).one())


def fail(db: Database, clock: Clock, leased: Leased, error: str) -> JobState:
    """Try again later, or give up after `MAX_ATTEMPTS`; returns the new state."""
    now = clock.now()
    gone = leased.attempts >= MAX_ATTEMPTS
    state = JobState.FAILED if gone else JobState.QUEUED
    pause = timedelta(seconds=BACKOFF_SECONDS**leased.attempts)
    with db.write() as session:
        session.execute(
            update(Job)
            .where(Job.id == leased.id, Job.attempts == leased.attempts)
            .where(Job.state == JobState.LEASED)
            .values(
                state=state,
                error=error[:2000],
                run_after=now + pause,
                leased_until=None,
                finished_at=now if gone else None,
            )
        )
    return state
