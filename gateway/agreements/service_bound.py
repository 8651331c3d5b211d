"""Which text bound somebody at a moment, also long after: signatures and versions never change."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from gateway.agreements.models import Acceptance, AgreementVersion, OrganisationAcceptance

# The log tells time in milliseconds: what was signed within the same one came before.
_INSTANT = timedelta(microseconds=999)


@dataclass(frozen=True, slots=True)
class Bound:
    """What bound a person at a moment.

    `version` is the text they had signed; within a notice period it is older than `in_force`.
    `organisation` is the official's signature that held for their organisation. Each is None when
    there was none.
    """

    code: str
    at: datetime
    version: AgreementVersion | None
    acceptance: Acceptance | None
    organisation: OrganisationAcceptance | None
    in_force: AgreementVersion | None


def bound(
    session: Session,
    person_id: uuid.UUID,
    organisation_id: uuid.UUID | None,
    code: str,
    at: datetime,
) -> Bound:
    """The texts of agreement `code` that held at `at` for a person, acting for an organisation."""
    acceptance = session.scalar(
        select(Acceptance)
        .where(Acceptance.person_id == person_id, Acceptance.code == code)
        .where(_held(Acceptance, at), _for_organisation(organisation_id))
        .order_by(Acceptance.accepted_at.desc())
        .limit(1)
    )
    version = None
    if acceptance is not None:
        version = session.get_one(AgreementVersion, acceptance.agreement_version_id)
    official = _official(session, organisation_id, code, at)
    return Bound(code, at, version, acceptance, official, _in_force(session, code, at))


def _official(
    session: Session, organisation_id: uuid.UUID | None, code: str, at: datetime
) -> OrganisationAcceptance | None:
    return session.scalar(
        select(OrganisationAcceptance)
        .where(OrganisationAcceptance.organisation_id == organisation_id)
        .where(OrganisationAcceptance.code == code, _held(OrganisationAcceptance, at))
        .where(OrganisationAcceptance.confirmed_at <= at + _INSTANT)
        .order_by(OrganisationAcceptance.accepted_at.desc())
        .limit(1)
    )


def _held(
    kind: type[Acceptance] | type[OrganisationAcceptance], at: datetime
) -> ColumnElement[bool]:
    ended = or_(kind.ended_at.is_(None), kind.ended_at > at)
    return and_(kind.accepted_at <= at + _INSTANT, kind.expires_at > at, ended)


def _for_organisation(organisation_id: uuid.UUID | None) -> ColumnElement[bool]:
    """As at the one door: a signature for one organisation does not carry another's grant."""
    if organisation_id is None:
        return Acceptance.id.is_not(None)
    own = Acceptance.organisation_id
    return or_(own.is_(None), own == organisation_id)


def _in_force(session: Session, code: str, at: datetime) -> AgreementVersion | None:
    row = AgreementVersion
    return session.scalar(
        select(row)
        .where(row.code == code, row.in_force_at <= at + _INSTANT)
        .where(or_(row.withdrawn_at.is_(None), row.withdrawn_at > at))
        .where(or_(row.ends_at.is_(None), row.ends_at > at))
        .order_by(row.number.desc())
        .limit(1)
    )
