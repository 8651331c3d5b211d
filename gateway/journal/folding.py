"""Requests too many to write one by one: counted, and written as one event later.

Whoever guesses, forges, is refused, or turns the pages of a list of files again and again could
otherwise fill the log. The first of a kind are events of their own; the rest of the minute is
counted by who, from where and why. Many addresses of one network are counted together, so that a
large network buys nobody more events. Nothing waits for another request: a timer writes the counts
once their window has closed, a large count is written at once, and closing writes what is left. A
count that could not be written is kept for the next time. The answer is the same either way.
"""

from __future__ import annotations

import threading
import uuid
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import structlog
from prometheus_client import Counter

from audit.errors import LogUnavailable
from audit.event import Channel, PartyKind, Place
from audit.ocsf import Outcome
from gateway.clock import Clock, to_ms
from gateway.journal.actions import Act
from gateway.journal.actor import Actor
from gateway.journal.service import Entry, Journal
from gateway.observability.metrics import REGISTRY
from gateway.security.throttle import EVERYWHERE, FACTORS, WINDOW, Count, Tally, Throttle, rungs

FORGERIES_PER_WINDOW = 10
REFUSALS_PER_WINDOW = 30
READINGS_PER_WINDOW = 10
FOLD_AFTER = WINDOW + timedelta(seconds=1)
AFTER_ALL = datetime.max.replace(tzinfo=UTC)
COUNTED = Counter(
    "sumun_refusals_counted", "Requests counted instead of written one by one", registry=REGISTRY
)
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Flood:
    """What is counted together: one act, of one actor and address, for one reason or of one
    version; `address` may be a network. `dataset` is given for readings, which were allowed."""

    reason: str | None
    address: str
    act: str | None = None
    kind: PartyKind = PartyKind.ANONYMOUS
    person_id: uuid.UUID | None = None
    organisation_id: uuid.UUID | None = None
    channel: Channel | None = Channel.API
    dataset: str | None = None
    version: str | None = None

    @classmethod
    def of(cls, entry: Entry) -> Flood:
        """The flood that a refusal may be part of."""
        actor, place = entry.actor, entry.actor.place
        return cls(
            entry.reason,
            place.address or "",
            str(entry.act),
            actor.kind,
            actor.person_id,
            actor.organisation_id,
            place.channel,
        )

    @classmethod
    def of_reading(cls, entry: Entry) -> Flood:
        """The many pages that a reading may be one of."""
        return replace(cls.of(entry), dataset=entry.dataset, version=entry.version)

    @property
    def actor(self) -> Actor:
        place = Place(address=self.address, channel=self.channel)
        return Actor(self.kind, place, self.person_id, self.organisation_id)


class _Rungs:
    """A limit for each visitor, and wider ones for the networks around them.

    Only what a narrower network would let through is charged to a wider one, so that one visitor's
    flood does not take the events of their neighbours.
    """

    def __init__(self, limit: int) -> None:
        self._limits: dict[int, Throttle[Flood]] = {
            factor: Throttle(limit * factor) for factor in FACTORS
        }

    def retry_after(self, flood: Flood, now: datetime) -> int:
        """Seconds that this one visitor must wait; no neighbour makes anybody wait."""
        visitor = rungs(flood.address)[0].network
        return self._limits[1].retry_after(replace(flood, address=visitor), now)

    def count(self, flood: Flood, now: datetime) -> Count:
        """Count one attempt under the narrowest network whose limit is reached."""
        for rung in rungs(flood.address):
            count = self._limits[rung.factor].count(replace(flood, address=rung.network), now)
            if count is not Count.ALONE:
                return count
        return Count.ALONE

    def drain(self, now: datetime) -> list[Tally[Flood]]:
        return [tally for limit in self._limits.values() for tally in limit.drain(now)]

    def give_back(self, tallies: list[Tally[Flood]]) -> None:
        self._limits[1].give_back(tallies)

    def unreported(self) -> int:
        return sum(limit.unreported() for limit in self._limits.values())


