"""Seats: an organisation's named place under one grant, which its manager gives to another member
without a new application.

A steward makes a grant of an organisation a seat. Moving it ends the holder's grant and everything
issued for it, and makes one for the new holder with the same dataset, research project, purpose,
window and the rest of the quota, in one transaction. The decision then asks the new holder for all
that is personal: membership, their own acceptance, training, identity.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from gateway import ids
from gateway.access import grants
from gateway.access.models import DECIDED, EndReason, Grant, HolderKind
from gateway.catalog.models import Dataset
from gateway.errors import Problem, ProblemCode
from gateway.identity.models import (
    Membership,
    Organisation,
    OrganisationStatus,
    Person,
    PersonStatus,
)
from gateway.identity.service_memberships import is_member
from gateway.identity.service_organisations import require_manager
from gateway.journal import Act, Actor
from gateway.runtime import Runtime

# What goes along to the new holder; the rest is of the row itself.
KEPT = (
    "organisation_id", "dataset_id", "project_id", "application_item_id", "purpose", "uses",
    "study", "purpose_reviewed", "ends_at",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Seat:
    """A live seat of an organisation with its dataset and who sits on it."""

    grant: Grant
    dataset: Dataset
    holder: Person


def make_seat(runtime: Runtime, actor: Actor, grant_id: uuid.UUID) -> None:
    """Make a grant of an organisation one of its seats. The caller is a steward of the dataset.

    Raises Problem NOT_FOUND, FORBIDDEN for one's own, WRONG_STATE for one that has ended, is a
    seat already, or is held without an organisation.
    """

    def change(grant: Grant) -> None:
        grants.expect(grant.organisation_id is not None)
        grants.expect(grant.holder_kind == HolderKind.PERSON)
        grant.holder_kind = HolderKind.SEAT

    grants.change_grant(runtime, actor, grant_id, Act.GRANT_MADE_SEAT, change)


def move_seat(
    runtime: Runtime,
    actor: Actor,
    organisation_id: uuid.UUID,
    grant_id: uuid.UUID,
    to_person: uuid.UUID,
) -> Grant:
    """Give a seat to another confirmed member, by a manager of the organisation; of any number
    of requests about one seat exactly one succeeds.

    Raises Problem FORBIDDEN for others, for giving it to oneself or to somebody who decided on its
    application, NOT_FOUND, CONFLICT when
    the member has this grant already, WRONG_STATE for a seat that cannot be used now.
    """
    now = runtime.clock.now()
    with runtime.db.write() as session:
        organisation = require_manager(session, actor, organisation_id)
        old = session.get(Grant, grant_id, with_for_update=True)
        if old is None or old.organisation_id != organisation_id:
            raise grants.not_found()
        _check_movable(organisation, old, now)
        _check_new_holder(session, actor, old, to_person)
        grants.end_row(old, EndReason.MOVED, now, actor.person_id)
        session.flush()
        new = _moved(runtime, old, to_person, now)
        session.add(new)
        _flush(session)
        grants.plan_expiry(session, runtime, new)
        told = grants.entry(session, actor, Act.GRANT_SEAT_MOVED, new)
        detail = {**told.detail, "from": str(old.id)}
        subjects = (old.person_id, new.person_id)
        runtime.journal.record(session, replace(told, subjects=subjects, detail=detail))
        return new


def seats_of(session: Session, organisation_id: uuid.UUID, now: datetime) -> Sequence[Seat]:
    """The live seats of an organisation, by dataset."""
    rows = session.execute(
        select(Grant, Dataset, Person)
        .join(Dataset, Dataset.id == Grant.dataset_id)
        .join(Person, Person.id == Grant.person_id)
        .where(Grant.organisation_id == organisation_id, Grant.ended_at.is_(None))
        .where(Grant.holder_kind == HolderKind.SEAT, Grant.ends_at > now)
        .order_by(Dataset.slug, Grant.id)
    )
    return [Seat(*row) for row in rows]


def candidates(session: Session, organisation_id: uuid.UUID) -> Sequence[Person]:
    """The members who may be given a seat, by name."""
    return session.scalars(
        select(Person)
        .join(Membership, Membership.person_id == Person.id)
        .where(is_member(organisation_id), Person.status == PersonStatus.ACTIVE)
        .order_by(Person.name, Person.id)
    ).all()


def _check_movable(organisation: Organisation, grant: Grant, now: datetime) -> None:
    grants.expect(organisation.status == OrganisationStatus.VERIFIED)
    grants.expect(grant.holder_kind == HolderKind.SEAT)
    grants.expect(grant.ended_at is None and not grant.suspended and now < grant.ends_at)
    grants.expect(grant.quota_bytes is None or grant.used_bytes < grant.quota_bytes)


def _check_new_holder(session: Session, actor: Actor, grant: Grant, person: uuid.UUID) -> None:
    if person == actor.person_id:
        raise Problem(
            ProblemCode.FORBIDDEN,
            "자신에게는 이용 좌석을 옮길 수 없습니다. 다른 기관 관리자에게 요청해 주십시오.",
            "You cannot give a seat to yourself; ask another manager of the organisation.",
        )
    assert grant.organisation_id is not None
    if person not in {each.id for each in candidates(session, grant.organisation_id)}:
        raise Problem(
            ProblemCode.VALIDATION_FAILED,
            "이 기관에 소속된 사람을 선택해 주십시오.",
            "Please choose a member of the organisation.",
            field="person",
        )
    held = select(Grant.id).where(
        Grant.person_id == person,
        Grant.dataset_id == grant.dataset_id,
        Grant.project_id == grant.project_id,
        Grant.ended_at.is_(None),
    )
    if session.scalar(held) is not None:
        raise Problem(
            ProblemCode.CONFLICT,
            "이 사람은 이미 같은 이용 권한을 가지고 있습니다.",
            "This person holds the same grant already.",
            field="person",
        )


def _flush(session: Session) -> None:
    """Write the new grant. Raises Problem FORBIDDEN when the database finds its holder among those
    who decided on the application: their votes are kept on a higher floor."""
    try:
        session.flush()
    except IntegrityError as error:
        if DECIDED not in str(error.orig):
            raise
        raise Problem(
            ProblemCode.FORBIDDEN,
            "이 이용 권한의 신청을 심의한 사람에게는 좌석을 옮길 수 없습니다. 다른 구성원을 선택해 "
            "주십시오.",
            "Whoever decided on the application for this grant cannot be given the seat. Please "
            "choose another member.",
            field="person",
        ) from error


def _moved(runtime: Runtime, old: Grant, person_id: uuid.UUID, now: datetime) -> Grant:
    left = None if old.quota_bytes is None else old.quota_bytes - old.used_bytes
    return Grant(
        id=ids.new(runtime.clock),
        holder_kind=HolderKind.SEAT,
        person_id=person_id,
        starts_at=max(old.starts_at, now),
        quota_bytes=left,
        created_at=now,
        **{name: getattr(old, name) for name in KEPT},
    )
