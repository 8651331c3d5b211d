"""Floods of refusals are counted into few events; bytes never are."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import Client

from audit.errors import LogUnavailable
from audit.event import Domain
from gateway.access.models import Grant
from gateway.clock import FixedClock
from gateway.errors import Problem, ProblemCode
from gateway.identity import passwords, throttle
from gateway.identity.guessing import counted_by, sign_up_sources
from gateway.identity.models import Person, SessionChannel
from gateway.identity.service_credentials import Credentials
from gateway.identity.service_sessions import sign_in
from gateway.identity.throttle import FREE_ATTEMPTS, Blocked, Kind, Subject
from gateway.journal import Act, Actor, Channel, Entry, Outcome, PartyKind, Place
from gateway.journal.folding import (
    FORGERIES_PER_WINDOW,
    READINGS_PER_WINDOW,
    REFUSALS_PER_WINDOW,
)
from gateway.runtime import Runtime
from gateway.security.throttle import COUNTED_AT_MOST
from tests import people
from tests import world as made
from tests.integration.delivery.conftest import Issue, Logged
from tests.integration.promises.evidence import unwritable_log
from tests.world import World

Read = Callable[..., list[Logged]]
ALONE = REFUSALS_PER_WINDOW - 1
FLOOD = ALONE + 40


@pytest.fixture
def client(small: Flask) -> Client:
    return small.test_client()


def flood(client: Client, url: str, times: int = FLOOD) -> list[Any]:
    """The distinct status and code of every answer."""
    answers = [client.get(url, buffered=True) for _ in range(times)]
    return sorted({(one.status_code, one.json["code"]) for one in answers})


def test_uses_of_an_expired_address_are_refused_alike_and_counted(
    runtime: Runtime, client: Client, clock: FixedClock, issue: Issue, logged: Read
) -> None:
    url = issue(ttl_seconds=60)
    clock.advance(timedelta(seconds=61))
    seen = flood(client, url)
    clock.advance(timedelta(minutes=1))
    runtime.folding.fold()

    assert seen == [(403, "url_expired")]
    assert len(logged("download.refused")) == ALONE
    (folded,) = logged("requests.folded")
    assert (folded.reason, folded.outcome) == ("URL_EXPIRED", "deny")
    assert folded.detail["attempts"] == FLOOD - ALONE
    assert folded.detail["action"] == "download.refused"


def test_uses_of_an_address_of_a_dead_grant_are_counted_for_its_holder(
    runtime: Runtime, client: Client, clock: FixedClock, place: World, issue: Issue, logged: Read
) -> None:
    url = issue()
    made.change(runtime, Grant, place.grant, suspended=True)
    seen = flood(client, url)
    clock.advance(timedelta(minutes=1))
    runtime.folding.fold()

    assert seen == [(403, "access_denied")]
    (folded,) = logged("requests.folded")
    assert folded.person == runtime.vault.token(Domain.PERSON, str(place.person))
    assert folded.reason == "GRANT_SUSPENDED"


def test_each_answer_of_a_flood_names_every_reason(
    runtime: Runtime, client: Client, place: World, issue: Issue
) -> None:
    url = issue()
    made.change(runtime, Person, place.person, status="suspended")
    answers = [client.get(url, buffered=True).json["blockers"] for _ in range(FLOOD)]

    assert all(one == answers[0] for one in answers)
    assert answers[0]


def test_another_person_is_still_told_apart_during_a_flood(runtime: Runtime, logged: Read) -> None:
    first, second = people.make_person(runtime, "first"), people.make_person(runtime, "second")
    for person in (first, second):
        for _ in range(FLOOD):
            denied = Entry(
                people.acting_as(person), Act.ACCESS_DECIDED, Outcome.DENY, reason="role_missing"
            )
            runtime.folding.record(denied)

    assert len(logged("access.decided")) == 2 * ALONE
    assert runtime.folding.unreported() == 2 * (FLOOD - ALONE)


def test_a_large_count_is_durable_before_its_minute_is_over(runtime: Runtime, logged: Read) -> None:
    """A process that is killed then takes less than a hundred counts of a flood with it."""
    denied = Entry(Actor.system(), Act.ACCESS_DECIDED, Outcome.DENY, reason="role_missing")
    for _ in range(ALONE + COUNTED_AT_MOST + 5):
        runtime.folding.record(denied)

    (folded,) = logged("requests.folded")
    assert folded.detail["attempts"] == COUNTED_AT_MOST
    assert runtime.folding.unreported() == 5


def test_a_count_outlives_a_log_that_cannot_be_written(
    runtime: Runtime, clock: FixedClock, logged: Read
) -> None:
    denied = Entry(Actor.system(), Act.ACCESS_DECIDED, Outcome.DENY, reason="role_missing")
    for _ in range(FLOOD):
        runtime.folding.record(denied)
    with unwritable_log(runtime):
        runtime.folding.close()
    kept = runtime.folding.unreported()
    runtime.folding.close()

    assert kept == FLOOD - ALONE
    assert [one.detail["attempts"] for one in logged("requests.folded")] == [kept]


@pytest.mark.parametrize("back", [30, 90, 6 * 3600])
def test_no_count_is_lost_when_the_clock_was_set_back_before_the_end(
    runtime: Runtime, clock: FixedClock, logged: Read, back: int
) -> None:
    forge(runtime, ["192.0.2.1"] * FLOOD)
    waiting = runtime.folding.unreported()
    clock.advance(-timedelta(seconds=back))

    runtime.folding.close()

    assert waiting > 0
    assert sum(one.detail["attempts"] for one in logged("requests.folded")) == waiting
    assert runtime.folding.unreported() == 0


def forge(runtime: Runtime, addresses: Iterable[str]) -> int:
    """How many forgeries from these addresses are worth an event of their own."""
    return sum(runtime.folding.refused("URL_INVALID", address) for address in addresses)


def test_a_large_network_buys_nobody_more_events(
    runtime: Runtime, clock: FixedClock, logged: Read
) -> None:
    """Whoever is given a /48 commands 65,536 networks of the size that one visitor has."""
    alone = forge(runtime, (f"2001:db8:5:{n:x}::1" for n in range(2000)))
    clock.advance(timedelta(minutes=1))
    runtime.folding.close()

    folded = logged("requests.folded")
    assert alone == 4 * FORGERIES_PER_WINDOW - 1
    assert sum(one.detail["attempts"] for one in folded) == 2000 - alone
    assert len(folded) <= 2000 // COUNTED_AT_MOST + 1


def test_a_provider_or_many_networks_at_once_are_bounded_too(
    runtime: Runtime, clock: FixedClock, logged: Read
) -> None:
    provider = forge(runtime, (f"2001:db9:{n:x}::1" for n in range(1000)))
    everywhere = forge(runtime, (f"{n % 200 + 20}.{n // 200}.1.1" for n in range(3000)))
    clock.advance(timedelta(minutes=1))
    runtime.folding.close()

    assert provider == 16 * FORGERIES_PER_WINDOW - 1
    assert provider + everywhere == 64 * FORGERIES_PER_WINDOW - 1
    attempts = sum(one.detail["attempts"] for one in logged("requests.folded"))
    assert attempts == 4000 - provider - everywhere


def test_one_visitors_flood_takes_no_events_of_the_neighbours(runtime: Runtime) -> None:
    flooded = forge(runtime, ["2001:db8:5:1::1"] * 500)
    neighbour = forge(runtime, ["2001:db8:5:2::1"])

    assert (flooded, neighbour) == (FORGERIES_PER_WINDOW - 1, 1)
    assert runtime.folding.retry_after("URL_INVALID", "2001:db8:5:2::1") == 0


def test_guessed_accounts_from_a_large_network_are_counted(
    runtime: Runtime, clock: FixedClock, logged: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "matches", lambda *_: False)
    for number in range(300):
        place = Place(f"2001:db8:6:{number:x}::1", channel=Channel.API)
        with pytest.raises(Problem):
            sign_in(
                runtime,
                Actor(PartyKind.ANONYMOUS, place),
                Credentials(f"nobody{number}", "wrong password"),
                SessionChannel.CLIENT,
            )
    clock.advance(timedelta(minutes=1))
    runtime.folding.close()

    alone, folded = logged("session.refused"), logged("requests.folded")
    assert len(alone) == 4 * REFUSALS_PER_WINDOW - 1
    assert sum(one.detail["attempts"] for one in folded) == 300 - len(alone)


def tried(runtime: Runtime, subjects: Callable[[str], list[Subject]], addresses: list[str]) -> int:
    """How many attempts are let through before one is blocked."""
    for count, address in enumerate(addresses):
        try:
            throttle.attempt(runtime, subjects(address))
        except Blocked:
            return count
    return len(addresses)


def test_a_whole_ipv6_network_guesses_and_signs_up_as_one_visitor(runtime: Runtime) -> None:
    one_visitor = [f"2001:db8:7:7::{n:x}" for n in range(60)]
    one_site = [f"2001:db8:8:{n:x}::1" for n in range(400)]

    def guesses(address: str) -> list[Subject]:
        account = f"nobody{address}"
        return counted_by(runtime, Actor(PartyKind.ANONYMOUS, Place(address)), account)

    def sign_ups(address: str) -> list[Subject]:
        return sign_up_sources(runtime, Actor(PartyKind.ANONYMOUS, Place(address)))

    assert tried(runtime, guesses, one_visitor) == FREE_ATTEMPTS[Kind.ADDRESS]
    assert tried(runtime, sign_ups, one_visitor) == FREE_ATTEMPTS[Kind.SIGN_UP]
    assert tried(runtime, sign_ups, one_site) == FREE_ATTEMPTS[Kind.SIGN_UP_SITE]


def test_pages_of_a_list_of_files_are_counted_and_none_is_lost(
    runtime: Runtime, clock: FixedClock, place: World, logged: Read
) -> None:
    """The first of each minute are durable before a name is shown; the rest are a number."""
    reading = Entry(
        Actor(PartyKind.PERSON, Place("203.0.113.9"), place.person),
        Act.MANIFEST_READ,
        dataset="voices",
        version="1.0",
    )
    for _ in range(5 * COUNTED_AT_MOST):
        runtime.folding.read(reading)
    clock.advance(timedelta(minutes=1))
    runtime.folding.fold()

    read = logged("manifest.read")
    alone = [one for one in read if "attempts" not in one.detail]
    folded = [one for one in read if "attempts" in one.detail]
    assert len(alone) == READINGS_PER_WINDOW - 1
    assert len(folded) <= 5
    assert sum(one.detail["attempts"] for one in folded) == 5 * COUNTED_AT_MOST - len(alone)
    assert {(one.dataset, one.person, one.outcome) for one in read} == {
        ("voices", runtime.vault.token(Domain.PERSON, str(place.person)), "success")
    }


def test_a_reading_that_cannot_be_recorded_is_not_shown(runtime: Runtime, place: World) -> None:
    reading = Entry(
        Actor(PartyKind.PERSON, Place("203.0.113.9"), place.person),
        Act.MANIFEST_READ,
        dataset="voices",
        version="1.0",
    )
    with unwritable_log(runtime), pytest.raises(LogUnavailable):
        runtime.folding.read(reading)


def shown_of(runtime: Runtime, readings: Iterable[Entry]) -> int:
    """How many pages are shown before one is refused because the log cannot be written."""
    shown = 0
    with suppress(LogUnavailable):
        for reading in readings:
            runtime.folding.read(reading)
            shown += 1
    return shown


def test_counted_readings_stop_too_when_counts_cannot_be_written(
    runtime: Runtime, place: World, logged: Read
) -> None:
    reading = Entry(
        Actor(PartyKind.PERSON, Place("203.0.113.9"), place.person),
        Act.MANIFEST_READ,
        dataset="voices",
        version="1.0",
    )
    for _ in range(READINGS_PER_WINDOW):
        runtime.folding.read(reading)
    with unwritable_log(runtime):
        shown = shown_of(runtime, [reading] * 2 * COUNTED_AT_MOST)
    runtime.folding.read(reading)

    assert shown < COUNTED_AT_MOST
    attempts = [one.detail.get("attempts", 1) for one in logged("manifest.read")]
    assert sum(attempts) == READINGS_PER_WINDOW - 1 + COUNTED_AT_MOST
    assert runtime.folding.unreported() == 1


def test_bytes_are_never_counted_together(client: Client, issue: Issue, logged: Read) -> None:
    url = issue()
    before = len(logged("download.authorized"))
    for _ in range(FLOOD):
        client.get(url, headers={"Range": "bytes=0-0"}, buffered=True)

    assert len(logged("download.authorized")) - before == FLOOD
    assert len(logged("download.completed")) == FLOOD
    assert logged("requests.folded") == []


def test_forgers_wait_while_holders_of_dead_addresses_get_their_reason(
    runtime: Runtime, client: Client, clock: FixedClock, issue: Issue
) -> None:
    url = issue(ttl_seconds=60)
    clock.advance(timedelta(seconds=61))

    assert flood(client, "/d/x/y", 12) == [
        (403, ProblemCode.URL_INVALID),
        (429, ProblemCode.TOO_MANY_REQUESTS),
    ]
    assert flood(client, url, 3) == [(429, ProblemCode.TOO_MANY_REQUESTS)]
