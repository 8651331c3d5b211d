"""Reading zones: one's own bookings and imports, a zone's day, and what waits for its staff."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, or_, select, true
from sqlalchemy.orm import Session

from gateway.access.models import Grant
from gateway.catalog.models import Dataset
from gateway.identity.models import EVERYWHERE, Person
from gateway.web.paging import Window, keyset
from gateway.zones.models import SessionEnd, Zone, ZoneDataset, ZoneImport, ZoneSession
from policies.vocabulary import ImportState

# More than a zone's largest day; what waits beyond it is seen once the first are decided.
MOST = 500


@dataclass(frozen=True, slots=True)
class Stay:
    """A booking or session as pages and API show it."""

    row: ZoneSession
    zone: Zone
    dataset: Dataset
    person: Person
    state: str


@dataclass(frozen=True, slots=True)
class Parcel:
    """An import request as pages and API show it."""

    row: ZoneImport
    zone: Zone
    dataset: Dataset
    person: Person

    @property
    def state(self) -> str:
        """`brought_in` once it was, else the state of the decision."""
        return "brought_in" if self.row.brought_in_at else self.row.state


@dataclass(frozen=True, slots=True)
class Place:
    """A zone with the datasets that are worked on there."""

    zone: Zone
    datasets: Sequence[Dataset]


@dataclass(frozen=True, slots=True)
class Seating:
    """One of a person's grants, and the zones in which its dataset is worked on."""

    grant: Grant
    dataset: Dataset
    zones: Sequence[Zone]


def places(session: Session) -> list[Place]:
    """Every zone that is open, by slug."""
    zones = session.scalars(select(Zone).where(Zone.closed_at.is_(None)).order_by(Zone.slug)).all()
    return [Place(zone, datasets_in(session, zone.id)) for zone in zones]


def datasets_in(session: Session, zone_id: uuid.UUID) -> Sequence[Dataset]:
    """The datasets that are worked on in a zone, by slug."""
    found = select(Dataset).join(ZoneDataset, ZoneDataset.dataset_id == Dataset.id)
    return session.scalars(found.where(ZoneDataset.zone_id == zone_id).order_by(Dataset.slug)).all()


def zones_of(session: Session, dataset_id: uuid.UUID) -> Sequence[Zone]:
    """The open zones in which a dataset is worked on, by slug."""
    found = select(Zone).join(ZoneDataset, ZoneDataset.zone_id == Zone.id)
    here = found.where(ZoneDataset.dataset_id == dataset_id, Zone.closed_at.is_(None))
    return session.scalars(here.order_by(Zone.slug)).all()


def seatings(session: Session, person_id: uuid.UUID) -> list[Seating]:
    """A person's grants that have not ended and can be used in a zone, by dataset."""
    rows = session.execute(
        select(Grant, Dataset)
        .join(Dataset, Dataset.id == Grant.dataset_id)
        .where(Grant.person_id == person_id, Grant.ended_at.is_(None))
        .order_by(Dataset.slug, Grant.id)
    ).all()
    found = [Seating(grant, dataset, zones_of(session, dataset.id)) for grant, dataset in rows]
    return [each for each in found if each.zones]


def own_sessions(
    session: Session, person_id: uuid.UUID, now: datetime, window: Window
) -> list[Stay]:
    """Up to `window.limit` + 1 of a person's bookings and sessions, the newest first."""
    mine = _stays().where(ZoneSession.person_id == person_id)
    rows = session.execute(keyset(mine, [ZoneSession.id], window)).all()
    return [_stay(row, now) for row in rows]


def one_session(session: Session, session_id: uuid.UUID, now: datetime) -> Stay:
    """One booking or session that exists."""
    return _stay(session.execute(_stays().where(ZoneSession.id == session_id)).one(), now)


