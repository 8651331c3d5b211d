"""Refusals too many to write one by one: counted by address, and written as one event later.

Whoever guesses or forges could otherwise fill the log. Nothing waits for another request: a timer
writes the counts once their window has closed, and closing writes what is left. A count that
could not be written is kept for the next time.
"""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

import structlog

from audit.errors import LogUnavailable
from audit.event import Channel, Place
from audit.ocsf import Outcome
from gateway.clock import Clock, to_ms
from gateway.journal.actions import Act
from gateway.journal.actor import Actor
from gateway.journal.service import Entry, Journal
from gateway.security.throttle import WINDOW, ForgeryThrottle, Tally

FOLD_AFTER = WINDOW + timedelta(seconds=1)
log = structlog.get_logger(__name__)


class Folding:
    """The counts of one process, by the reason of the refusal; safe to share between threads."""

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self._journal = journal
        self._clock = clock
        self._throttles: dict[str, ForgeryThrottle] = {}
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None
        self._closed = False

    def throttle(self, reason: str) -> ForgeryThrottle:
        """Where the refusals of `reason` are counted."""
        with self._lock:
            return self._throttles.setdefault(reason, ForgeryThrottle())

    def refused(self, reason: str, address: str) -> bool:
        """Count one refusal. True: it is worth an event of its own. False: it is written later."""
        alone = self.throttle(reason).forged(address, self._clock.now()) is not None
        if not alone:
            self._later()
        return alone

    def fold(self) -> int:
        """Write the counts whose window has closed; returns how many events that were.

        Raises audit.errors.LogUnavailable; nothing is lost by it.
        """
        return self._fold(self._clock.now())

    def close(self) -> None:
        """Write every count there is, because the process ends."""
        with self._lock:
            self._closed = True
            if self._timer is not None:
                self._timer.cancel()
        try:
            self._fold(self._clock.now() + WINDOW)
        except LogUnavailable:
            left = sum(throttle.unreported() for throttle in self._throttles.values())
            log.error("folding.lost", attempts=left)

    def _fold(self, now: datetime) -> int:
        with self._lock:
            known = list(self._throttles.items())
        return sum(self._write(reason, throttle, now) for reason, throttle in known)

    def _write(self, reason: str, throttle: ForgeryThrottle, now: datetime) -> int:
        tallies = throttle.drain(now)
        for number, tally in enumerate(tallies):
            try:
                self._journal.append(_entry(reason, tally))
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
        if any(throttle.unreported() for throttle in list(self._throttles.values())):
            self._later()


def _entry(reason: str, tally: Tally) -> Entry:
    actor = Actor.anonymous(Place(address=tally.address, channel=Channel.API))
    detail = {"attempts": tally.attempts, "since_ms": to_ms(tally.since)}
    return Entry(actor, Act.REQUESTS_FOLDED, Outcome.DENY, reason=reason, detail=detail)
