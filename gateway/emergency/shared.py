"""What the verbs of break-glass access share: who answers, how one closes, what is refused."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gateway.catalog.models import Dataset
from gateway.emergency.models import Emergency
from gateway.errors import Problem, ProblemCode
from gateway.identity.models import Role
from gateway.identity.refusals import role_missing
from gateway.identity.service_roles import roles_held_by, roles_of
from gateway.journal import Act, Actor, Entry, PartyKind
from gateway.runtime import Runtime

TOLD = (Role.OPERATOR, Role.AUDITOR)
REASON_FROM, REASON_TO = 20, 2000
# So long nobody follows an emergency with another, or it would be no short one.
QUIET = timedelta(hours=24)


def answering(
    session: Session,
    runtime: Runtime,
    actor: Actor,
    roles: tuple[Role, ...],
    by: uuid.UUID | None,
) -> uuid.UUID:
    """Who answers: the actor with one of `roles` now, or on the host the person named with `by`.

    Raises Problem 403.
    """
    now = runtime.clock.now()
    person = by if by is not None and actor.kind is PartyKind.OPERATOR else actor.person_id
    held = roles_of(session, person, now) if person and person == by else frozenset()
    held |= roles_held_by(session, actor, now)
    if person is None or not any(role in roles for role, _scope in held):
        raise role_missing(actor, roles)
    return person


def close_expired(session: Session, runtime: Runtime, person: uuid.UUID) -> None:
    """End the person's emergency that has run out, with its event, in the caller's transaction."""
    row = session.scalar(
        select(Emergency)
        .where(Emergency.person_id == person, Emergency.ended_at.is_(None))
        .where(Emergency.ends_at <= runtime.clock.now())
        .with_for_update()
    )
    if row is not None:
        close(session, runtime, row)


def check_not_chained(session: Session, person: uuid.UUID, dataset: Dataset, now: datetime) -> None:
    """Refuse an emergency that follows another over the dataset which no auditor has looked at:
    ever by the same person, and within a day by anybody. Of two at once, one waits for the other.
    That one's own is still open is not said here.

    Raises Problem 409.
    """
    session.get_one(Dataset, dataset.id, with_for_update=True)
    unseen = select(Emergency.id).where(
        Emergency.dataset_id == dataset.id, Emergency.reviewed_by.is_(None)
    )
    recent = func.coalesce(Emergency.ended_at, Emergency.ends_at) > now - QUIET
    own = (Emergency.person_id == person) & Emergency.ended_at.is_not(None)
    others = (Emergency.person_id != person) & recent
    if session.scalar(unseen.where(own | others).limit(1)):
        raise Problem(
            ProblemCode.WRONG_STATE,
            "이 데이터셋에 열었던 비상 권한을 감사 담당자가 아직 확인하지 않았습니다."
            " 감사 담당자의 확인을 받은 뒤에 다시 열 수 있습니다."
            " 다른 운영자는 앞의 비상 권한이 끝나고 24시간이 지나도 열 수 있습니다.",
            "An earlier emergency over this dataset has not been reviewed. Another can be opened"
            " once an auditor has reviewed it, or by another operator 24 hours after its end.",
        )


def dataset_of(runtime: Runtime, emergency_id: uuid.UUID) -> Dataset:
    """The dataset of an emergency. Raises Problem 404."""
    with runtime.db.read() as session:
        row = session.get(Emergency, emergency_id)
        if row is None:
            raise not_found()
        return session.get_one(Dataset, row.dataset_id)


def entry(
    actor: Actor, act: Act, row: Emergency, dataset: Dataset, detail: Mapping[str, Any]
) -> Entry:
    """An event about an emergency."""
    return Entry(
        actor,
        act,
        subjects=[row.person_id],
        dataset=dataset.slug,
        ref=f"emergency:{row.id}",
        detail=detail,
    )


def close(session: Session, runtime: Runtime, row: Emergency) -> None:
    row.ended_at = row.ends_at
    session.flush()
    record_closed(session, runtime, Actor.system(), row, "expired")


def record_closed(
    session: Session, runtime: Runtime, actor: Actor, row: Emergency, why: str
) -> None:
    dataset = session.get_one(Dataset, row.dataset_id)
    detail = {"why": why, "uses": row.uses}
    runtime.journal.record(session, entry(actor, Act.EMERGENCY_CLOSED, row, dataset, detail))


def checked_reason(text: str, field: str = "reason") -> str:
    said = text.strip()
    if not REASON_FROM <= len(said) <= REASON_TO:
        raise invalid(
            field,
            f"{REASON_FROM}자 이상 {REASON_TO}자 이하로 적어 주십시오.",
            f"Please write {REASON_FROM} to {REASON_TO} characters.",
        )
    return said


def not_found() -> Problem:
    """The answer for an emergency that does not exist."""
    return Problem(
        ProblemCode.NOT_FOUND, "해당 비상 권한이 없습니다.", "There is no such emergency."
    )


def over() -> Problem:
    return Problem(
        ProblemCode.WRONG_STATE,
        "이 비상 권한의 현재 상태에서는 할 수 없습니다. 끝났으면 새로 열어야 합니다.",
        "The emergency is not in a state that allows this. If it is over, open another.",
    )


def invalid(field: str, ko: str, en: str) -> Problem:
    return Problem(ProblemCode.VALIDATION_FAILED, ko, en, field=field)