def sessions_of_grant(session: Session, grant_id: uuid.UUID, now: datetime) -> list[Stay]:
    """What is booked or open under a grant now, in order of time."""
    live = _stays().where(ZoneSession.grant_id == grant_id, ZoneSession.ended_at.is_(None))
    rows = session.execute(live.where(ZoneSession.booked_until > now).limit(MOST))
    return sorted((_stay(row, now) for row in rows), key=lambda stay: stay.row.booked_from)


def day(
    session: Session, zone_id: uuid.UUID, begin: datetime, end: datetime, now: datetime
) -> list[Stay]:
    """What was booked in a zone for any moment of [`begin`, `end`), by time and seat."""
    rows = session.execute(
        _stays()
        .where(ZoneSession.zone_id == zone_id)
        .where(ZoneSession.booked_from < end, ZoneSession.booked_until > begin)
        .where(or_(ZoneSession.end_reason.is_(None), _not_cancelled()))
        .order_by(ZoneSession.booked_from, ZoneSession.seat)
        .limit(MOST)
    )
    return [_stay(row, now) for row in rows]


def own_imports(session: Session, person_id: uuid.UUID, window: Window) -> list[Parcel]:
    """Up to `window.limit` + 1 of a person's import requests, the newest first."""
    mine = _parcels().where(ZoneImport.person_id == person_id)
    rows = session.execute(keyset(mine, [ZoneImport.id], window)).all()
    return [Parcel(*row) for row in rows]


def one_import(session: Session, import_id: uuid.UUID) -> Parcel:
    """One import request that exists."""
    return Parcel(*session.execute(_parcels().where(ZoneImport.id == import_id)).one())


def waiting_imports(session: Session, scopes: frozenset[str]) -> list[Parcel]:
    """What staff of `scopes` must decide on or carry in, the oldest first."""
    undecided = ZoneImport.state == ImportState.SUBMITTED
    to_carry = (ZoneImport.state == ImportState.APPROVED) & ZoneImport.brought_in_at.is_(None)
    rows = _parcels().where(or_(undecided, to_carry), Zone.closed_at.is_(None), _staffed(scopes))
    return [Parcel(*row) for row in session.execute(rows.order_by(ZoneImport.id).limit(MOST))]


def staffed_zones(session: Session, scopes: frozenset[str]) -> Sequence[Zone]:
    """The open zones that `scopes` name (`*`: all), by slug."""
    found = select(Zone).where(Zone.closed_at.is_(None), _staffed(scopes))
    return session.scalars(found.order_by(Zone.slug)).all()


def state_of(row: ZoneSession, now: datetime) -> str:
    """booked, open, ended, cancelled, or missed when nobody came; by the record and the clock."""
    if row.end_reason == SessionEnd.CANCELLED:
        return "cancelled"
    over = row.ended_at is not None or row.booked_until <= now
    if row.opened_at is None:
        return "missed" if over else "booked"
    return "ended" if over else "open"


def _stays() -> Any:
    return (
        select(ZoneSession, Zone, Dataset, Person)
        .join(Zone, Zone.id == ZoneSession.zone_id)
        .join(Grant, Grant.id == ZoneSession.grant_id)
        .join(Dataset, Dataset.id == Grant.dataset_id)
        .join(Person, Person.id == ZoneSession.person_id)
    )


def _stay(found: Any, now: datetime) -> Stay:
    row, zone, dataset, person = found
    return Stay(row, zone, dataset, person, state_of(row, now))


def _parcels() -> Any:
    return (
        select(ZoneImport, Zone, Dataset, Person)
        .join(Zone, Zone.id == ZoneImport.zone_id)
        .join(Grant, Grant.id == ZoneImport.grant_id)
        .join(Dataset, Dataset.id == Grant.dataset_id)
        .join(Person, Person.id == ZoneImport.person_id)
    )


def _staffed(scopes: frozenset[str]) -> ColumnElement[bool]:
    return true() if EVERYWHERE in scopes else Zone.slug.in_(scopes)


def _not_cancelled() -> ColumnElement[bool]:
    return ZoneSession.end_reason != SessionEnd.CANCELLED
