"""Who belongs to an organisation: asked for, confirmed by its manager, ended at once."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from sqlalchemy import ColumnElement, and_, exists, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, aliased

from gateway import ids
from gateway.errors import Problem, ProblemCode
from gateway.identity.models import (
    Membership,
    MembershipKind,
    Organisation,
    OrganisationStatus,
    Person,
)
from gateway.identity.refusals import manager_missing
from gateway.identity.service_organisations import get_organisation, is_manager, is_steward
from gateway.journal import Act, Actor, Entry
from gateway.runtime import Runtime

# An organisation that was turned down or stopped takes nobody in.
OPEN = (OrganisationStatus.PENDING, OrganisationStatus.VERIFIED)


def request_membership(
    runtime: Runtime, actor: Actor, organisation_id: uuid.UUID, kind: MembershipKind
) -> Membership:
    """Ask to belong to an organisation; it counts once confirmed.

    Raises Problem 404, or 409 when one belongs or has asked already, or it takes nobody in.
    """
    assert actor.person_id is not None
    row = Membership(
        id=ids.new(runtime.clock),
        person_id=actor.person_id,
        organisation_id=organisation_id,
        kind=kind,
        started_at=runtime.clock.now(),
    )
    try:
        with runtime.db.write() as session:
            if get_organisation(session, organisation_id).status not in OPEN:
                raise Problem(ProblemCode.WRONG_STATE)
            session.add(row)
            session.flush()
            runtime.journal.record(session, _entry(actor, Act.MEMBERSHIP_REQUESTED, row))
    except IntegrityError as error:
        raise Problem(
            ProblemCode.CONFLICT,
            "이미 소속되어 있거나 소속을 신청했습니다.",
            "You belong to this organisation already, or have asked to.",
        ) from error
    return row


def confirm_membership(runtime: Runtime, actor: Actor, membership_id: uuid.UUID) -> None:
    """A manager takes somebody in; a steward does so while there is no manager.

    Raises Problem 403 for oneself and for everybody else, 404, 409 when confirmed or ended.
    """
    with runtime.db.write() as session:
        row = _get(session, membership_id, lock=True)
        if row.ended_at is not None or row.confirmed_by is not None:
            raise Problem(ProblemCode.WRONG_STATE)
        if row.person_id == actor.person_id or not _may_confirm(session, runtime, actor, row):
            raise Problem(
                ProblemCode.FORBIDDEN,
                "소속은 그 기관의 관리자가, 관리자가 없으면 데이터 관리 담당자가 확인합니다.",
                "A membership is confirmed by the organisation's manager, or by a data steward "
                "while it has none.",
            )
        row.confirmed_by, row.started_at = actor.person_id, runtime.clock.now()
        runtime.journal.record(session, _entry(actor, Act.MEMBERSHIP_STARTED, row))


def end_membership(runtime: Runtime, actor: Actor, membership_id: uuid.UUID) -> None:
    """End a membership at once: by the member, a manager of the organisation, or a steward.

    Raises Problem 403, 404, or 409 when it has ended.
    """
    with runtime.db.write() as session:
        row = _get(session, membership_id, lock=True)
        if row.person_id != actor.person_id and not _may_end(session, runtime, actor, row):
            raise manager_missing(actor, "데이터 관리 담당자", "a data steward")
        if row.ended_at is not None:
            raise Problem(ProblemCode.WRONG_STATE)
        end_row(session, runtime, actor, row)


def end_row(session: Session, runtime: Runtime, actor: Actor, row: Membership) -> None:
    """End a live membership in the caller's transaction, which holds its row."""
    row.ended_at = runtime.clock.now()
    runtime.journal.record(session, _entry(actor, Act.MEMBERSHIP_ENDED, row))


def memberships_of(
    session: Session, person_id: uuid.UUID
) -> Sequence[tuple[Membership, Organisation]]:
    """A person's places, asked for or confirmed, that have not ended."""
    rows = session.execute(
        select(Membership, Organisation)
        .join(Organisation, Organisation.id == Membership.organisation_id)
        .where(Membership.person_id == person_id, Membership.ended_at.is_(None))
        .order_by(Organisation.name, Membership.id)
    )
    return [(row.Membership, row.Organisation) for row in rows]


