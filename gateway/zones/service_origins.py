"""Whose data in a safe zone something may hold that a person hands in at this moment."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from gateway.access.models import Grant
from gateway.zones import networks
from gateway.zones.models import Zone, ZoneDataset, ZoneSession


def data_in_reach(
    session: Session, person_id: uuid.UUID, address: str | None, since: datetime
) -> frozenset[uuid.UUID]:
    """The ids of the safe-zone datasets whose files the person may have had before them.

    Those of their sessions that were open at any moment after `since`, wherever they are; and from
    a zone's network without such a session there everything that is worked on in the zone: who
    sits at the seat is then not known.
    """
    rows = session.execute(
        select(ZoneSession.zone_id, Grant.dataset_id)
        .join(Grant, Grant.id == ZoneSession.grant_id)
        .where(ZoneSession.person_id == person_id, ZoneSession.opened_at.is_not(None))
        .where(or_(ZoneSession.ended_at.is_(None), ZoneSession.ended_at > since))
        .where(ZoneSession.booked_until > since)
    ).all()
    known = {zone_id for zone_id, _dataset_id in rows}
    unknown = [zone for zone in _zones_at(session, address) if zone not in known]
    around = select(ZoneDataset.dataset_id).where(ZoneDataset.zone_id.in_(unknown))
    return frozenset(dataset_id for _zone_id, dataset_id in rows) | frozenset(
        session.scalars(around)
    )


def _zones_at(session: Session, address: str | None) -> list[uuid.UUID]:
    """The open zones in whose networks `address` lies."""
    zones = session.scalars(select(Zone).where(Zone.closed_at.is_(None)))
    return [zone.id for zone in zones if networks.within(zone.networks, address)]
