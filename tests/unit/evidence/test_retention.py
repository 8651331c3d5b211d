"""Years are those of the calendar."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gateway.evidence.retention import ONE_YEAR, RIGHTS_TERM, TWO_YEARS, Term


def _day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(hour=12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("term", "began", "ends"),
    [
        (ONE_YEAR, "2027-06-01", "2028-06-01"),
        (ONE_YEAR, "2028-02-29", "2029-03-01"),
        (TWO_YEARS, "2027-03-01", "2029-03-01"),
        (RIGHTS_TERM, "2028-02-29", "2031-03-01"),
        (Term(days=10), "2028-02-25", "2028-03-06"),
    ],
)
def test_a_year_across_the_29th_of_february_is_not_a_day_short(
    term: Term, began: str, ends: str
) -> None:
    assert term.after(_day(began)) == _day(ends)


def test_what_lies_before_a_term_has_been_kept_for_it_and_nothing_newer() -> None:
    day = timedelta(days=1)
    for term in (ONE_YEAR, TWO_YEARS, RIGHTS_TERM, Term(days=30)):
        for number in range(4 * 366):
            now = _day("2027-01-01") + number * day

            limit = term.before(now)

            assert term.after(limit) <= now
            assert term.after(limit + 2 * day) > now