def members_of(session: Session, organisation_id: uuid.UUID) -> Sequence[tuple[Membership, Person]]:
    """Who belongs to an organisation or has asked to; those who wait come first."""
    rows = session.execute(
        select(Membership, Person)
        .join(Person, Person.id == Membership.person_id)
        .where(Membership.organisation_id == organisation_id, Membership.ended_at.is_(None))
        .order_by(Membership.confirmed_by.is_not(None), Membership.started_at, Membership.id)
    )
    return [(row.Membership, row.Person) for row in rows]


def live_membership(
    session: Session, person_id: uuid.UUID, organisation_id: uuid.UUID
) -> Membership | None:
    """A person's place in an organisation, asked for or confirmed, that has not ended."""
    return session.scalar(
        select(Membership)
        .where(Membership.person_id == person_id, Membership.ended_at.is_(None))
        .where(Membership.organisation_id == organisation_id)
        .with_for_update()
    )


def is_member(organisation_id: uuid.UUID) -> ColumnElement[bool]:
    """The condition that a membership is one of the organisation, confirmed and live."""
    return and_(
        Membership.organisation_id == organisation_id,
        Membership.confirmed_by.is_not(None),
        Membership.ended_at.is_(None),
    )


def _get(session: Session, membership_id: uuid.UUID, *, lock: bool = False) -> Membership:
    row = session.get(Membership, membership_id, with_for_update=lock)
    if row is None:
        raise Problem(ProblemCode.NOT_FOUND)
    return row


def has_manager(session: Session, organisation_id: uuid.UUID) -> bool:
    """Whether anybody is a confirmed manager of the organisation."""
    found = select(Membership.id).where(
        Membership.organisation_id == organisation_id,
        Membership.kind == MembershipKind.MANAGER,
        Membership.confirmed_by.is_not(None),
        Membership.ended_at.is_(None),
    )
    return session.scalar(found.limit(1)) is not None


def _may_confirm(session: Session, runtime: Runtime, actor: Actor, row: Membership) -> bool:
    if is_manager(session, actor, row.organisation_id):
        return True
    orphaned = not has_manager(session, row.organisation_id)
    return orphaned and is_steward(session, runtime, actor)


def _may_end(session: Session, runtime: Runtime, actor: Actor, row: Membership) -> bool:
    return is_manager(session, actor, row.organisation_id) or is_steward(session, runtime, actor)


def _entry(actor: Actor, act: Act, row: Membership) -> Entry:
    detail = {"organisation": str(row.organisation_id), "kind": str(row.kind)}
    return Entry(actor, act, subjects=[row.person_id], ref=f"membership:{row.id}", detail=detail)


def waiting_for_steward(session: Session) -> Sequence[tuple[Membership, Person, Organisation]]:
    """Requests that no manager can confirm because the organisation has none, oldest first."""
    manager = aliased(Membership)
    managed = exists().where(
        manager.organisation_id == Membership.organisation_id,
        manager.kind == MembershipKind.MANAGER,
        manager.confirmed_by.is_not(None),
        manager.ended_at.is_(None),
    )
    rows = session.execute(
        select(Membership, Person, Organisation)
        .join(Person, Person.id == Membership.person_id)
        .join(Organisation, Organisation.id == Membership.organisation_id)
        .where(Membership.confirmed_by.is_(None), Membership.ended_at.is_(None), ~managed)
        .where(Organisation.status == OrganisationStatus.VERIFIED)
        .order_by(Membership.started_at, Membership.id)
    )
    return [(row.Membership, row.Person, row.Organisation) for row in rows]


def organisation_of(session: Session, membership_id: uuid.UUID) -> uuid.UUID:
    """The organisation a membership belongs to. Raises Problem 404."""
    return _get(session, membership_id).organisation_id
