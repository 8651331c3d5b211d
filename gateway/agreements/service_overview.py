"""What an organisation has signed, until when it holds, and what waits for its official."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.agreements.models import AgreementVersion, OrganisationAcceptance, SignatureRequest
from gateway.agreements.service import current
from gateway.agreements.service_requests import mail_key
from gateway.identity.models import Organisation, Person
from gateway.identity.service_organisations import get_organisation
from gateway.jobs.models import Job, JobState

# Long enough for an official who signs once a month.
RENEW_BEFORE = timedelta(days=30)


class Standing(StrEnum):
    """How an organisation's signature stands."""

    UNCONFIRMED = "unconfirmed"
    LIVE = "live"
    ENDING = "ending"
    SUPERSEDED = "superseded"
    EXPIRED = "expired"
    ENDED = "ended"


class Mailing(StrEnum):
    """What became of a request's mail."""

    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Signed:
    """A signature with the version it is of, and who asked for it."""

    signature: OrganisationAcceptance
    version: AgreementVersion
    standing: Standing
    asked_by: uuid.UUID | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """An open request, who asked, and what became of its mail."""

    request: SignatureRequest
    version: AgreementVersion
    asked_by: str
    mailing: Mailing


def organisation(session: Session, organisation_id: uuid.UUID) -> Organisation:
    """The organisation. Raises Problem NOT_FOUND."""
    return get_organisation(session, organisation_id)


def signatures(session: Session, organisation_id: uuid.UUID, now: datetime) -> list[Signed]:
    """Every signature of an organisation, the newest first."""
    rows = session.execute(
        select(OrganisationAcceptance, AgreementVersion, SignatureRequest.requested_by)
        .join(AgreementVersion, AgreementVersion.id == OrganisationAcceptance.agreement_version_id)
        .outerjoin(SignatureRequest, SignatureRequest.id == OrganisationAcceptance.request_id)
        .where(OrganisationAcceptance.organisation_id == organisation_id)
        .order_by(OrganisationAcceptance.accepted_at.desc(), OrganisationAcceptance.id.desc())
    )
    binding = _binding(session)
    return [
        Signed(row, version, _standing(row, version, binding, now), asked_by)
        for row, version, asked_by in rows
    ]


def standing(session: Session, row: OrganisationAcceptance, now: datetime) -> Standing:
    """How one signature stands."""
    version = session.get_one(AgreementVersion, row.agreement_version_id)
    return _standing(row, version, _binding(session), now)


def requests(session: Session, organisation_id: uuid.UUID, now: datetime) -> list[Waiting]:
    """Every open request of an organisation, the newest first."""
    rows = session.execute(
        select(SignatureRequest, AgreementVersion, Person.name)
        .join(AgreementVersion, AgreementVersion.id == SignatureRequest.agreement_version_id)
        .join(Person, Person.id == SignatureRequest.requested_by)
        .where(SignatureRequest.organisation_id == organisation_id)
        .where(SignatureRequest.used_at.is_(None), SignatureRequest.cancelled_at.is_(None))
        .where(SignatureRequest.expires_at > now)
        .order_by(SignatureRequest.id.desc())
    ).all()
    sent = _mailings(session, [request.id for request, _version, _name in rows])
    return [
        Waiting(request, version, name, sent.get(mail_key(request.id), Mailing.WAITING))
        for request, version, name in rows
    ]


def _binding(session: Session) -> dict[str, int]:
    """The oldest version by code whose signatures still bind."""
    return {row.code: row.signed_from for row in current(session)}


def _standing(
    row: OrganisationAcceptance,
    version: AgreementVersion,
    binding: Mapping[str, int],
    now: datetime,
) -> Standing:
    if row.ended_at is not None:
        return Standing.ENDED
    if row.expires_at <= now:
        return Standing.EXPIRED
    if version.number < binding.get(row.code, version.number + 1):
        return Standing.SUPERSEDED
    if row.confirmed_at is None:
        return Standing.UNCONFIRMED
    return Standing.ENDING if row.expires_at <= now + RENEW_BEFORE else Standing.LIVE


def _mailings(session: Session, request_ids: Sequence[uuid.UUID]) -> dict[str, Mailing]:
    keys = [mail_key(request_id) for request_id in request_ids]
    jobs = session.execute(select(Job.key, Job.state).where(Job.key.in_(keys)))
    ends = {JobState.DONE: Mailing.SENT, JobState.FAILED: Mailing.FAILED}
    return {key: ends.get(JobState(state), Mailing.WAITING) for key, state in jobs}
