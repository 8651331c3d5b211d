"""Reading inside the zone: from a seat, in an open session, through the one door."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from gateway.access import wiring as access
from gateway.applications import wiring as applications
from gateway.catalog import wiring as catalog
from gateway.catalog.models import DatasetVersion
from gateway.delivery import reconcile, stream
from gateway.identity import passwords
from gateway.identity.models import Person
from gateway.journal import Act
from gateway.zones import service_sessions, service_zones
from gateway.zones import wiring as zones
from tests import people
from tests import world as worlds
from tests.integration.zones.conftest import (
    FILES,
    HOUR,
    OPERATOR,
    OTHER_ZONE,
    SEAT_ADDRESS,
    SLUG,
    Stage,
    register,
)

NAME = "음성/화자 1.txt"
ADDRESS = f"/zones/{SLUG}/files/voices/1.0/{quote(NAME)}"


@pytest.fixture
def app(stage: Stage) -> Flask:
    hashed = passwords.HASHER.hash(passwords.normal(people.PASSWORD))
    worlds.change(stage.runtime, Person, stage.holder.id, password_hash=hashed)
    return worlds.small_app(stage.runtime, catalog, access, applications, zones)


@pytest.fixture
def seat(app: Flask, stage: Stage) -> FlaskClient:
    """The computer of a seat, at which the holder has signed in."""
    client = app.test_client()
    client.environ_base["REMOTE_ADDR"] = SEAT_ADDRESS
    people.sign_in(client, stage.holder)
    return client


def get(client: FlaskClient, url: str = ADDRESS, **options: Any) -> TestResponse:
    # Read to its end and closed, as a server does.
    return client.get(url, buffered=True, **({"headers": {"Accept": "application/json"}} | options))


def blockers(answer: TestResponse) -> list[str]:
    assert answer.json is not None
    return [blocker["code"] for blocker in answer.json["blockers"]]


def test_a_seat_reads_a_file_in_an_open_session(stage: Stage, seat: FlaskClient) -> None:
    session = stage.opened()

    answer = get(seat)

    assert (answer.status_code, answer.data) == (200, FILES[NAME])
    intent, outcome = stage.said(Act.ZONE_FILE_AUTHORIZED, Act.ZONE_FILE_COMPLETED)
    assert intent.detail["zone_session"] == str(session)
    assert (intent.detail["action"], intent.detail["zone"]) == ("read_in_zone", SLUG)
    assert intent.ref == f"grant:{stage.world.grant}"
    assert outcome.detail["sent"] == len(FILES[NAME])
    assert stage.said(Act.DOWNLOAD_AUTHORIZED, Act.DOWNLOAD_COMPLETED) == []


def test_a_range_is_served_and_counts_against_no_quota(stage: Stage, seat: FlaskClient) -> None:
    stage.opened()

    part = get(seat, headers={"Range": "bytes=0-99"})

    assert (part.status_code, part.data) == (206, FILES[NAME][:100])
    assert worlds.used_bytes(stage.runtime, stage.world.grant) == 0


def test_no_other_address_reads_whoever_claims_to_sit_there(
    stage: Stage, app: Flask, seat: FlaskClient
) -> None:
    stage.opened()
    elsewhere = app.test_client()
    people.sign_in(elsewhere, stage.holder)
    claimed = {"X-Forwarded-For": SEAT_ADDRESS, "Accept": "application/json"}

    answers = [get(elsewhere), get(elsewhere, headers=claimed), get(elsewhere, _listing())]

    assert [answer.status_code for answer in answers] == [403, 403, 403]
    said = stage.said(Act.ZONE_FILE_REFUSED)
    assert {(one.reason, one.outcome) for one in said} == {("ZONE_NETWORK", "deny")}
    assert stage.said(Act.ZONE_FILE_AUTHORIZED) == []


def test_without_a_session_the_refusal_names_the_way(stage: Stage, seat: FlaskClient) -> None:
    stage.book()

    answer = get(seat)

    assert (answer.status_code, blockers(answer)) == (403, ["SAFE_ZONE_ONLY"])
    assert answer.json is not None
    assert [step["actor"] for step in answer.json["path"]] == ["zone_staff"]
    (said,) = stage.said(Act.ZONE_FILE_REFUSED)
    assert (said.reason, said.detail["zone"]) == ("SAFE_ZONE_ONLY", SLUG)


def test_a_session_that_is_over_reads_nothing(stage: Stage, seat: FlaskClient) -> None:
    stage.opened(length=1)
    before = get(seat).status_code
    stage.clock.advance(HOUR)

    after = get(seat)

    assert (before, blockers(after)) == (200, ["SAFE_ZONE_SESSION_OVER"])


def test_a_session_counts_in_its_own_zone_only(stage: Stage, seat: FlaskClient) -> None:
    register(stage.runtime, OTHER_ZONE)
    service_zones.assign(stage.runtime, OPERATOR, OTHER_ZONE, "voices")
    stage.opened()

    answer = get(seat, ADDRESS.replace(SLUG, OTHER_ZONE))

    assert blockers(answer) == ["SAFE_ZONE_ONLY"]


def test_nobody_reads_in_the_session_of_another(
    stage: Stage, app: Flask, seat: FlaskClient
) -> None:
    stage.opened()
    guest, _grant = stage.another("guest")
    neighbour = app.test_client()
    neighbour.environ_base["REMOTE_ADDR"] = SEAT_ADDRESS
    people.sign_in(neighbour, guest)

    answer = get(neighbour)

    assert blockers(answer) == ["SAFE_ZONE_ONLY"]


def test_a_long_stream_is_asked_again_and_goes_on(
    stage: Stage, seat: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "RECHECK_SECONDS", 0.0)
    monkeypatch.setattr(stream, "FIRST_BLOCK", 10_000)
    stage.opened()

    answer = get(seat)

    assert answer.data == FILES[NAME]


def test_a_running_stream_stops_when_staff_end_the_session(
    stage: Stage, seat: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "RECHECK_SECONDS", 0.0)
    monkeypatch.setattr(stream, "FIRST_BLOCK", 1000)
    session = stage.opened()
    running = seat.get(ADDRESS)
    blocks = iter(running.response)
    first = next(blocks)

    service_sessions.close_session(stage.runtime, stage.desk, session)
    with pytest.raises(stream.StreamStopped):
        list(blocks)
    running.close()

    assert first == FILES[NAME][:1000]
    (said,) = stage.said(Act.ZONE_FILE_COMPLETED)
    assert (said.outcome, said.reason) == ("failure", "revoked")


def test_what_is_not_there_is_not_found_and_says_so_only_inside(
    stage: Stage, seat: FlaskClient
) -> None:
    unknown = f"/zones/{SLUG}/files/voices/1.0/none.txt"
    before = get(seat, unknown)
    stage.opened()

    places = (unknown, f"/zones/{SLUG}/files/voices/9.9/b.txt", f"/zones/{SLUG}/files/x/1.0/b.txt",
              "/zones/nowhere/files/voices/1.0/b.txt", f"{_listing()}/../b.txt")  # fmt: skip
    found = [get(seat, place).status_code for place in places]

    assert blockers(before) == ["SAFE_ZONE_ONLY"]
    assert found == [404] * 5


def test_a_withdrawn_version_is_read_no_more(stage: Stage, seat: FlaskClient) -> None:
    stage.opened()
    worlds.change(stage.runtime, DatasetVersion, stage.world.version, state="withdrawn")

    assert "DATASET_WITHDRAWN" in blockers(get(seat))


def test_a_visitor_is_asked_to_sign_in(app: Flask) -> None:
    client = app.test_client()
    client.environ_base["REMOTE_ADDR"] = SEAT_ADDRESS

    assert client.get(ADDRESS).status_code == 303


def test_the_seat_lists_the_files_and_the_reading_is_recorded(
    stage: Stage, seat: FlaskClient
) -> None:
    stage.opened()

    page = seat.get(f"{_listing()}?lang=en")

    assert page.status_code == 200
    assert all(quote(name) in page.text for name in FILES)
    assert len(stage.said(Act.MANIFEST_READ)) == 1


def test_the_dataset_is_never_downloaded(stage: Stage, app: Flask) -> None:
    stage.opened()
    client = app.test_client(use_cookies=False)
    headers = people.bearer(client, stage.holder)

    answer = client.post(
        "/api/v1/urls", json={"dataset": "voices", "path": "b.txt"}, headers=headers
    )

    assert "SAFE_ZONE_NO_DOWNLOAD" in blockers(answer)


def test_a_reading_whose_end_nobody_recorded_is_declared_so(
    stage: Stage, seat: FlaskClient
) -> None:
    stage.opened()
    running = seat.get(ADDRESS)
    stage.clock.advance(timedelta(hours=7))

    settled = reconcile.sweep(stage.runtime)

    assert [intent.dataset for intent in settled.unresolved] == ["voices"]
    assert len(stage.said(Act.DOWNLOAD_UNRESOLVED)) == 1
    running.close()


def _listing() -> str:
    return f"/zones/{SLUG}/files/voices/1.0"
