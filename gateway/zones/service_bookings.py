"""Booking a seat: under one's own live grant, and never over anybody's time, one's own included."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from gateway import ids
from gateway.access import service as access
from gateway.access.ask import Ask, Intent
from gateway.access.models import Grant
from gateway.errors import Problem, ProblemCode
from gateway.identity.models import Person
from gateway.identity.rules import refuse
from gateway.journal import Act, Actor
from gateway.runtime import Runtime
from gateway.web.idempotency import Answer, Attempt, replay_or_run
from gateway.zones.events import entry, named
from gateway.zones.models import Zone, ZoneSession
from gateway.zones.service_facts import term_ends
from gateway.zones.service_sessions import inside, plan_end
from gateway.zones.service_zones import is_for, not_here, open_zone
from policies.vocabulary import Action

# Whoever stands at the desk may book the time that has just begun.
LATE = timedelta(minutes=15)
LONGEST = timedelta(hours=12)
AHEAD = timedelta(days=60)
CREATED = 201


@dataclass(frozen=True, slots=True)
class Wanted:
    """A seat for [`starts_at`, `ends_at`), aware UTC; `seat` None is the first free one."""

    zone: str
    grant_id: uuid.UUID
    starts_at: datetime
    ends_at: datetime
    seat: int | None = None


def book(
    runtime: Runtime, actor: Actor, wanted: Wanted, attempt: Attempt | None = None
) -> uuid.UUID:
    """Book a seat; returns the id of the session that staff will open.

    Raises Problem NOT_FOUND for someone else's grant, an unknown zone or a dataset that is not
    worked on there, ACCESS_DENIED with every blocker when the data could not be read even with
    an open session, VALIDATION_FAILED (times, seat), CONFLICT when the seat, every seat, or the
    person is taken at that time.
    """
    with runtime.db.read() as session:
        grant = own_grant(session, actor, wanted.grant_id)
        zone = open_zone(session, wanted.zone)
        _expect_here(session, zone, grant)
        facts = inside(session, grant.id, runtime.clock.now())
    ask = Ask(Action.READ_IN_ZONE, person_id=actor.person_id, grant_id=grant.id, zone=facts)
    gathered, decision = access.consider(runtime, ask)
    if not decision.allowed:
        access.refuse(runtime, actor, gathered, decision, Intent(detail={"zone": zone.slug}))
    with runtime.db.write() as session:
        add = _Booking(session, runtime, actor, wanted).made
        answer = replay_or_run(session, runtime.clock, attempt, add) if attempt else add()
    return uuid.UUID(answer.body["id"])


def own_grant(session: Session, actor: Actor, grant_id: uuid.UUID) -> Grant:
    """The actor's own grant. Raises Problem NOT_FOUND for any other."""
    grant = session.get(Grant, grant_id)
    if grant is None or actor.person_id is None or grant.person_id != actor.person_id:
        raise Problem(
            ProblemCode.NOT_FOUND, "해당 이용 권한이 없습니다.", "There is no such grant."
        )
    return grant


def taken(
    session: Session, zone_id: uuid.UUID, starts_at: datetime, ends_at: datetime
) -> list[ZoneSession]:
    """What is booked or open in the zone at any moment of [`starts_at`, `ends_at`)."""
    found = select(ZoneSession).where(
        ZoneSession.zone_id == zone_id, *_overlapping(starts_at, ends_at)
    )
    return list(session.scalars(found.order_by(ZoneSession.booked_from, ZoneSession.seat)))


