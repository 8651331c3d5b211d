"""A limit on forged download addresses, checked before any cryptography.

Per client address and window: the first forgeries are each worth an event, the rest are only
counted, so nobody can fill the audit log or spend the gateway's time. Memory is bounded: the
address not seen for longest is forgotten, and its count is handed over first.
"""

from __future__ import annotations

import ipaddress
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

WINDOW = timedelta(seconds=60)
FORGERIES_PER_WINDOW = 10
MAX_ADDRESSES = 10_000
# One household or server commands a whole /64, so single IPv6 addresses would be no limit.
IPV6_PREFIX = 64


@dataclass(frozen=True, slots=True)
class Tally:
    """Forged attempts of one address in one window, to be written as one counted event."""

    address: str
    attempts: int
    since: datetime


@dataclass(slots=True)
class _Window:
    since: datetime
    forged: int = 0
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


class ForgeryThrottle:
    """Counts forgeries by address; in-process, so the limit is per gateway process."""

    def __init__(
        self, limit: int = FORGERIES_PER_WINDOW, max_addresses: int = MAX_ADDRESSES
    ) -> None:
        self._limit = limit
        self._max = max_addresses
        self._windows: OrderedDict[str, _Window] = OrderedDict()
        self._closed: list[Tally] = []
        self._lock = threading.Lock()

    def retry_after(self, address: str, now: datetime) -> int:
        """Seconds `address` must wait, 0 when it may try. A refused attempt is counted."""
        with self._lock:
            key = group(address)
            window = self._live(key, now)
            if window is None or window.forged < self._limit:
                return 0
            window.unreported += 1
            remaining = window.since + WINDOW - now
            return max(1, -(-remaining // timedelta(seconds=1)))

    def forged(self, address: str, now: datetime) -> Tally | None:
        """Count one forged attempt; the tally to write now, or None when it is folded."""
        with self._lock:
            key = group(address)
            window = self._live(key, now) or self._open(key, now)
            window.forged += 1
            if window.forged < self._limit:
                return Tally(key, 1, now)
            window.unreported += 1
            return None

    def drain(self, now: datetime) -> list[Tally]:
        """The folded counts of windows that have closed; call it every few seconds."""
        with self._lock:
            for key in [k for k, w in self._windows.items() if now >= w.since + WINDOW]:
                self._close(key)
            tallies, self._closed = self._closed, []
            return tallies

    def give_back(self, tallies: Sequence[Tally]) -> None:
        """Keep what was drained but could not be written."""
        with self._lock:
            for tally in tallies:
                self._fold(tally)

    def unreported(self) -> int:
        """How many attempts are counted and not yet drained."""
        with self._lock:
            waiting = sum(window.unreported for window in self._windows.values())
            return waiting + sum(tally.attempts for tally in self._closed)

    def _live(self, key: str, now: datetime) -> _Window | None:
        window = self._windows.get(key)
        if window is not None and now >= window.since + WINDOW:
            self._close(key)
            return None
        if window is not None:
            self._windows.move_to_end(key)
        return window

    def _open(self, key: str, now: datetime) -> _Window:
        if len(self._windows) >= self._max:
            self._close(next(iter(self._windows)))
        return self._windows.setdefault(key, _Window(now))

    def _close(self, key: str) -> None:
        window = self._windows.pop(key)
        if window.unreported:
            self._fold(Tally(key, window.unreported, window.since))

    def _fold(self, tally: Tally) -> None:
        # Undrained tallies are bounded too: past the limit they add up in one nameless tally.
        if len(self._closed) < self._max:
            self._closed.append(tally)
            return
        last = self._closed[-1]
        self._closed[-1] = Tally("*", last.attempts + tally.attempts, last.since)
