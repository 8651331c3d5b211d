"""Booking a seat: under a live grant, without overlap, also when everybody books at once."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from gateway.access.models import Grant
from gateway.catalog.models import Dataset
from gateway.errors import Problem, ProblemCode
from gateway.identity.models import Person
from gateway.journal import Act
from gateway.web.idempotency import Attempt
from gateway.zones import service_bookings, service_sessions, service_zones
from gateway.zones.service_bookings import Wanted
from tests import people
from tests import world as worlds
from tests.integration.zones.conftest import (
    OPERATOR,
    OTHER_ZONE,
    REASON,
    SLUG,
    Stage,
    booked,
    codes,
    refusal,
    register,
    term,
)


def test_a_seat_is_booked_and_stands_in_the_log(stage: Stage) -> None:
    made = stage.book(hours=3)

    row, (said,) = stage.row(made), stage.said(Act.ZONE_SESSION_BOOKED)
    assert (row.seat, row.opened_at, row.booked_until) == (1, None, row.booked_from + 2 * _HOUR)
    assert said.ref == f"zone_session:{made}"
    assert (said.detail["zone"], said.detail["seat"]) == (SLUG, 1)


def test_the_first_free_seat_is_taken_until_there_is_none(stage: Stage) -> None:
    others = [stage.another(f"guest{number}") for number in range(3)]

    stage.book()
    book(stage, *others[0], hours=1)
    full = refusal(lambda: book(stage, *others[1], hours=1))
    book(stage, *others[2], hours=2)

    assert full.code is ProblemCode.CONFLICT
    assert [seat for seat, _starts in booked(stage)] == [1, 2, 1]


def test_a_window_is_half_open_so_one_follows_the_other(stage: Stage) -> None:
    stage.book(hours=1, length=2, seat=2)
    stage.book(hours=3, length=1, seat=2)

    assert len(booked(stage)) == 2


def test_nobody_sits_at_two_seats_at_once_in_whatever_zone(stage: Stage) -> None:
    register(stage.runtime, OTHER_ZONE)
    service_zones.assign(stage.runtime, OPERATOR, OTHER_ZONE, "voices")
    stage.book(hours=1)

    twice = refusal(lambda: stage.book(hours=2, zone=OTHER_ZONE))

    assert twice.code is ProblemCode.CONFLICT


def test_a_cancelled_seat_is_free_again(stage: Stage) -> None:
    first = stage.book(hours=1, seat=1)
    service_sessions.cancel(stage.runtime, stage.me, first)

    stage.book(hours=1, seat=1)

    assert len(booked(stage)) == 2
    assert [said.detail["end"] for said in stage.said(Act.ZONE_SESSION_CANCELLED)] == ["cancelled"]


@pytest.mark.parametrize(
    ("hours", "length", "seat"),
    [
        (1, 12.01, None),
        (1, 0, None),
        (1, -1, None),
        (-0.3, 2, None),
        (24 * 61, 2, None),
        (-0.2, 0.1, None),
        (1, 2, 3),
    ],
    ids=["too long", "empty", "backwards", "begun", "far ahead", "over", "no such seat"],
)
def test_a_booking_that_cannot_be_is_refused_with_its_field(
    stage: Stage, hours: float, length: float, seat: int | None
) -> None:
    refused = refusal(lambda: stage.book(hours, length, seat=seat))

    assert refused.code is ProblemCode.VALIDATION_FAILED
    assert refused.extra["field"] in {"starts_at", "ends_at", "seat"}
    assert booked(stage) == []


def test_a_booking_lies_within_the_grant(stage: Stage) -> None:
    now = stage.clock.now()
    worlds.change(stage.runtime, Grant, stage.world.grant, ends_at=now + 2 * _HOUR)

    beyond = refusal(lambda: stage.book(hours=1, length=2))

    assert beyond.extra["field"] == "ends_at"
    assert stage.row(stage.book(hours=1, length=1))


def test_a_booking_ends_before_the_term_of_the_agreement(stage: Stage) -> None:
    term(stage, 25)
    service_sessions.close_session(stage.runtime, stage.me, stage.opened())

    beyond = refusal(lambda: stage.book(hours=25 * 24 - 1, length=2))

    assert (beyond.code, beyond.extra["field"]) == (ProblemCode.VALIDATION_FAILED, "ends_at")
    assert stage.row(stage.book(hours=25 * 24 - 1, length=1))


def test_whoever_could_not_read_gets_every_reason_and_no_seat(stage: Stage) -> None:
    worlds.change(stage.runtime, Grant, stage.world.grant, suspended=True)
    worlds.change(stage.runtime, Dataset, stage.world.dataset, training_required=True)

    denied = refusal(stage.book)

    assert denied.code is ProblemCode.ACCESS_DENIED
    assert sorted(codes(denied)) == ["GRANT_SUSPENDED", "TRAINING_MISSING"]
    assert booked(stage) == []
    (said,) = stage.said(Act.ACCESS_DECIDED)
    assert (said.outcome, said.detail["action"]) == ("deny", "read_in_zone")


def test_what_is_not_there_is_not_found(stage: Stage) -> None:
    stranger = people.acting_as(stage.another("guest")[0])
    register(stage.runtime, OTHER_ZONE)

    problems = [
        refusal(lambda: service_bookings.book(stage.runtime, stranger, stage.wanted())),
        refusal(lambda: stage.book(zone="nowhere")),
        refusal(lambda: stage.book(zone=OTHER_ZONE)),
        refusal(lambda: stage.book(grant_id=uuid.uuid4())),
    ]

    assert {problem.code for problem in problems} == {ProblemCode.NOT_FOUND}


def test_a_closed_zone_takes_no_bookings(stage: Stage) -> None:
    service_zones.close(stage.runtime, OPERATOR, SLUG, REASON)

    assert refusal(stage.book).code is ProblemCode.WRONG_STATE


def test_the_same_request_sent_twice_books_once(stage: Stage) -> None:
    attempt = Attempt(str(stage.holder.id), "/api/v1/zone-sessions", "key-1", b"{}")
    wanted = stage.wanted(hours=1)

    made = {service_bookings.book(stage.runtime, stage.me, wanted, attempt) for _ in range(2)}

    assert len(made) == len(booked(stage)) == 1


def test_of_many_who_want_one_seat_at_once_one_gets_it(stage: Stage) -> None:
    guests = [stage.another(f"guest{number}") for number in range(6)]

    with ThreadPoolExecutor(6) as pool:
        outcomes = list(pool.map(lambda guest: _tried(stage, *guest, seat=2), guests))

    assert sorted(outcomes, key=str) == sorted([*[ProblemCode.CONFLICT] * 5, None], key=str)
    assert len(booked(stage)) == 1


def test_one_person_who_books_everywhere_at_once_gets_one_seat(stage: Stage) -> None:
    zones = [SLUG, *(f"zone-{number}" for number in range(4))]
    for slug in zones[1:]:
        register(stage.runtime, slug)
        service_zones.assign(stage.runtime, OPERATOR, slug, "voices")

    with ThreadPoolExecutor(5) as pool:
        guest = stage.holder, stage.world.grant
        outcomes = list(pool.map(lambda slug: _tried(stage, *guest, zone=slug), zones))

    assert outcomes.count(None) == 1
    assert len(booked(stage)) == 1


_HOUR = timedelta(hours=1)


def book(
    stage: Stage, person: Person, grant_id: uuid.UUID, hours: float = 0, **changes: Any
) -> uuid.UUID:
    wanted: Wanted = stage.wanted(hours, grant_id=grant_id, **changes)
    return service_bookings.book(stage.runtime, people.acting_as(person), wanted)


def _tried(stage: Stage, person: Person, grant_id: uuid.UUID, **changes: Any) -> ProblemCode | None:
    try:
        book(stage, person, grant_id, hours=1, **changes)
    except Problem as problem:
        return problem.code
    return None
