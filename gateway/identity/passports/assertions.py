"""What the gateway would assert about a person: gathered anew each time, from whoever knows.

Grants and acceptances live on higher floors, which register a source of theirs with the
application; affiliations and researcher status are known here.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.orm import Session, aliased

from gateway.config import Settings
from gateway.identity.models import (
    Attestation,
    AttestationKind,
    Membership,
    MembershipKind,
    Organisation,
    OrganisationKind,
    OrganisationStatus,
)
from gateway.identity.passports.vocabulary import Authority, VisaType
from gateway.provider_settings import OrganisationMatch

RESEARCHER_LEVEL = 3
RESEARCHER_PATH = "/passports/researcher"
RESEARCH = (OrganisationKind.UNIVERSITY, OrganisationKind.INSTITUTE, OrganisationKind.HOSPITAL)


@dataclass(frozen=True, slots=True)
class Assertion:
    """One statement, asserted by `source` with the authority `by`; `until` is when it ends by
    itself, None where it does not."""

    type: VisaType
    value: str
    source: str
    by: Authority
    asserted_at: datetime
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """Whom and when it is about, and the public address that statements name."""

    person_id: uuid.UUID
    now: datetime
    base: str


Source = Callable[[Session, Asked], Sequence[Assertion]]


def own_sources(settings: Settings) -> tuple[Source, ...]:
    """What identity itself can say."""
    domains = verified_domains(settings)
    return (lambda session, asked: affiliations(session, asked, domains), researcher)


def gathered(session: Session, sources: Sequence[Source], asked: Asked) -> list[Assertion]:
    """Everything that holds now."""
    found = [one for source in sources for one in source(session, asked)]
    return [one for one in found if one.until is None or one.until > asked.now]


def verified_domains(settings: Settings) -> dict[uuid.UUID, str]:
    """The domain of each organisation whose domain an operator has vouched for: by mapping what
    stands after the @ of a trusted identity provider's claim to it."""
    found: dict[uuid.UUID, str] = {}
    for provider in settings.identity_providers:
        if provider.organisation_match is OrganisationMatch.DOMAIN:
            for domain, organisation_id in provider.organisations.items():
                found.setdefault(organisation_id, domain)
    return found


def affiliations(
    session: Session, asked: Asked, domains: dict[uuid.UUID, str]
) -> Sequence[Assertion]:
    """AffiliationAndRole: confirmed places in verified organisations whose domain is known."""
    official = aliased(Membership)
    signs = exists().where(
        official.person_id == Membership.confirmed_by,
        official.organisation_id == Membership.organisation_id,
        official.kind == MembershipKind.SIGNING_OFFICIAL,
        official.confirmed_by.is_not(None),
        official.ended_at.is_(None),
    )
    rows = session.execute(
        select(Membership.organisation_id, Membership.started_at, signs.label("signs"))
        .join(Organisation, Organisation.id == Membership.organisation_id)
        .where(*_confirmed(asked), Organisation.status == OrganisationStatus.VERIFIED)
        .where(Membership.organisation_id.in_(list(domains)))
        .order_by(Membership.organisation_id)
    )
    return [_affiliation(domains[row.organisation_id], row.started_at, row.signs) for row in rows]


def _affiliation(domain: str, since: datetime, signs: bool) -> Assertion:
    by = Authority.SO if signs else Authority.SYSTEM
    return Assertion(VisaType.AFFILIATION, f"member@{domain}", f"https://{domain}", by, since)


def _confirmed(asked: Asked) -> tuple[ColumnElement[bool], ...]:
    return (
        Membership.person_id == asked.person_id,
        Membership.confirmed_by.is_not(None),
        Membership.ended_at.is_(None),
    )


def researcher(session: Session, asked: Asked) -> Sequence[Assertion]:
    """ResearcherStatus: an official identity check that holds, and a confirmed place in a verified
    university, institute or hospital. What the status means stands at `/passports/researcher`."""
    place = session.scalar(
        select(func.min(Membership.started_at))
        .join(Organisation, Organisation.id == Membership.organisation_id)
        .where(*_confirmed(asked), Organisation.status == OrganisationStatus.VERIFIED)
        .where(Organisation.kind.in_([str(kind) for kind in RESEARCH]))
    )
    check = session.execute(
        select(Attestation.checked_at, Attestation.valid_until)
        .where(Attestation.person_id == asked.person_id)
        .where(Attestation.kind == AttestationKind.IDENTITY, Attestation.level >= RESEARCHER_LEVEL)
        .where(Attestation.valid_from <= asked.now, Attestation.valid_until > asked.now)
        .where(Attestation.ended_at.is_(None), Attestation.checked_by.is_not(None))
        .order_by(Attestation.valid_until.desc())
        .limit(1)
    ).first()
    if place is None or check is None:
        return []
    value, by = asked.base + RESEARCHER_PATH, Authority.SYSTEM
    since = max(place, check.checked_at)
    return [Assertion(VisaType.RESEARCHER, value, asked.base, by, since, check.valid_until)]
