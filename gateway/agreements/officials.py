"""Whose a mail address is, and which signatures a new one of the organisation ends."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.agreements.models import OrganisationAcceptance
from gateway.identity.models import Membership, MembershipKind, Person, PersonStatus
from gateway.identity.rules import mailbox


@dataclass(frozen=True, slots=True)
class Addressee:
    """The confirmed member of an organisation to whom a mail address belongs.

    `registered` says that their membership is that of a signing official.
    """

    person_id: uuid.UUID
    email: str
    registered: bool


def addressee(session: Session, organisation_id: uuid.UUID, address: str) -> Addressee | None:
    """The active, confirmed member whose address it is, a signing official before others."""
    wanted = mailbox(address)
    official = Membership.kind == MembershipKind.SIGNING_OFFICIAL
    members = session.execute(
        select(Person.id, Person.email, official)
        .join(Membership, Membership.person_id == Person.id)
        .where(Membership.organisation_id == organisation_id, Membership.ended_at.is_(None))
        .where(Membership.confirmed_by.is_not(None), Person.status == PersonStatus.ACTIVE)
        .order_by(official.desc(), Membership.id)
    )
    found = (Addressee(*row) for row in members if mailbox(row.email) == wanted)
    return next(found, None)


def end_earlier(
    session: Session, made: OrganisationAcceptance, now: datetime, *, counts: bool
) -> None:
    """End the organisation's other signatures of the same agreement that `made` replaces.

    One that does not count yet replaces only others that wait: what is confirmed stays.
    """
    kind = OrganisationAcceptance
    earlier = select(kind).where(
        kind.organisation_id == made.organisation_id,
        kind.code == made.code,
        kind.id != made.id,
        kind.ended_at.is_(None),
    )
    waiting = earlier.where(kind.confirmed_at.is_(None))
    for row in session.scalars(earlier if counts else waiting):
        row.ended_at = now
    # The partial unique indexes must not see two live signatures.
    session.flush()
