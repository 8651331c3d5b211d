"""Invitations: a manager offers a place in the organisation to whoever reads one mailbox.

The link works once and for a week. Its token follows from the invitation's id under a key outside
the database, so the database never holds it; whoever invites never sees it either. Accepting takes
the link *and* an account with the invited address: neither a forwarded mail nor an account that
merely claims the address is enough.
"""

from __future__ import annotations

import hmac
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from gateway import ids
from gateway.errors import Problem, ProblemCode
from gateway.identity import rules, throttle
from gateway.identity.models import (
    Membership,
    MembershipKind,
    Organisation,
    OrganisationStatus,
    Person,
)
from gateway.identity.models_organisations import Invitation
from gateway.identity.service_memberships import is_member
from gateway.identity.service_organisations import get_organisation, require_manager
from gateway.identity.service_sessions import digest
from gateway.identity.throttle import Blocked, Kind
from gateway.jobs import queue
from gateway.journal import Act, Actor, Entry
from gateway.keys import Purpose
from gateway.runtime import Runtime

LIFETIME = timedelta(days=7)
MAIL_JOB = "identity.invitation_mail"
LABEL = b"sumun-invitation-link-v1"
MOST_OPEN = 1000


@dataclass(frozen=True, slots=True)
class Offer:
    """What is offered to whom; `provisioned` by the organisation's own directory."""

    email: str
    kind: MembershipKind = MembershipKind.MEMBER
    provisioned: bool = False


def invite(runtime: Runtime, actor: Actor, organisation_id: uuid.UUID, offer: Offer) -> Invitation:
    """Have a link mailed; an earlier open invitation of the same mailbox is cancelled.

    By a manager of the organisation. Raises Problem 403, 404, 409 while the organisation is not
    verified or for somebody who belongs to it, 422 for the address, 429 for too many to one
    mailbox.
    """
    email = rules.email(offer.email)
    with runtime.db.read() as session:
        require_manager(session, actor, organisation_id)
    count_mailbox(runtime, email)
    with runtime.db.write() as session:
        row = get_organisation(session, organisation_id, lock=True)
        require_manager(session, actor, organisation_id)
        check_open(row)
        if members_at(session, organisation_id, email):
            raise Problem(
                ProblemCode.CONFLICT,
                "이 주소를 쓰는 사람은 이미 소속되어 있습니다.",
                "Somebody with this address belongs to the organisation already.",
                field="email",
            )
        return add(session, runtime, actor, row, Offer(email, offer.kind, offer.provisioned))


def add(
    session: Session, runtime: Runtime, actor: Actor, organisation: Organisation, offer: Offer
) -> Invitation:
    """Store an invitation with its mail and its event, in the caller's transaction, which has
    checked who asks and holds the organisation's row."""
    assert actor.person_id is not None
    now, invitation_id = runtime.clock.now(), ids.new(runtime.clock)
    same = _open() & (Invitation.mailbox == rules.mailbox(offer.email))
    for earlier in _of(session, organisation.id, same):
        cancel_row(session, runtime, actor, earlier)
    _check_number(session, organisation.id)
    row = Invitation(
        id=invitation_id,
        organisation_id=organisation.id,
        email=offer.email,
        mailbox=rules.mailbox(offer.email),
        kind=offer.kind,
        token_sha256=digest(token_of(runtime, invitation_id)),
        invited_by=actor.person_id,
        provisioned=offer.provisioned,
        created_at=now,
        expires_at=now + LIFETIME,
    )
    session.add(row)
    session.flush()
    payload = {"invitation": str(row.id)}
    queue.enqueue(session, runtime.clock, MAIL_JOB, mail_key(row.id), payload)
    runtime.journal.record(session, entry(actor, Act.MEMBERSHIP_INVITED, row))
    return row


def withdraw(runtime: Runtime, actor: Actor, invitation_id: uuid.UUID) -> uuid.UUID:
    """Cancel an open invitation, by a manager; returns the organisation's id.

    Raises Problem 403, 404, or 409 when it is no longer open.
    """
    with runtime.db.write() as session:
        row = session.get(Invitation, invitation_id, with_for_update=True)
        if row is None:
            raise Problem(ProblemCode.NOT_FOUND)
        require_manager(session, actor, row.organisation_id)
        if row.used_at is not None or row.cancelled_at is not None:
            raise Problem(ProblemCode.WRONG_STATE)
        cancel_row(session, runtime, actor, row)
        return row.organisation_id


