"""Zones themselves: registered and closed by operators on the host, opened for datasets."""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from gateway import ids
from gateway.access.grants import checked_reason
from gateway.access.models import Grant
from gateway.access.reading import find_dataset
from gateway.catalog.models import Dataset
from gateway.errors import Problem, ProblemCode
from gateway.identity import rules
from gateway.journal import Act, Actor
from gateway.runtime import Runtime
from gateway.zones import networks
from gateway.zones.events import zone_entry
from gateway.zones.models import Zone, ZoneDataset, ZoneSession
from gateway.zones.service_sessions import stop

SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
SLUG_LENGTH, NAME_LENGTH, MAX_SEATS = 80, 200, 1000


@dataclass(frozen=True, slots=True)
class NewZone:
    """A zone to register. `networks` are the addresses that its seats have (CIDR)."""

    slug: str
    name_ko: str
    name_en: str
    place: str
    seats: int
    networks: Sequence[str]


def register(runtime: Runtime, actor: Actor, new: NewZone) -> Zone:
    """Register a zone. Raises Problem VALIDATION_FAILED, and CONFLICT for a slug in use."""
    row = Zone(
        id=ids.new(runtime.clock),
        slug=_slug(new.slug),
        name_ko=rules.line("name_ko", new.name_ko, NAME_LENGTH),
        name_en=rules.line("name_en", new.name_en, NAME_LENGTH),
        place=rules.line("place", new.place, NAME_LENGTH),
        seats=_seats(new.seats),
        networks=networks.checked(new.networks),
        created_at=runtime.clock.now(),
    )
    event = zone_entry(actor, Act.ZONE_REGISTERED, row, seats=row.seats, networks=row.networks)
    try:
        with runtime.db.write() as session:
            session.add(row)
            session.flush()
            runtime.journal.record(session, event)
    except IntegrityError as error:
        raise Problem(
            ProblemCode.CONFLICT,
            "같은 짧은 이름의 안심존이 이미 있습니다.",
            "There is a safe zone with this short name already.",
        ) from error
    return row


def close(runtime: Runtime, actor: Actor, slug: str, reason: str) -> int:
    """Close a zone for good; returns how many sessions and bookings ended with it.

    Raises Problem NOT_FOUND, WRONG_STATE when it is closed, VALIDATION_FAILED (reason).
    """
    note = checked_reason(reason)
    with runtime.db.write() as session:
        zone = open_zone(session, slug, lock=True)
        zone.closed_at, zone.closed_reason = runtime.clock.now(), note
        ended = _stop_all(session, runtime, actor, zone, None)
        runtime.journal.record(session, zone_entry(actor, Act.ZONE_CLOSED, zone, ended=ended))
    return ended


def assign(runtime: Runtime, actor: Actor, slug: str, dataset: str) -> None:
    """Let a dataset be worked on in a zone; a second time changes nothing.

    Raises Problem NOT_FOUND, and WRONG_STATE for a zone that is closed.
    """
    with runtime.db.write() as session:
        zone, row = open_zone(session, slug, lock=True), _dataset(session, dataset)
        if session.get(ZoneDataset, (zone.id, row.id)) is None:
            session.add(ZoneDataset(zone_id=zone.id, dataset_id=row.id))
            event = zone_entry(actor, Act.ZONE_DATASET_ADDED, zone, row.slug)
            runtime.journal.record(session, event)


def unassign(runtime: Runtime, actor: Actor, slug: str, dataset: str) -> int:
    """Take a dataset out of a zone; returns how many of its sessions and bookings ended.

    Raises Problem NOT_FOUND, also for a dataset that is not worked on there.
    """
    with runtime.db.write() as session:
        zone, row = open_zone(session, slug, lock=True), _dataset(session, dataset)
        link = session.get(ZoneDataset, (zone.id, row.id))
        if link is None:
            raise not_here()
        session.delete(link)
        ended = _stop_all(session, runtime, actor, zone, row.id)
        event = zone_entry(actor, Act.ZONE_DATASET_REMOVED, zone, row.slug, ended=ended)
        runtime.journal.record(session, event)
    return ended


def open_zone(session: Session, slug: str, *, lock: bool = False) -> Zone:
    """The zone that is open. Raises Problem NOT_FOUND, and WRONG_STATE for a closed one.

    With `lock` nobody else books, opens or closes there until the transaction ends.
    """
    query = select(Zone).where(Zone.slug == slug)
    zone = session.scalar(query.with_for_update() if lock else query)
    if zone is None:
        raise unknown_zone()
    if zone.closed_at is not None:
        raise Problem(
            ProblemCode.WRONG_STATE,
            "이 안심존은 운영이 끝났습니다. 다른 안심존을 이용해 주십시오.",
            "This safe zone is closed. Please use another one.",
        )
    return zone


def is_for(session: Session, zone_id: uuid.UUID, dataset_id: uuid.UUID) -> bool:
    """Whether the dataset is worked on in the zone."""
    return session.get(ZoneDataset, (zone_id, dataset_id)) is not None


def unknown_zone() -> Problem:
    """The answer for a zone that does not exist."""
    return Problem(ProblemCode.NOT_FOUND, "해당 안심존이 없습니다.", "There is no such safe zone.")


def not_here() -> Problem:
    """The answer for a dataset that is not worked on in the zone."""
    return Problem(
        ProblemCode.NOT_FOUND,
        "이 안심존에서는 해당 데이터셋을 이용할 수 없습니다.",
        "This dataset is not worked on in this safe zone.",
    )


def _stop_all(
    session: Session, runtime: Runtime, actor: Actor, zone: Zone, dataset_id: uuid.UUID | None
) -> int:
    live = (
        select(ZoneSession)
        .join(Grant, Grant.id == ZoneSession.grant_id)
        .where(ZoneSession.zone_id == zone.id, ZoneSession.ended_at.is_(None))
        .order_by(ZoneSession.id)
    )
    if dataset_id is not None:
        live = live.where(Grant.dataset_id == dataset_id)
    rows = session.scalars(live.with_for_update(of=ZoneSession)).all()
    for row in rows:
        stop(session, runtime, actor, row)
    return len(rows)


def _dataset(session: Session, slug: str) -> Dataset:
    found = find_dataset(session, slug)
    if found is None:
        raise Problem(
            ProblemCode.NOT_FOUND, "해당 데이터셋이 없습니다.", "There is no such dataset."
        )
    return found


def _slug(text: str) -> str:
    if len(text) > SLUG_LENGTH or not SLUG.fullmatch(text):
        rules.refuse(
            "slug",
            "짧은 이름은 영문 소문자·숫자와 그 사이의 - 로 된 80자 이하입니다.",
            "A short name has up to 80 letters a-z, digits, and hyphens between them.",
        )
    return text


def _seats(number: int) -> int:
    if not 1 <= number <= MAX_SEATS:
        rules.refuse(
            "seats",
            f"좌석은 1개 이상 {MAX_SEATS}개 이하입니다.",
            f"A safe zone has 1 to {MAX_SEATS} seats.",
        )
    return number
