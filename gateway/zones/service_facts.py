"""What the rules are told about somebody's place in a safe zone, read anew for every question."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, and_, exists, func, select
from sqlalchemy.orm import Session

from gateway.access.binding import terms_of_grant
from gateway.access.models import Grant
from gateway.clock import to_ms
from gateway.runtime import Runtime
from gateway.zones.models import Zone, ZoneDataset, ZoneSession
from policies.facts import ZoneFacts
from policies.terms import Terms
from policies.vocabulary import ImportState
from policies.vocabulary import ZoneSession as Standing


def zone_facts(
    session: Session,
    now: datetime,
    grant_id: uuid.UUID,
    *,
    zone_id: uuid.UUID | None = None,
    zone_import: ImportState | None = None,
) -> ZoneFacts:
    """The sessions under a grant as the rules see them at `now`, in `zone_id` or in any zone.

    OPEN while staff have opened one, its time is not over, and its zone is open for the dataset;
    OVER when there was one before; the term counts from the first session that was opened.
    """
    opened = session.scalars(_opened(grant_id, zone_id)).all()
    live = session.scalar(_live(grant_id, zone_id, now)) is not None
    over = Standing.OVER if opened else Standing.NONE
    return ZoneFacts(
        session=Standing.OPEN if live else over,
        term_ends_ms=_ms(term_ends(session, grant_id, now)),
        zone_import=zone_import,
    )


def facts_of_grant(runtime: Runtime, grant_id: uuid.UUID) -> ZoneFacts:
    """The same, for features that ask about a grant without a session of their own."""
    with runtime.db.read() as session:
        return zone_facts(session, runtime.clock.now(), grant_id)


def open_session(
    session: Session, now: datetime, zone_id: uuid.UUID, person_id: uuid.UUID, dataset: uuid.UUID
) -> ZoneSession | None:
    """The person's session that is open in this zone now for the dataset `dataset`."""
    found = (
        select(ZoneSession)
        .join(Grant, Grant.id == ZoneSession.grant_id)
        .where(ZoneSession.person_id == person_id, Grant.dataset_id == dataset)
        .where(ZoneSession.zone_id == zone_id, *_running(now))
    )
    return session.scalar(found.limit(1))


def term_ends(session: Session, grant_id: uuid.UUID, now: datetime) -> datetime | None:
    """When the term is over that the agreement sets which binds the holder at `now`; None
    without a term, and before the first session was opened.

    Raises policies.terms.AgreementError for terms that are not whole.
    """
    first = first_opened(session, grant_id)
    terms = terms_of_grant(session, grant_id, now) if first is not None else None
    return term_from(first, terms)


def first_opened(session: Session, grant_id: uuid.UUID) -> datetime | None:
    """When staff opened the first session under a grant; None before that."""
    moment: datetime | None = session.scalar(
        select(func.min(ZoneSession.opened_at, type_=ZoneSession.opened_at.type)).where(
            ZoneSession.grant_id == grant_id
        )
    )
    return moment


def term_from(first: datetime | None, terms: Terms | None) -> datetime | None:
    """The end of the term that `terms` set, counted from the first session that was opened."""
    if first is None or terms is None or not terms.zone_term_days:
        return None
    return first + timedelta(days=terms.zone_term_days)


def _opened(grant_id: uuid.UUID, zone_id: uuid.UUID | None) -> Select[uuid.UUID]:
    found = select(ZoneSession.id).where(
        ZoneSession.grant_id == grant_id, ZoneSession.opened_at.is_not(None)
    )
    return found if zone_id is None else found.where(ZoneSession.zone_id == zone_id)


def _live(grant_id: uuid.UUID, zone_id: uuid.UUID | None, now: datetime) -> Select[uuid.UUID]:
    found = (
        _opened(grant_id, zone_id)
        .join(Zone, Zone.id == ZoneSession.zone_id)
        .join(Grant, Grant.id == ZoneSession.grant_id)
        .where(*_running(now), Zone.closed_at.is_(None))
    )
    assigned = and_(
        ZoneDataset.zone_id == ZoneSession.zone_id, ZoneDataset.dataset_id == Grant.dataset_id
    )
    return found.where(exists().where(assigned)).limit(1)


def _running(now: datetime) -> Sequence[Any]:
    return (
        ZoneSession.opened_at.is_not(None),
        ZoneSession.ended_at.is_(None),
        ZoneSession.booked_until > now,
    )


def _ms(moment: datetime | None) -> int | None:
    return None if moment is None else to_ms(moment)