def cancel_row(session: Session, runtime: Runtime, actor: Actor, row: Invitation) -> None:
    """End an open invitation in the caller's transaction; its address is forgotten."""
    row.cancelled_at, row.email, row.mailbox = runtime.clock.now(), "", ""
    session.flush()
    runtime.journal.record(session, entry(actor, Act.MEMBERSHIP_INVITATION_CANCELLED, row))


def open_invitations(
    session: Session, organisation_id: uuid.UUID, now: datetime
) -> Sequence[Invitation]:
    """What an organisation has offered and nobody has taken, newest first."""
    return _of(session, organisation_id, _open() & (Invitation.expires_at > now))


def members_at(session: Session, organisation_id: uuid.UUID, email: str) -> list[Membership]:
    """The confirmed memberships of those who gave this address for their account."""
    rows = session.execute(
        select(Membership, Person.email)
        .join(Person, Person.id == Membership.person_id)
        .where(is_member(organisation_id))
        .order_by(Membership.id)
    )
    wanted = rules.mailbox(email)
    return [row for row, given in rows if rules.mailbox(given) == wanted]


def forget_addresses(runtime: Runtime) -> None:
    """Remove the addresses of invitations that have run out."""
    stale = (Invitation.expires_at <= runtime.clock.now()) & (Invitation.email != "")
    with runtime.db.read() as session:
        if session.scalar(select(Invitation.id).where(stale).limit(1)) is None:
            return
    with runtime.db.write() as session:
        gone = {"email": "", "mailbox": "", "cancelled_at": runtime.clock.now()}
        session.execute(update(Invitation).where(stale).values(gone))


def token_of(runtime: Runtime, invitation_id: uuid.UUID) -> str:
    """The secret part of an invitation's link."""
    key = runtime.keys.current(Purpose.LOOKUP).material
    return urlsafe_b64encode(hmac.digest(key, LABEL + invitation_id.bytes, "sha256")).decode()


def mail_key(invitation_id: uuid.UUID) -> str:
    """What the mail of an invitation is called: its job, and its file in the outbox."""
    return f"invitation-{invitation_id}"


def count_mailbox(runtime: Runtime, email: str) -> None:
    """Count a letter to this mailbox, from whichever organisation. Raises Problem 429."""
    subject = throttle.subject(runtime, Kind.INVITATION, rules.mailbox(email))
    try:
        throttle.attempt(runtime, [subject])
    except Blocked as blocked:
        raise blocked.problem from None


def entry(actor: Actor, act: Act, row: Invitation) -> Entry:
    """The event of something done with an invitation; it names no address."""
    detail = {
        "organisation": str(row.organisation_id),
        "kind": str(row.kind),
        "provisioned": row.provisioned,
    }
    return Entry(actor, act, ref=f"invitation:{row.id}", detail=detail)


def of_token(runtime: Runtime, token: str) -> ColumnElement[bool]:
    """The condition that an invitation is the open one of this link."""
    known = Invitation.token_sha256 == digest(token)
    return known & _open() & (Invitation.expires_at > runtime.clock.now())


def _open() -> ColumnElement[bool]:
    return Invitation.used_at.is_(None) & Invitation.cancelled_at.is_(None)


def _of(
    session: Session, organisation_id: uuid.UUID, condition: ColumnElement[bool]
) -> Sequence[Invitation]:
    return session.scalars(
        select(Invitation)
        .where(Invitation.organisation_id == organisation_id, condition)
        .order_by(Invitation.id.desc())
    ).all()


def check_open(row: Organisation) -> None:
    """Raise Problem 409 while the organisation is not verified."""
    if row.status != OrganisationStatus.VERIFIED:
        raise Problem(
            ProblemCode.WRONG_STATE,
            "기관이 확인된 뒤에 초대할 수 있습니다.",
            "People can be invited once the organisation is verified.",
        )


def _check_number(session: Session, organisation_id: uuid.UUID) -> None:
    found = select(Invitation.id).where(Invitation.organisation_id == organisation_id, _open())
    if len(session.scalars(found.limit(MOST_OPEN)).all()) >= MOST_OPEN:
        raise Problem(
            ProblemCode.TOO_MANY_REQUESTS,
            f"응답을 기다리는 초대가 {MOST_OPEN}건에 이르렀습니다.",
            f"{MOST_OPEN} invitations are waiting for an answer already.",
        )
