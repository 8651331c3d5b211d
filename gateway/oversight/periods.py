"""The periods of the reviews: whole months in the gateway's time zone, counted from January."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

# How long after its end a period may stay unsigned before it is called overdue.
DUE = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Period:
    """A half-open span of time."""

    start: datetime
    end: datetime


def last_complete(now: datetime, months: int, zone: ZoneInfo) -> Period:
    """The newest period of `months` (a divisor of 12) that is over at `now`."""
    end = _start_of(now.astimezone(zone), months)
    return Period(_moved(end, -months), end)


def after(start: datetime, now: datetime, months: int, zone: ZoneInfo) -> list[Period]:
    """Every period over at `now` that begins at `start` or later, oldest first.

    When `months` was changed, the first one ends at the next border of the new length.
    """
    found = []
    begin, last = start.astimezone(zone), last_complete(now, months, zone).end
    while begin < last:
        end = _moved(_start_of(begin, months), months)
        found.append(Period(begin, end))
        begin = end
    return found


def next_end(now: datetime, months: int, zone: ZoneInfo) -> datetime:
    """When the period that `now` lies in is over."""
    return _moved(last_complete(now, months, zone).end, months)


def _start_of(local: datetime, months: int) -> datetime:
    month = (local.month - 1) // months * months + 1
    return datetime(local.year, month, 1, tzinfo=local.tzinfo)


def _moved(start: datetime, months: int) -> datetime:
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    return datetime(year, month + 1, 1, tzinfo=start.tzinfo)
