"""Identifiers sort by time; time has a zone."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import ids
from gateway.clock import FixedClock, from_ms, to_ms

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)


def test_an_id_is_a_version_7_uuid_of_its_moment():
    made = ids.new(FixedClock(NOON))

    assert made.version == 7
    assert made.int >> 80 == to_ms(NOON)


def test_later_ids_sort_after_earlier_ones():
    clock = FixedClock(NOON)
    made = []
    for _ in range(50):
        made.append(ids.new(clock))
        clock.advance(timedelta(milliseconds=1))

    assert made == sorted(made)
    assert len(set(made)) == 50


@given(st.text())
def test_only_the_canonical_form_of_an_id_is_read(text: str):
    parsed = ids.parse(text)

    assert parsed is None or str(parsed) == text


def test_an_id_in_another_spelling_is_not_read():
    made = ids.new(FixedClock(NOON))

    assert ids.parse(str(made)) == made
    assert ids.parse(str(made).upper()) is None
    assert ids.parse("{" + str(made) + "}") is None


@given(st.integers(min_value=0, max_value=4_000_000_000_000))
def test_milliseconds_and_moments_are_two_spellings_of_one_thing(milliseconds: int):
    assert to_ms(from_ms(milliseconds)) in {milliseconds, milliseconds - 1}


def test_a_moment_without_a_zone_is_refused():
    with pytest.raises(ValueError, match="zone"):
        to_ms(datetime(2026, 1, 1))  # noqa: DTZ001


def test_ids_of_one_millisecond_sort_in_the_order_they_were_made():
    clock = FixedClock(NOON)

    made = [ids.new(clock) for _ in range(2000)]

    assert made == sorted(made)
    assert all(one.version == 7 and one.variant == uuid.RFC_4122 for one in made)
