"""Floods, counted: the first of a kind are each worth an event, the rest only a number.

Memory is bounded: what was not seen for longest is forgotten, and its count is handed over first.
A count is handed over when its window closes, and at once when it is large, so that a process that
is killed takes little with it.
"""

from __future__ import annotations

import ipaddress
import threading
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Generic, TypeVar

WINDOW = timedelta(seconds=60)
MAX_KEYS = 10_000
COUNTED_AT_MOST = 1000
# One household or server commands a whole /64, so single IPv6 addresses would be no limit.
IPV6_PREFIX = 64

K = TypeVar("K", bound=Hashable)


class Count(StrEnum):
    """What to do about one attempt: write it, leave it counted, or write the counts now."""

    ALONE = "alone"
    COUNTED = "counted"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Tally(Generic[K]):
    """Attempts of one key in one window, to be written as one counted event.

    `key` is None for those that were too many to be kept apart.
    """

    key: K | None
    attempts: int
    since: datetime


@dataclass(slots=True)
class _Window:
    since: datetime
    attempts: int = 0
    unreported: int = 0


def group(address: str) -> str:
    """The address that is limited: itself for IPv4, its /64 for IPv6."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:
        return address
    return str(ipaddress.ip_network((parsed, IPV6_PREFIX), strict=False))


class Throttle(Generic[K]):
    """Counts attempts by key; in-process, so the limit is per gateway process."""

    def __init__(self, limit: int, max_keys: int = MAX_KEYS) -> None:
        self._limit = limit
        self._max = max_keys
        self._windows: OrderedDict[K, _Window] = OrderedDict()
        self._closed: list[Tally[K]] = []
        self._lock = threading.Lock()

    def retry_after(self, key: K, now: datetime) -> int:
        """Seconds `key` must wait, 0 when it may try."""
        with self._lock:
            window = self._live(key, now)
            if window is None or window.attempts < self._limit:
                return 0
            remaining = window.since + WINDOW - now
            return max(1, -(-remaining // timedelta(seconds=1)))

    def count(self, key: K, now: datetime) -> Count:
        """Count one attempt: those before the limit are each worth an event."""
        with self._lock:
            window = self._live(key, now) or self._open(key, now)
            window.attempts += 1
            if window.attempts < self._limit:
                return Count.ALONE
            window.unreported += 1
            if window.unreported < COUNTED_AT_MOST:
                return Count.COUNTED
            self._hand_over(key, window)
            return Count.FULL

    def drain(self, now: datetime) -> list[Tally[K]]:
        """The counts of windows that have closed, and large ones of those that have not."""
        with self._lock:
            for key in [k for k, w in self._windows.items() if now >= w.since + WINDOW]:
                self._close(key)
            tallies, self._closed = self._closed, []
            return tallies

    def give_back(self, tallies: Sequence[Tally[K]]) -> None:
        """Keep what was drained but could not be written."""
        with self._lock:
            for tally in tallies:
                self._fold(tally)

    def unreported(self) -> int:
        """How many attempts are counted and not yet drained."""
        with self._lock:
            waiting = sum(window.unreported for window in self._windows.values())
            return waiting + sum(tally.attempts for tally in self._closed)

    def _live(self, key: K, now: datetime) -> _Window | None:
        window = self._windows.get(key)
        if window is not None and now >= window.since + WINDOW:
            self._close(key)
            return None
        if window is not None:
            self._windows.move_to_end(key)
        return window

    def _open(self, key: K, now: datetime) -> _Window:
        if len(self._windows) >= self._max:
            self._close(next(iter(self._windows)))
        return self._windows.setdefault(key, _Window(now))

    def _close(self, key: K) -> None:
        self._hand_over(key, self._windows.pop(key))

    def _hand_over(self, key: K, window: _Window) -> None:
        if window.unreported:
            self._fold(Tally(key, window.unreported, window.since))
            window.unreported = 0

    def _fold(self, tally: Tally[K]) -> None:
        # Undrained tallies are bounded too: past the limit they add up in one nameless tally.
        if len(self._closed) < self._max:
            self._closed.append(tally)
            return
        last = self._closed[-1]
        self._closed[-1] = Tally(None, last.attempts + tally.attempts, last.since)
