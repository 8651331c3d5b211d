"""Moments and conditions as people write them."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from gateway.clock import from_ms
from gateway.errors import Problem, ProblemCode
from gateway.oversight.queries import Question, moment

SEOUL, NEW_YORK = ZoneInfo("Asia/Seoul"), ZoneInfo("America/New_York")


def shown(text: str, zone: ZoneInfo, *, whole_day: bool = False) -> str:
    found = moment("since", text, zone, whole_day=whole_day)
    assert found is not None
    return from_ms(found).isoformat()


def test_a_day_begins_at_local_midnight_and_as_an_end_counts_whole() -> None:
    assert shown("2026-11-02", SEOUL) == "2026-11-01T15:00:00+00:00"
    assert shown("2026-11-02", SEOUL, whole_day=True) == "2026-11-02T15:00:00+00:00"


def test_a_day_of_25_hours_counts_whole() -> None:
    assert shown("2026-11-01", NEW_YORK) == "2026-11-01T04:00:00+00:00"
    assert shown("2026-11-01", NEW_YORK, whole_day=True) == "2026-11-02T05:00:00+00:00"


def test_a_moment_keeps_its_own_zone() -> None:
    assert shown("2026-11-02T09:00", SEOUL) == "2026-11-02T00:00:00+00:00"
    assert shown("2026-11-02T09:00+01:00", SEOUL) == "2026-11-02T08:00:00+00:00"


@pytest.mark.parametrize(
    "text", ["", "x", "2026-02-30", "99999-01-01", "0001-01-01", "9999-12-31", "2026-11-02T25:00"]
)
def test_what_is_no_moment_is_refused_by_field(text: str) -> None:
    with pytest.raises(Problem) as refused:
        moment("since", text, SEOUL)
    assert refused.value.code is ProblemCode.VALIDATION_FAILED
    assert refused.value.extra["field"] == "since"


def test_only_set_conditions_are_given() -> None:
    assert Question(person="kim", dataset="a").given() == {"person": "kim", "dataset": "a"}
