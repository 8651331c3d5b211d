"""Time as an argument: every service takes a `Clock`, so tests decide what time it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Tells the present moment as an aware UTC datetime."""

    def now(self) -> datetime: ...


class SystemClock:
    """The host's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


@dataclass(slots=True)
class FixedClock:
    """A clock that stands still until moved; used by tests and by replays."""

    at: datetime

    def now(self) -> datetime:
        return self.at

    def advance(self, delta: timedelta) -> None:
        self.at += delta


def to_ms(moment: datetime) -> int:
    """Whole milliseconds since the Unix epoch, the unit of the audit log."""
    if moment.tzinfo is None:
        raise ValueError("a moment without a time zone has no place on the time line")
    return int(moment.timestamp() * 1000)


def from_ms(milliseconds: int) -> datetime:
    """The aware UTC moment of `milliseconds` since the Unix epoch."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
