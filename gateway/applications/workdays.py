"""Working days, Monday to Friday in the gateway's time zone: how due dates are counted.

Public holidays are not left out: they differ a year from the other, and a due date that comes a
day early only makes a queue look one day older.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

SATURDAY = 5


def due(start: datetime, days: int, zone: ZoneInfo) -> datetime:
    """The end of the `days`-th working day after `start`'s own day, as an aware UTC moment.

    The moment is the midnight that ends that day in `zone` (half-open, like every window).
    """
    day = start.astimezone(zone).date()
    left = days
    while left > 0:
        day += timedelta(days=1)
        left -= day.weekday() < SATURDAY
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone) + timedelta(days=1)
    return midnight.astimezone(UTC)
