"""What is handed in about safe zones, and what the API answers."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from gateway.access.grants import MAX_REASON, MIN_REASON
from gateway.identity.rules import refuse
from gateway.zones.service_bookings import Wanted
from gateway.zones.service_imports import NAME_LENGTH, NewImport, Verdict

MAX_BYTES = 2**53 - 1
Slug = Annotated[str, StringConstraints(min_length=1, max_length=80)]
Seat = Annotated[int, Field(ge=1, le=1000)]
Digest = Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]
Clock = Annotated[str, StringConstraints(pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$")]
Reason = Annotated[str, StringConstraints(min_length=MIN_REASON, max_length=MAX_REASON)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class BookingBody(_Strict):
    """A seat for [`starts_at`, `ends_at`); without `seat` the first free one."""

    zone: Slug
    grant_id: uuid.UUID
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    seat: Seat | None = None

    def wanted(self) -> Wanted:
        """As the service wants it."""
        return Wanted(self.zone, self.grant_id, self.starts_at, self.ends_at, self.seat)


class BookingForm(_Strict):
    """The same from a page: a day and a time of the site's time zone, and whole hours."""

    grant_id: uuid.UUID
    day: date
    start: Clock
    hours: Annotated[int, Field(ge=1, le=12)]
    seat: Seat | None = None

    def wanted(self, slug: str, zone: ZoneInfo) -> Wanted:
        """As the service wants it. Raises Problem VALIDATION_FAILED beyond the calendar."""
        try:
            local = datetime.combine(self.day, time.fromisoformat(self.start), zone)
            starts = local.astimezone(UTC)
            ends = starts + timedelta(hours=self.hours)
        except OverflowError:
            refuse("day", "날짜를 확인해 주십시오.", "Please check the date.")
        return Wanted(slug, self.grant_id, starts, ends, self.seat)


class ImportForm(_Strict):
    """A file to be brought into a zone: what it is, and what it is needed for."""

    grant_id: uuid.UUID
    name: Annotated[str, StringConstraints(min_length=1, max_length=NAME_LENGTH)]
    bytes: Annotated[int, Field(ge=0, le=MAX_BYTES)]
    sha256: Digest
    reason: Reason

    def new(self, zone: str) -> NewImport:
        """As the service wants it."""
        return NewImport(zone, self.grant_id, self.name, self.bytes, self.sha256, self.reason)


class ImportBody(ImportForm):
    """The same for the API, with the zone."""

    zone: Slug


class Choice(StrEnum):
    """What staff decide about an import."""

    APPROVE = "approve"
    REJECT = "reject"


class ImportDecision(_Strict):
    """A decision with the note that the person reads."""

    decision: Choice
    note: Reason

    def verdict(self) -> Verdict:
        """As the service wants it."""
        return Verdict(self.decision is Choice.APPROVE, self.note)


class CarryBody(_Strict):
    """The SHA-256 that staff computed of what they carry in."""

    sha256: Digest


class DayQuery(_Strict):
    """A day of a zone, in the site's time zone; today when left out."""

    day: date | None = None
    grant: str = ""


class ZonesQuery(_Strict):
    """Paging of one's own bookings."""

    cursor: str = ""
    limit: Annotated[int, Field(ge=1, le=200)] = 25


class ZoneOut(BaseModel):
    """A safe zone, and the datasets that are worked on there."""

    model_config = ConfigDict(frozen=True)
    slug: str
    name_ko: str
    name_en: str
    place: str
    seats: int
    datasets: list[str]


class ZoneList(BaseModel):
    """Every safe zone that is open."""

    model_config = ConfigDict(frozen=True)
    zones: list[ZoneOut]


class SessionOut(BaseModel):
    """A booking or session. `state`: booked, open, ended, cancelled or missed."""

    model_config = ConfigDict(frozen=True)
    id: uuid.UUID
    zone: str
    dataset: str
    grant_id: uuid.UUID
    seat: int
    state: str
    booked_from: datetime
    booked_until: datetime
    opened_at: datetime | None
    ended_at: datetime | None


class SessionList(BaseModel):
    """A page of one's own bookings and sessions, the newest first."""

    model_config = ConfigDict(frozen=True)
    sessions: list[SessionOut]
    next: str | None
    previous: str | None


class VisitOut(SessionOut):
    """A booking of a zone's day, as its staff see it."""

    account: str
    name: str


class DayOut(BaseModel):
    """The bookings and sessions of one day in a zone, by time and seat."""

    model_config = ConfigDict(frozen=True)
    day: date
    sessions: list[VisitOut]


class ImportOut(BaseModel):
    """An import request. `state`: submitted, approved, rejected or brought_in."""

    model_config = ConfigDict(frozen=True)
    id: uuid.UUID
    zone: str
    dataset: str
    grant_id: uuid.UUID
    name: str
    bytes: int
    sha256: str
    reason: str
    state: str
    note: str
    created_at: datetime
    decided_at: datetime | None
    brought_in_at: datetime | None


class ImportList(BaseModel):
    """A page of one's own import requests, the newest first."""

    model_config = ConfigDict(frozen=True)
    imports: list[ImportOut]
    next: str | None
    previous: str | None