@dataclass(frozen=True, slots=True)
class _Booking:
    """One booking in its write transaction."""

    session: Session
    runtime: Runtime
    actor: Actor
    wanted: Wanted

    def made(self) -> Answer:
        """Store it with its job and event; zone, then person, are locked against a race."""
        zone = open_zone(self.session, self.wanted.zone, lock=True)
        grant = own_grant(self.session, self.actor, self.wanted.grant_id)
        _expect_here(self.session, zone, grant)
        self._check_times(grant)
        self._check_person(grant.person_id)
        row = self._row(zone, grant)
        self.session.add(row)
        self.session.flush()
        plan_end(self.session, self.runtime, row)
        event = entry(self.actor, Act.ZONE_SESSION_BOOKED, named(self.session, row))
        self.runtime.journal.record(self.session, event)
        return Answer(CREATED, {"id": str(row.id)})

    def _row(self, zone: Zone, grant: Grant) -> ZoneSession:
        return ZoneSession(
            id=ids.new(self.runtime.clock),
            zone_id=zone.id,
            grant_id=grant.id,
            person_id=grant.person_id,
            seat=self._seat(zone),
            booked_from=self.wanted.starts_at,
            booked_until=self.wanted.ends_at,
            created_at=self.runtime.clock.now(),
        )

    def _check_times(self, grant: Grant) -> None:
        starts, ends, now = self.wanted.starts_at, self.wanted.ends_at, self.runtime.clock.now()
        if not now - LATE <= starts <= now + AHEAD:
            _refuse_time("starts_at", "지금부터 60일 안의 시간을 예약할 수 있습니다.",
                         "Book a time from now on, within the next 60 days.")  # fmt: skip
        if not starts < ends <= starts + LONGEST:
            _refuse_time("ends_at", "한 번에 12시간까지 예약할 수 있습니다.",
                         "A booking ends after it starts, and takes at most 12 hours.")  # fmt: skip
        if ends <= now:
            _refuse_time("ends_at", "이미 지난 시간입니다.", "That time is over already.")
        self._check_limits(grant)

    def _check_limits(self, grant: Grant) -> None:
        starts, ends = self.wanted.starts_at, self.wanted.ends_at
        if starts < grant.starts_at or ends > grant.ends_at:
            _refuse_time("ends_at", "이용 권한의 기간을 벗어난 시간입니다.",
                         "That time is outside the window of your grant.")  # fmt: skip
        term = term_ends(self.session, grant.id, self.runtime.clock.now())
        if term is not None and ends > term:
            _refuse_time("ends_at", "협약이 정한 안심존 이용 기간을 벗어난 시간입니다.",
                         "That time is past the term that the agreement allows.")  # fmt: skip

    def _check_person(self, person_id: uuid.UUID) -> None:
        self.session.scalar(
            select(Person.id).where(Person.id == person_id).with_for_update(key_share=True)
        )
        window = _overlapping(self.wanted.starts_at, self.wanted.ends_at)
        own = select(ZoneSession.id).where(ZoneSession.person_id == person_id, *window)
        if self.session.scalar(own.limit(1)) is not None:
            raise _taken(
                "같은 시간에 이미 예약한 좌석이 있습니다.",
                "You have booked a seat for that time already.",
            )

    def _seat(self, zone: Zone) -> int:
        window = self.wanted.starts_at, self.wanted.ends_at
        held = {row.seat for row in taken(self.session, zone.id, *window)}
        wanted = self.wanted.seat
        if wanted is None:
            return _first_free(range(1, zone.seats + 1), held)
        if not 1 <= wanted <= zone.seats:
            refuse("seat", "이 안심존에 없는 좌석입니다.", "This safe zone has no such seat.")
        return _first_free((wanted,), held)


def _first_free(seats: Iterable[int], held: set[int]) -> int:
    free = next((seat for seat in seats if seat not in held), None)
    if free is None:
        raise _taken(
            "그 시간에는 빈 좌석이 없습니다. 다른 시간이나 좌석을 골라 주십시오.",
            "No such seat is free at that time. Choose another time or seat.",
        )
    return free


def _overlapping(starts_at: datetime, ends_at: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        ZoneSession.ended_at.is_(None),
        ZoneSession.booked_from < ends_at,
        ZoneSession.booked_until > starts_at,
    )


def _expect_here(session: Session, zone: Zone, grant: Grant) -> None:
    if not is_for(session, zone.id, grant.dataset_id):
        raise not_here()


def _refuse_time(field: str, ko: str, en: str) -> None:
    refuse(field, ko, en)


def _taken(ko: str, en: str) -> Problem:
    return Problem(ProblemCode.CONFLICT, ko, en, field="starts_at")
