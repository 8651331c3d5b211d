"""Organisations: registered by anybody, verified by a steward."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from gateway import ids
from gateway.errors import Problem, ProblemCode
from gateway.identity import rules
from gateway.identity.models import (
    Membership,
    MembershipKind,
    Organisation,
    OrganisationKind,
    OrganisationStatus,
    Role,
)
from gateway.identity.refusals import Part, manager_missing, role_missing
from gateway.identity.service_roles import covers, roles_held_by
from gateway.journal import Act, Actor, Entry, PartyKind
from gateway.runtime import Runtime

NAME_LENGTH = 200


@dataclass(frozen=True, slots=True)
class NewOrganisation:
    """What is registered. `business_number` belongs to Korean organisations only."""

    name: str
    kind: OrganisationKind
    country: str = rules.KOREA
    business_number: str | None = None


def register(runtime: Runtime, actor: Actor, new: NewOrganisation) -> Organisation:
    """Register an organisation; whoever does asks to be its first manager.

    Raises Problem 409 when the business number is known already, 422 for a field.
    """
    assert actor.person_id is not None
    row = _valid(runtime, new, actor.person_id)
    try:
        with runtime.db.write() as session:
            session.add(row)
            session.flush()
            session.add(_first_manager(runtime, row, actor.person_id))
            runtime.journal.record(session, entry(actor, Act.ORGANISATION_REGISTERED, row))
    except IntegrityError as error:
        raise _known_number() from error
    return row


def correct_organisation(
    runtime: Runtime, actor: Actor, organisation_id: uuid.UUID, new: NewOrganisation
) -> None:
    """Correct what was registered and ask for verification again.

    By whoever registered it or its manager, until it is verified. Raises Problem 403, 404, 409.
    """
    assert actor.person_id is not None
    fresh = _valid(runtime, new, actor.person_id)
    try:
        with runtime.db.write() as session:
            row = get_organisation(session, organisation_id, lock=True)
            check_correctable(session, actor, row)
            row.name, row.kind, row.country = fresh.name, fresh.kind, fresh.country
            row.business_number = fresh.business_number
            row.status, row.status_reason = OrganisationStatus.PENDING, ""
            session.flush()
            runtime.journal.record(session, entry(actor, Act.ORGANISATION_REGISTERED, row))
    except IntegrityError as error:
        raise _known_number() from error


def check_correctable(session: Session, actor: Actor, row: Organisation) -> None:
    """Raise Problem 403 for everybody who may not correct it, 409 once it is verified."""
    if actor.person_id != row.created_by and not is_manager(session, actor, row.id):
        raise manager_missing(actor, "기관을 등록한 사람", "whoever registered it")
    if row.status not in (OrganisationStatus.PENDING, OrganisationStatus.REJECTED):
        raise _wrong_state(row)


def verify(runtime: Runtime, actor: Actor, organisation_id: uuid.UUID, reason: str = "") -> None:
    """A steward has compared the registration with its source; also ends a suspension.

    Raises Problem 403 without the role or for one's own organisation, 404, 409 when verified.
    """
    states = (OrganisationStatus.PENDING, OrganisationStatus.REJECTED, OrganisationStatus.SUSPENDED)
    _decide(
        runtime, actor, organisation_id, OrganisationStatus.VERIFIED, allowed=states, reason=reason
    )


def reject(runtime: Runtime, actor: Actor, organisation_id: uuid.UUID, reason: str) -> None:
    """A steward says why it cannot be verified; it may be corrected and asked for again."""
    said = rules.reason(reason)
    allowed = (OrganisationStatus.PENDING,)
    _decide(
        runtime, actor, organisation_id, OrganisationStatus.REJECTED, allowed=allowed, reason=said
    )


def suspend_organisation(
    runtime: Runtime, actor: Actor, organisation_id: uuid.UUID, reason: str
) -> None:
    """A steward stops an organisation: nobody gets another byte on its behalf."""
    said = rules.reason(reason)
    allowed = (OrganisationStatus.VERIFIED,)
    _decide(
        runtime, actor, organisation_id, OrganisationStatus.SUSPENDED, allowed=allowed, reason=said
    )


def get_organisation(
    session: Session, organisation_id: uuid.UUID, *, lock: bool = False
) -> Organisation:
    """The organisation. Raises Problem 404."""
    row = session.get(Organisation, organisation_id, with_for_update=lock)
    if row is None:
        raise Problem(ProblemCode.NOT_FOUND)
    return row


def is_manager(session: Session, actor: Actor, organisation_id: uuid.UUID) -> bool:
    """Whether the actor is a confirmed manager of the organisation, and came in person."""
    if actor.person_id is None or actor.program:
        return False
    return manages(session, actor.person_id, organisation_id)


def manages(session: Session, person_id: uuid.UUID, organisation_id: uuid.UUID) -> bool:
    """Whether the person is a confirmed manager of the organisation."""
    found = session.scalar(
        select(Membership.id).where(
            Membership.organisation_id == organisation_id,
            Membership.person_id == person_id,
            Membership.kind == MembershipKind.MANAGER,
            Membership.confirmed_by.is_not(None),
            Membership.ended_at.is_(None),
        )
    )
    return found is not None


def require_manager(session: Session, actor: Actor, organisation_id: uuid.UUID) -> Organisation:
    """The organisation, whose manager acts. Raises Problem 403, 404."""
    row = get_organisation(session, organisation_id)
    if not is_manager(session, actor, organisation_id):
        raise manager_missing(actor)
    return row


def is_steward(session: Session, runtime: Runtime, actor: Actor) -> bool:
    """Whether the actor is a steward everywhere: organisations belong to no one dataset."""
    return covers(roles_held_by(session, actor, runtime.clock.now()), Role.STEWARD)


def entry(actor: Actor, act: Act, row: Organisation, reason: str | None = None) -> Entry:
    """The event of something done to an organisation."""
    detail = {"kind": str(row.kind), "country": row.country, "status": str(row.status)}
    return Entry(actor, act, ref=f"organisation:{row.id}", reason=reason, detail=detail)


def _valid(runtime: Runtime, new: NewOrganisation, by: uuid.UUID) -> Organisation:
    country = rules.country(new.country)
    return Organisation(
        id=ids.new(runtime.clock),
        name=rules.line("name", new.name, NAME_LENGTH),
        kind=new.kind,
        country=country,
        business_number=_number(country, new.business_number),
        status=OrganisationStatus.PENDING,
        status_reason="",
        created_by=by,
        created_at=runtime.clock.now(),
    )


def _number(country: str, number: str | None) -> str | None:
    if country == rules.KOREA:
        return rules.business_number(number or "")
    if number:
        rules.refuse(
            "business_number",
            "사업자등록번호는 국내 기관만 입력합니다.",
            "Only organisations in Korea have this number.",
        )
    return None


def _first_manager(runtime: Runtime, row: Organisation, person_id: uuid.UUID) -> Membership:
    return Membership(
        id=ids.new(runtime.clock),
        person_id=person_id,
        organisation_id=row.id,
        kind=MembershipKind.MANAGER,
        started_at=runtime.clock.now(),
    )


def _decide(
    runtime: Runtime,
    actor: Actor,
    organisation_id: uuid.UUID,
    status: OrganisationStatus,
    *,
    allowed: Sequence[OrganisationStatus],
    reason: str,
) -> None:
    with runtime.db.write() as session:
        row = get_organisation(session, organisation_id, lock=True)
        check_decider(session, runtime, actor, row)
        if row.status not in allowed:
            raise _wrong_state(row)
        row.status, row.status_reason = status, reason
        if status is OrganisationStatus.VERIFIED:
            row.verified_by, row.verified_at = actor.person_id, runtime.clock.now()
        runtime.journal.record(session, entry(actor, _ACTS[status], row))


_ACTS = {
    OrganisationStatus.VERIFIED: Act.ORGANISATION_VERIFIED,
    OrganisationStatus.REJECTED: Act.ORGANISATION_REJECTED,
    OrganisationStatus.SUSPENDED: Act.ORGANISATION_SUSPENDED,
}


def check_decider(session: Session, runtime: Runtime, actor: Actor, row: Organisation) -> None:
    """Raise Problem 403 for everybody but the host and stewards who do not belong to it."""
    # A command on the host is an operator's own event and names no steward.
    if actor.kind is PartyKind.OPERATOR:
        return
    if not is_steward(session, runtime, actor):
        raise role_missing(actor, [Role.STEWARD], Part.ALL)
    own = select(Membership.id).where(
        Membership.organisation_id == row.id,
        Membership.person_id == actor.person_id,
        Membership.ended_at.is_(None),
    )
    if row.created_by == actor.person_id or session.scalar(own.limit(1)) is not None:
        raise Problem(
            ProblemCode.FORBIDDEN,
            "자신의 소속기관은 다른 담당자가 확인합니다.",
            "Your own organisation is decided on by another steward.",
        )


def _known_number() -> Problem:
    return Problem(
        ProblemCode.CONFLICT,
        "이미 등록된 사업자등록번호입니다. 기관을 찾아 소속을 신청해 주십시오.",
        "This business number is registered already. Find the organisation and ask to join it.",
        field="business_number",
    )


def _wrong_state(row: Organisation) -> Problem:
    return Problem(
        ProblemCode.WRONG_STATE,
        "이 기관의 현재 상태에서는 할 수 없습니다.",
        f"The organisation is {row.status}; this is not possible now.",
    )
