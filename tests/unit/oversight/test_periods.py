"""Whole months in the gateway's time zone."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from gateway.oversight.periods import after, last_complete, next_end

SEOUL, NEW_YORK = ZoneInfo("Asia/Seoul"), ZoneInfo("America/New_York")


def moment(text: str, zone: ZoneInfo = SEOUL) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


@pytest.mark.parametrize(
    ("months", "start", "end"),
    [(1, "2026-10-01", "2026-11-01"), (3, "2026-07-01", "2026-10-01"),
     (6, "2026-01-01", "2026-07-01"), (12, "2025-01-01", "2026-01-01")],
)  # fmt: skip
def test_the_last_complete_period(months: int, start: str, end: str) -> None:
    found = last_complete(moment("2026-11-23T10:00"), months, SEOUL)
    assert (found.start, found.end) == (moment(start), moment(end))


@pytest.mark.parametrize(
    ("months", "now", "end"),
    [(1, "2026-11-23T10:00", "2026-12-01"), (1, "2026-12-31T23:59", "2027-01-01"),
     (3, "2026-11-23T10:00", "2027-01-01"), (12, "2026-01-01T00:00", "2027-01-01")],
)  # fmt: skip
def test_the_next_review_opens_when_this_period_is_over(months: int, now: str, end: str) -> None:
    assert next_end(moment(now), months, SEOUL) == moment(end)


def test_the_border_is_local_midnight() -> None:
    before = datetime(2026, 10, 31, 14, 59, tzinfo=UTC)
    on_time = datetime(2026, 10, 31, 15, 0, tzinfo=UTC)
    assert last_complete(before, 1, SEOUL).end == moment("2026-10-01")
    assert last_complete(on_time, 1, SEOUL).end == moment("2026-11-01")


def test_every_missed_month_gets_its_own_period() -> None:
    found = after(moment("2026-11-01"), moment("2027-02-03"), 1, SEOUL)
    ends = [one.end.date().isoformat() for one in found]
    assert ends == ["2026-12-01", "2027-01-01", "2027-02-01"]
    assert [one.start for one in found[1:]] == [one.end for one in found[:-1]]


def test_after_a_change_of_the_interval_the_next_period_ends_at_its_border() -> None:
    found = after(moment("2026-11-01"), moment("2027-02-03"), 3, SEOUL)
    assert [(one.start, one.end) for one in found] == [(moment("2026-11-01"), moment("2027-01-01"))]


def test_a_month_with_a_change_of_clocks_is_whole() -> None:
    found = last_complete(moment("2026-12-02", NEW_YORK), 1, NEW_YORK)
    hours = (found.end.astimezone(UTC) - found.start.astimezone(UTC)).total_seconds() / 3600
    assert hours == 30 * 24 + 1
