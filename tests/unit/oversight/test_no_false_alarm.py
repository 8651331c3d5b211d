"""An ordinary month raises no alarm, whoever it was; and the same month with one deed does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.journal import Outcome
from gateway.oversight.signs import Day, Happening, RuleCode, signs
from tests.unit.oversight.ordinary import days

PEOPLE = 300


def found(month: list[Day]) -> set[RuleCode]:
    return {sign.rule for day in month for sign in signs(day)}


@pytest.fixture(scope="module")
def months() -> list[list[Day]]:
    return [list(days(seed)) for seed in range(PEOPLE)]


def test_three_hundred_ordinary_people_raise_no_alarm_in_a_month(months: list[list[Day]]) -> None:
    alarms = {seed: rules for seed, month in enumerate(months) if (rules := found(month))}

    assert alarms == {}


def test_the_months_are_busy_enough_to_mean_something(months: list[list[Day]]) -> None:
    happenings = [one for month in months for day in month for one in day.happenings]
    assert len(happenings) > 100_000
    assert sum(one.outcome == Outcome.DENY for one in happenings) > 10_000


@pytest.mark.parametrize("seed", range(20))
def test_the_same_month_with_a_download_for_nothing_is_found(seed: int) -> None:
    month = list(days(seed))
    busy = max(range(len(month)), key=lambda place: len(month[place].happenings))
    deed = replace(_a_download(month[busy]), ref=None)

    month[busy] = replace(month[busy], happenings=[*month[busy].happenings, deed])

    assert found(month) == {RuleCode.NO_REASON}


def _a_download(day: Day) -> Happening:
    return next(one for one in day.happenings if one.address is not None)
