"""After an emergency: it is closed when it has run out, and an auditor judges it."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from sqlalchemy import select

from gateway.catalog.models import Dataset
from gateway.emergency.models import Emergency, Verdict
from gateway.emergency.shared import (
    answering,
    checked_reason,
    close,
    close_expired,
    entry,
    not_found,
    over,
)
from gateway.errors import Problem, ProblemCode
from gateway.identity.models import Role
from gateway.journal import Act, Actor
from gateway.runtime import Runtime


def review(
    runtime: Runtime, actor: Actor, emergency_id: uuid.UUID, verdict: Verdict, note: str
) -> None:
    """An auditor judges an emergency that is over; one's own is somebody else's to judge.

    Raises Problem 403, 404, 409 while it runs or when it is reviewed, 422 for the note.
    """
    said = checked_reason(note, "note")
    now = runtime.clock.now()
    with runtime.db.write() as session:
        auditor = answering(session, runtime, actor, (Role.AUDITOR,), None)
        row = session.get(Emergency, emergency_id, with_for_update=True)
        if row is None:
            raise not_found()
        if row.person_id == auditor:
            raise Problem(
                ProblemCode.FORBIDDEN,
                "자신의 비상 권한은 다른 감사 담당자가 검토합니다.",
                "Your own emergency is reviewed by another auditor.",
            )
        if row.ended_at is None and row.ends_at <= now:
            close(session, runtime, row)
        if row.ended_at is None or row.reviewed_at is not None:
            raise over()
        row.reviewed_at, row.reviewed_by = now, auditor
        row.verdict, row.review_note = verdict, said
        dataset = session.get_one(Dataset, row.dataset_id)
        detail = {"verdict": str(verdict)}
        told = entry(actor, Act.EMERGENCY_REVIEWED, row, dataset, detail)
        runtime.journal.record(session, told)


def keep(runtime: Runtime) -> None:
    """Write the end of emergencies that ran out; by the clock they are over already."""
    now = runtime.clock.now()
    late = (Emergency.ended_at.is_(None)) & (Emergency.ends_at <= now)
    with runtime.db.read() as session:
        found: Sequence[uuid.UUID] = session.scalars(select(Emergency.person_id).where(late)).all()
    for person in found:
        with runtime.db.write() as session:
            close_expired(session, runtime, person)
