"""Moments as people read them."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from gateway.web.filters import NOTHING, last_day

SEOUL = ZoneInfo("Asia/Seoul")


@pytest.mark.parametrize(
    ("until", "shown"),
    [
        (datetime(2027, 11, 22, 15, 0, tzinfo=UTC), ">2027-11-22<"),
        (datetime(2027, 11, 22, 15, 1, tzinfo=UTC), ">2027-11-23<"),
        (datetime(2027, 11, 22, 14, 59, tzinfo=UTC), ">2027-11-22<"),
    ],
)
def test_a_window_that_ends_at_midnight_ends_with_the_day_before(
    until: datetime, shown: str
) -> None:
    assert shown in last_day(until, SEOUL)


def test_a_window_without_an_end_has_no_last_day() -> None:
    assert last_day(None, SEOUL) == NOTHING
