"""Template filters: moments in the gateway's time zone, sizes and counts.

Only aware datetimes are shown; a naive one raises ValueError, because guessing its zone would
print a wrong time in a log that people rely on.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_timedelta
from babel.numbers import format_decimal
from flask import Flask
from markupsafe import Markup

from gateway.clock import Clock
from gateway.web.i18n import language

NOTHING = "–"
UNITS = ("B", "kB", "MB", "GB", "TB", "PB", "EB")
STEP = 1000


def _aware(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("a moment without a time zone cannot be shown")
    return moment


def when(moment: datetime | None, zone: ZoneInfo) -> Markup | str:
    """Date and minute in `zone` as a `<time>` element; the machine form is UTC."""
    return _element(moment, zone, "%Y-%m-%d %H:%M")


def day(moment: datetime | None, zone: ZoneInfo) -> Markup | str:
    """The calendar day in `zone` as a `<time>` element."""
    return _element(moment, zone, "%Y-%m-%d")


def last_day(until: datetime | None, zone: ZoneInfo) -> Markup | str:
    """The last day of a half-open window: midnight at its end belongs to the day after."""
    return day(until and until - timedelta(microseconds=1), zone)


def _element(moment: datetime | None, zone: ZoneInfo, pattern: str) -> Markup | str:
    if moment is None:
        return NOTHING
    local = _aware(moment).astimezone(zone)
    exact = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    full = local.strftime("%Y-%m-%d %H:%M:%S %Z")
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        exact, full, local.strftime(pattern)
    )


def ago(moment: datetime | None, now: datetime) -> str:
    """How far `moment` lies from `now` in the reader's words ("3일 전", "in 2 days")."""
    if moment is None:
        return NOTHING
    return format_timedelta(_aware(moment) - now, add_direction=True, locale=language())


def size(octets: int | None) -> str:
    """Bytes in decimal units with three significant digits at most (`1.25 GB`)."""
    if octets is None:
        return NOTHING
    value, unit = float(octets), 0
    while value >= STEP - 0.5 and unit < len(UNITS) - 1:
        value, unit = value / STEP, unit + 1
    digits = 0 if unit == 0 or value >= 100 else 1 if value >= 10 else 2
    return f"{value:,.{digits}f} {UNITS[unit]}"


def count(number: int | None) -> str:
    """A whole number with the reader's thousands separators."""
    return NOTHING if number is None else format_decimal(number, locale=language())


def install(app: Flask, zone: ZoneInfo, clock: Clock) -> None:
    """Register the filters `when`, `day`, `last_day`, `ago`, `size`, `count` on `app`."""

    def ago_now(moment: datetime | None) -> str:
        return ago(moment, clock.now())

    filters: dict[str, Any] = {
        "when": lambda moment: when(moment, zone),
        "day": lambda moment: day(moment, zone),
        "last_day": lambda moment: last_day(moment, zone),
        "ago": ago_now,
        "size": size,
        "count": count,
    }
    app.jinja_env.filters.update(filters)
