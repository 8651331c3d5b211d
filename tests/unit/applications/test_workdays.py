from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from gateway.applications.workdays import due

SEOUL = ZoneInfo("Asia/Seoul")
FRIDAY = datetime(2026, 11, 6, 3, 0, tzinfo=UTC)


def test_a_weekend_does_not_count() -> None:
    end = due(FRIDAY, 1, SEOUL).astimezone(SEOUL)

    assert end == datetime(2026, 11, 10, 0, 0, tzinfo=SEOUL)


def test_the_day_is_the_one_in_the_gateways_zone() -> None:
    sunday_in_seoul = datetime(2026, 11, 7, 16, 0, tzinfo=UTC)

    assert due(sunday_in_seoul, 1, SEOUL) == due(FRIDAY, 1, SEOUL)


def test_no_days_means_the_end_of_today() -> None:
    assert due(FRIDAY, 0, SEOUL).astimezone(SEOUL) == datetime(2026, 11, 7, tzinfo=SEOUL)


@given(st.datetimes(timezones=st.just(UTC)).filter(lambda at: 1900 < at.year < 2100))
def test_five_working_days_are_always_a_week_from_a_working_day(start: datetime) -> None:
    day = start.astimezone(SEOUL)
    end = due(start, 5, SEOUL).astimezone(SEOUL)

    # The due moment is the midnight after the fifth day, so the day itself is a working day.
    assert (end - timedelta(days=1)).weekday() < 5
    if day.weekday() < 5:
        assert (end.date() - day.date()).days == 8
