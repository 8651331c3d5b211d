"""Taking an offered place: the link and an account with the invited address, both, once."""

from __future__ import annotations

from typing import NoReturn

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from gateway import ids
from gateway.errors import Problem, ProblemCode
from gateway.identity import rules
from gateway.identity.models import Membership, Organisation, Person
from gateway.identity.models_organisations import Invitation
from gateway.identity.service_invitations import check_open, of_token
from gateway.identity.service_memberships import live_membership
from gateway.identity.service_organisations import get_organisation, manages
from gateway.journal import Act, Actor, Entry
from gateway.runtime import Runtime


def opened(runtime: Runtime, token: str) -> tuple[Invitation, Organisation]:
    """The open invitation of a link. Raises Problem 404 for any other, with one answer."""
    with runtime.db.read() as session:
        row = session.scalar(select(Invitation).where(of_token(runtime, token)))
        return (row, get_organisation(session, row.organisation_id)) if row else _gone()


def accept(runtime: Runtime, actor: Actor, token: str) -> Membership:
    """Take the offered place; of any number of requests with one link exactly one succeeds.

    Raises Problem 404 for a link that does not hold (any more), 403 for an account with another
    address, 409 for a member, or when whoever invited no longer manages the organisation.
    """
    person_id, now = actor.person_id, runtime.clock.now()
    offered, _organisation = opened(runtime, token)
    with runtime.db.write() as session:
        # The organisation is locked first, as by its directory, so that neither waits in a circle.
        get_organisation(session, offered.organisation_id, lock=True)
        used = session.scalar(
            update(Invitation)
            .where(of_token(runtime, token))
            .values(used_at=now, used_by=person_id)
            .returning(Invitation.id)
        )
        row = session.get_one(Invitation, used) if used else _gone()
        _check_acceptable(session, row, session.get_one(Person, person_id))
        membership = _take_in(session, runtime, actor, row)
        row.membership_id, row.email, row.mailbox = membership.id, "", ""
        return membership


def _check_acceptable(session: Session, row: Invitation, person: Person) -> None:
    check_open(get_organisation(session, row.organisation_id))
    if row.mailbox != rules.mailbox(person.email):
        raise Problem(
            ProblemCode.FORBIDDEN,
            "초대받은 이메일 주소를 쓰는 계정으로 로그인하거나 계정의 이메일 주소를 고쳐 주십시오.",
            "Sign in with the account of the invited address, or correct your account's address.",
        )
    if not manages(session, row.invited_by, row.organisation_id):
        raise Problem(
            ProblemCode.WRONG_STATE,
            "초대한 사람이 더는 기관 관리자가 아닙니다. 새 초대를 요청해 주십시오.",
            "Whoever invited you no longer manages the organisation; ask for a new invitation.",
        )


def _take_in(session: Session, runtime: Runtime, actor: Actor, row: Invitation) -> Membership:
    """The membership: a request that waits is confirmed, whoever belongs already is told so."""
    assert actor.person_id is not None
    now = runtime.clock.now()
    place = live_membership(session, actor.person_id, row.organisation_id)
    if place is not None and place.confirmed_by is not None:
        raise Problem(ProblemCode.CONFLICT, "이미 소속되어 있습니다.", "You belong to it already.")
    if place is None:
        place = Membership(
            id=ids.new(runtime.clock),
            person_id=actor.person_id,
            organisation_id=row.organisation_id,
        )
        session.add(place)
    place.kind, place.confirmed_by, place.started_at = row.kind, row.invited_by, now
    session.flush()
    detail = {"organisation": str(row.organisation_id), "kind": str(row.kind)}
    told = Entry(
        actor,
        Act.MEMBERSHIP_ACCEPTED,
        subjects=[actor.person_id],
        ref=f"membership:{place.id}",
        detail=detail | {"invitation": str(row.id)},
    )
    runtime.journal.record(session, told)
    return place


def _gone() -> NoReturn:
    raise Problem(
        ProblemCode.NOT_FOUND,
        "이 초대 주소는 쓸 수 없습니다. 이미 썼거나, 기한이 지났거나, 취소되었습니다.",
        "This invitation does not hold: it was used, has run out, or was cancelled.",
        next_ko="초대한 기관의 관리자에게 새 초대를 요청해 주십시오.",
        next_en="Ask the manager who invited you for a new invitation.",
    )