class Folding:
    """The counts of one process; safe to share between threads."""

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self._journal = journal
        self._clock = clock
        self._forgeries = _Rungs(FORGERIES_PER_WINDOW)
        self._refusals = _Rungs(REFUSALS_PER_WINDOW)
        self._readings = _Rungs(READINGS_PER_WINDOW)
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None
        self._closed = False
        self._behind = False

    def retry_after(self, reason: str, address: str) -> int:
        """Seconds that forgers from `address` must wait, 0 when none; an early one is counted."""
        flood = Flood(reason, address)
        wait = self._forgeries.retry_after(flood, self._clock.now())
        if wait:
            self._count(self._forgeries, flood)
        return wait

    def refused(self, reason: str, address: str) -> bool:
        """Count a refusal of somebody unknown. True: it is worth an event of its own."""
        return self._count(self._forgeries, Flood(reason, address))

    def record(self, entry: Entry) -> None:
        """Make a refusal durable, or count it when the same was refused many times this minute.

        Raises audit.errors.LogUnavailable when it is to be an event of its own and cannot be.
        """
        if self._count(self._refusals, Flood.of(entry)):
            self._journal.append(entry)

    def read(self, entry: Entry) -> None:
        """Make a reading of names durable, or count it when the same were read this minute.

        The first readings of a minute are durable before anything is shown, so a count only adds
        how often. Raises audit.errors.LogUnavailable as `record` does, and while earlier counts
        could not be written: then nothing more is shown.
        """
        if self._count(self._readings, Flood.of_reading(entry)):
            self._journal.append(entry)
        elif self._behind:
            self.fold()

    def fold(self) -> int:
        """Write the counts whose window has closed; returns how many events that were.

        Raises audit.errors.LogUnavailable; nothing is lost by it.
        """
        return self._fold(self._clock.now())

    def unreported(self) -> int:
        """How many requests are counted and not yet written."""
        return sum(each.unreported() for each in self._all())

    def close(self) -> None:
        """Write every count there is, because the process ends."""
        with self._lock:
            self._closed = True
            if self._timer is not None:
                self._timer.cancel()
        try:
            self._fold(AFTER_ALL)
        except LogUnavailable:
            log.error("folding.lost", attempts=self.unreported())

    def _all(self) -> tuple[_Rungs, ...]:
        return self._forgeries, self._refusals, self._readings

    def _count(self, limits: _Rungs, flood: Flood) -> bool:
        count = limits.count(flood, self._clock.now())
        if count is Count.FULL:
            with suppress(LogUnavailable):
                self.fold()
        if count is not Count.ALONE:
            COUNTED.inc()
            self._later()
        return count is Count.ALONE

    def _fold(self, now: datetime) -> int:
        self._behind = True
        written = sum(self._write(each, now) for each in self._all())
        self._behind = False
        return written

    def _write(self, limits: _Rungs, now: datetime) -> int:
        tallies = limits.drain(now)
        for number, tally in enumerate(tallies):
            try:
                self._journal.append(_entry(tally))
            except LogUnavailable:
                limits.give_back(tallies[number:])
                raise
        return len(tallies)

    def _later(self) -> None:
        with self._lock:
            if self._timer is None and not self._closed:
                self._timer = threading.Timer(FOLD_AFTER.total_seconds(), self._now)
                self._timer.daemon = True
                self._timer.start()

    def _now(self) -> None:
        with self._lock:
            self._timer = None
        try:
            self.fold()
        except LogUnavailable:
            log.warning("folding.unwritten")
        if self.unreported():
            self._later()


def _entry(tally: Tally[Flood]) -> Entry:
    flood = tally.key or Flood(EVERYWHERE, EVERYWHERE)
    detail = {"attempts": tally.attempts, "since_ms": to_ms(tally.since)}
    if flood.dataset is not None and flood.act is not None:
        return Entry(
            flood.actor,
            Act(flood.act),
            dataset=flood.dataset,
            version=flood.version,
            detail=detail,
        )
    return Entry(
        flood.actor,
        Act.REQUESTS_FOLDED,
        Outcome.DENY,
        reason=flood.reason,
        detail=detail | ({"action": flood.act} if flood.act else {}),
    )
