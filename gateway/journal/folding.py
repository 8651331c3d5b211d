"""Refusals too many to write one by one: counted, and written as one event later.

Whoever guesses, forges, or is refused again and again could otherwise fill the log. The first
refusals of a kind are events of their own; the rest of the minute is counted by who, from where and
why. Nothing waits for another request: a timer writes the counts once their window has closed, a
large count is written at once, and closing writes what is left. A count that could not be written
is kept for the next time. Whoever is refused gets the same answer either way.
"""

from __future__ import annotations

import threading
import uuid
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

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
from gateway.security.throttle import WINDOW, Count, Tally, Throttle, group

FORGERIES_PER_WINDOW = 10
REFUSALS_PER_WINDOW = 30
FOLD_AFTER = WINDOW + timedelta(seconds=1)
MANY = "*"
COUNTED = Counter(
    "sumun_refusals_counted", "Refusals counted instead of written one by one", registry=REGISTRY
)
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Flood:
    """What is counted together: refusals of one act, for one reason, of one actor and address."""

    reason: str | None
    address: str
    act: str | None = None
    kind: PartyKind = PartyKind.ANONYMOUS
    person_id: uuid.UUID | None = None
    organisation_id: uuid.UUID | None = None
    channel: Channel | None = Channel.API

    @classmethod
    def of(cls, entry: Entry) -> Flood:
        """The flood that a refusal may be part of."""
        actor, place = entry.actor, entry.actor.place
        return cls(
            entry.reason,
            group(place.address or ""),
            str(entry.act),
            actor.kind,
            actor.person_id,
            actor.organisation_id,
            place.channel,
        )

    @property
    def actor(self) -> Actor:
        place = Place(address=self.address, channel=self.channel)
        return Actor(self.kind, place, self.person_id, self.organisation_id)


class Folding:
    """The counts of one process; safe to share between threads."""

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self._journal = journal
        self._clock = clock
        self._forgeries: Throttle[Flood] = Throttle(FORGERIES_PER_WINDOW)
        self._refusals: Throttle[Flood] = Throttle(REFUSALS_PER_WINDOW)
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None
        self._closed = False

    def retry_after(self, reason: str, address: str) -> int:
        """Seconds that forgers from `address` must wait, 0 when none; an early one is counted."""
        flood = Flood(reason, group(address))
        wait = self._forgeries.retry_after(flood, self._clock.now())
        if wait:
            self._count(self._forgeries, flood)
        return wait

    def refused(self, reason: str, address: str) -> bool:
        """Count a refusal of somebody unknown. True: it is worth an event of its own."""
        return self._count(self._forgeries, Flood(reason, group(address)))

    def record(self, entry: Entry) -> None:
        """Make a refusal durable, or count it when the same was refused many times this minute.

        Raises audit.errors.LogUnavailable when it is to be an event of its own and cannot be.
        """
        if self._count(self._refusals, Flood.of(entry)):
            self._journal.append(entry)

    def fold(self) -> int:
        """Write the counts whose window has closed; returns how many events that were.

        Raises audit.errors.LogUnavailable; nothing is lost by it.
        """
        return self._fold(self._clock.now())

    def unreported(self) -> int:
        """How many refusals are counted and not yet written."""
        return self._forgeries.unreported() + self._refusals.unreported()

    def close(self) -> None:
        """Write every count there is, because the process ends."""
        with self._lock:
            self._closed = True
            if self._timer is not None:
                self._timer.cancel()
        try:
            self._fold(self._clock.now() + WINDOW)
        except LogUnavailable:
            log.error("folding.lost", attempts=self.unreported())

    def _count(self, throttle: Throttle[Flood], flood: Flood) -> bool:
        count = throttle.count(flood, self._clock.now())
        if count is Count.FULL:
            with suppress(LogUnavailable):
                self.fold()
        if count is not Count.ALONE:
            COUNTED.inc()
            self._later()
        return count is Count.ALONE

    def _fold(self, now: datetime) -> int:
        return self._write(self._forgeries, now) + self._write(self._refusals, now)

    def _write(self, throttle: Throttle[Flood], now: datetime) -> int:
        tallies = throttle.drain(now)
        for number, tally in enumerate(tallies):
            try:
                self._journal.append(_entry(tally))
            except LogUnavailable:
                throttle.give_back(tallies[number:])
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
    flood = tally.key or Flood(MANY, MANY)
    detail = {"attempts": tally.attempts, "since_ms": to_ms(tally.since)}
    return Entry(
        flood.actor,
        Act.REQUESTS_FOLDED,
        Outcome.DENY,
        reason=flood.reason,
        detail=detail | ({"action": flood.act} if flood.act else {}),
    )
