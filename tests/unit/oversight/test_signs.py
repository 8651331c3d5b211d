"""Each rule finds what it is for, explains itself with figures, and leaves ordinary days alone."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from gateway.clock import to_ms
from gateway.journal import Act, Outcome
from gateway.oversight import signs as rules
from gateway.oversight.signs import Day, Happening, RuleCode, Sign, signs

SEOUL = ZoneInfo("Asia/Seoul")
DAY = date(2026, 11, 3)
PERSON = "ab" * 16
GRANT = "grant:1"


def ms(clock: str, day: date = DAY) -> int:
    return to_ms(datetime.combine(day, datetime.strptime(clock, "%H:%M").time(), SEOUL))  # noqa: DTZ007


def happening(index: int, clock: str = "10:00", **changed: Any) -> Happening:
    given: dict[str, Any] = {
        "action": Act.DOWNLOAD_AUTHORIZED, "outcome": Outcome.SUCCESS, "dataset": "voices",
        "item": f"item{index}", "ref": GRANT,
    }  # fmt: skip
    return Happening(index, ms(clock), **(given | changed))


def refused(index: int, clock: str = "10:00", **changed: Any) -> Happening:
    given: dict[str, Any] = {"action": Act.DOWNLOAD_REFUSED, "outcome": Outcome.DENY}
    return happening(index, clock, **(given | changed))


def day(*happenings: Happening, pace: dict[int, int] | None = None) -> Day:
    return Day(PERSON, DAY, SEOUL, happenings, pace or {}, frozenset({GRANT}))


def paced(today: int, *before: int, clock: str = "10:00") -> dict[int, int]:
    days = {ms(clock, DAY - timedelta(days=n)): count for n, count in enumerate(before, 1)}
    return {ms(clock): today, **days}


def only(found: list[Sign]) -> Sign:
    (sign,) = found
    return sign


def test_an_ordinary_day_has_no_sign() -> None:
    usual = day(*(happening(n) for n in range(9)), pace=paced(9, 8, 9, 10, 9, 8))
    assert signs(usual) == []


def test_a_day_far_above_ones_own_baseline_is_found_with_its_figures() -> None:
    found = only(rules.volume(day(happening(1), pace=paced(150, 20, 30, 20, 25, 20))))
    assert (found.rule, found.entries) == (RuleCode.VOLUME, 150)
    assert found.figures == {"today": 150, "usual": 20, "days": 5}


@pytest.mark.parametrize(
    ("today", "before"), [(99, (1, 1, 1, 1, 1)), (499, (100, 100, 100, 100, 100)), (50, ())]
)
def test_a_busy_day_of_a_busy_person_is_ordinary(today: int, before: tuple[int, ...]) -> None:
    assert rules.volume(day(pace=paced(today, *before))) == []


def test_without_a_baseline_the_floor_counts() -> None:
    assert only(rules.volume(day(pace=paced(100, 5)))).figures["usual"] == 0


def test_downloads_at_night_of_a_day_worker_are_found() -> None:
    behind = [happening(n, "23:10") for n in range(12)]
    found = only(rules.off_hours(day(*behind, pace={ms("23:00"): 12})))
    assert found.events == tuple(range(12))
    assert found.figures["night"] == 12


def test_who_often_works_at_night_is_left_alone() -> None:
    nights = {ms("23:00", DAY - timedelta(days=n)): 3 for n in (2, 5, 9)}
    assert rules.off_hours(day(pace={ms("02:00"): 40, **nights})) == []


def test_two_public_networks_within_minutes_are_found_with_both_entries() -> None:
    found = only(
        rules.two_networks(
            day(
                happening(1, "10:00", address="1.208.4.9"),
                happening(2, "10:09", address="8.8.8.8"),
            )
        )
    )
    assert found.events == (1, 2)
    assert found.figures["networks"] == 2


@pytest.mark.parametrize(
    ("first", "second", "later"),
    [
        ("1.208.4.9", "8.8.8.8", "10:11"),
        ("1.208.4.9", "1.208.250.1", "10:01"),
        ("10.0.0.1", "192.168.0.1", "10:01"),
        ("1.208.4.9", "2001:4860:4860::8888", "10:01"),
        ("2001:4860:1::1", "2001:4860:ffff::1", "10:01"),
        ("1.208.4.9", "not an address", "10:01"),
        ("1.208.4.9", "::ffff:1.208.4.10", "10:01"),
    ],
)
def test_what_is_no_travel_is_left_alone(first: str, second: str, later: str) -> None:
    behind = [happening(1, address=first), happening(2, later, address=second)]
    assert rules.two_networks(day(*behind)) == []


def test_a_clock_that_went_back_for_hours_makes_nobody_travel() -> None:
    behind = [
        happening(1, "17:00", address="1.208.4.9"), happening(2, "09:00", address="8.8.8.8"),
    ]  # fmt: skip
    assert rules.two_networks(day(*behind)) == []


def test_refused_attempts_say_nothing_about_a_place() -> None:
    behind = [happening(1, address="1.208.4.9"), refused(2, "10:01", address="8.8.8.8")]
    assert rules.two_networks(day(*behind)) == []


def test_twenty_different_doors_within_ten_minutes_are_found() -> None:
    behind = [refused(n, f"10:{n // 3:02d}") for n in range(20)]
    found = only(rules.enumeration(day(*behind)))
    assert found.figures["different"] == 20


def test_the_same_door_again_and_again_is_not_enumeration() -> None:
    behind = [refused(n, "10:00", item="same") for n in range(25)]
    assert rules.enumeration(day(*behind)) == []


def test_doors_spread_over_the_day_are_not_enumeration() -> None:
    behind = [refused(n, f"{n:02d}:00") for n in range(22)]
    assert rules.enumeration(day(*behind)) == []


def test_folded_refusals_count_as_often_as_they_happened() -> None:
    folded = refused(7, action=Act.REQUESTS_FOLDED, attempts=40)
    found = only(rules.refusals(day(folded)))
    assert found.figures == {"refused": 40}
    assert found.entries == 1


def test_a_few_refusals_are_ordinary() -> None:
    assert rules.refusals(day(*(refused(n) for n in range(29)))) == []


def test_a_download_without_a_known_purpose_is_found() -> None:
    behind = [happening(1), happening(2, ref=None), happening(3, ref="grant:unknown")]
    assert only(rules.no_reason(day(*behind))).events == (2, 3)


def test_what_happened_the_evening_before_belongs_to_that_day() -> None:
    before = Happening(1, ms("00:00") - 1, Act.DOWNLOAD_AUTHORIZED, Outcome.SUCCESS, ref=None)
    assert rules.no_reason(day(before)) == []


def test_unfinished_transfers_stand_there_with_both_their_entries() -> None:
    found = rules.unfinished(PERSON, DAY, {4: 1000, 90: 1000})
    assert (found.entries, found.events, found.grows) == (1, (4, 90), True)


def test_at_most_a_hundred_entries_are_kept_as_evidence() -> None:
    found = only(rules.no_reason(day(*(happening(n, ref=None) for n in range(130)))))
    assert found.entries == 130
    assert found.events == tuple(range(30, 130))
