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
COUNTED_AT_MOST = 100
EVERYWHERE = "*"
# One household or server commands a whole /64, so single IPv6 addresses would be no limit; whoever
# is given a /48 commands 65,536 of those. Wider networks share wider limits: prefix and factor.
_RUNGS = {4: ((32, 1), (24, 4)), 6: ((64, 1), (48, 4), (32, 16))}
_WIDEST = 64
FACTORS = (1, 4, 16, _WIDEST)

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

    def is_over(self, now: datetime) -> bool:
        """Whether it has closed, or lies ahead because the clock was set back."""
        return abs(now - self.since) >= WINDOW


@dataclass(frozen=True, slots=True)
class Rung:
    """A network that an address belongs to; its limit is `factor` times that of one visitor."""

    network: str
    factor: int


def rungs(address: str) -> tuple[Rung, ...]:
    """The networks around an address, narrowest first: one visitor, their site, …, everywhere."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return Rung(address, 1), Rung(EVERYWHERE, _WIDEST)
    steps = [Rung(_network(parsed, prefix), factor) for prefix, factor in _RUNGS[parsed.version]]
    return (*steps, Rung(EVERYWHERE, _WIDEST))


def group(address: str) -> str:
    """The address that is limited: itself for IPv4, its /64 for IPv6."""
    return rungs(address)[0].network


def site(address: str) -> str:
    """The next wider network: a /24 for IPv4, a /48 for IPv6."""
    return rungs(address)[1].network


def _network(address: ipaddress.IPv4Address | ipaddress.IPv6Address, prefix: int) -> str:
    if prefix == address.max_prefixlen:
        return str(address)
    return str(ipaddress.ip_network((address, prefix), strict=False))


class Throttle(Generic[K]):
    """Counts attempts by key; in-process, so the limit is per gateway process."""

    def __init__(self, limit: int, max_keys: int = MAX_KEYS) -> None:
        self._limit = limit
        self._max = max_keys
        self._windows: OrderedDict[K, _Window] = OrderedDict()
        self._closed: dict[K | None, Tally[K]] = {}
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
            for key in [k for k, w in self._windows.items() if w.is_over(now)]:
                self._close(key)
            tallies, self._closed = self._closed, {}
            return list(tallies.values())

    def give_back(self, tallies: Sequence[Tally[K]]) -> None:
        """Keep what was drained but could not be written."""
        with self._lock:
            for tally in tallies:
                self._fold(tally)

    def unreported(self) -> int:
        """How many attempts are counted and not yet drained."""
        with self._lock:
            waiting = sum(window.unreported for window in self._windows.values())
            return waiting + sum(tally.attempts for tally in self._closed.values())

    def _live(self, key: K, now: datetime) -> _Window | None:
        window = self._windows.get(key)
        if window is not None and window.is_over(now):
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
        full = len(self._closed) >= self._max and tally.key not in self._closed
        key = None if full else tally.key
        before = self._closed.get(key)
        attempts = tally.attempts + (before.attempts if before else 0)
        since = min(tally.since, before.since) if before else tally.since
        self._closed[key] = Tally(key, attempts, since)
