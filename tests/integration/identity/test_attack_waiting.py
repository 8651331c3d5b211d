"""Strangers who leave requests that wait for a person: they fill neither disk nor tables."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from gateway.clock import FixedClock
from gateway.identity import wiring
from gateway.identity.models import Person
from gateway.identity.oauth import waiting
from gateway.identity.oauth.models import (
    AuthMethod,
    ClientKind,
    DeviceCode,
    PushedRequest,
    SeenIdentifier,
)
from gateway.identity.oauth.service_clients import NewClient, register
from gateway.identity.oauth.vocabulary import DEVICE_GRANT
from gateway.runtime import Runtime
from tests import oauth_peer as peers
from tests.oauth_peer import Peer
from tests.people import acting_as

Browser = Callable[..., FlaskClient]
HERE = "http://127.0.0.1/cb"


@pytest.fixture
def app_of_people(runtime: Runtime, mina: Person) -> str:
    """The id of an app that keeps no secret."""
    new = NewClient("앱", ClientKind.NATIVE, AuthMethod.NONE, peers.ALL, (HERE,))
    return register(runtime, acting_as(mina), peers.organisation(runtime, mina), new).client_id


def request_of(client_id: str, **more: str) -> dict[str, str]:
    return {
        "client_id": client_id, "response_type": "code", "redirect_uri": HERE, "scope": "openid",
        "code_challenge": peers.challenge(), "code_challenge_method": "S256",
    } | more  # fmt: skip


def push(client: FlaskClient, client_id: str, **more: str) -> Any:
    return client.post("/oauth2/par", data=request_of(client_id, **more))


def device(client: FlaskClient) -> Any:
    given = {"client_id": "sumun-cli", "scope": "read"}
    return client.post("/oauth2/device_authorization", data=given)


def kept(runtime: Runtime, kind: Any) -> int:
    with runtime.db.read() as session:
        return session.scalar(select(func.count()).select_from(kind)) or 0


def test_only_what_will_be_read_is_kept(
    runtime: Runtime, browser: Browser, app_of_people: str
) -> None:
    answer = push(browser(), app_of_people, junk="x" * 9000, state="s")

    assert answer.status_code == 201, answer.text
    with runtime.db.read() as session:
        row = session.scalars(select(PushedRequest)).one()
    assert row.parameters == request_of(app_of_people, state="s")


@pytest.mark.parametrize("name", ["state", "nonce", "prompt", "max_age", "scope", "redirect_uri"])
def test_no_parameter_is_longer_than_it_may_be(
    runtime: Runtime, browser: Browser, app_of_people: str, name: str
) -> None:
    long = "x" * (waiting.LONGEST[name] + 1)

    assert push(browser(), app_of_people, **{name: long}).status_code == 400
    assert kept(runtime, PushedRequest) == 0


@pytest.mark.parametrize("name", ["request", "request_uri"])
def test_a_pushed_request_names_no_other(browser: Browser, app_of_people: str, name: str) -> None:
    assert push(browser(), app_of_people, **{name: "urn:x"}).status_code == 400


@pytest.mark.parametrize("path", ["/oauth2/par", "/oauth2/device_authorization"])
def test_a_request_of_a_megabyte_is_not_read(
    runtime: Runtime, browser: Browser, app_of_people: str, path: str
) -> None:
    given = request_of(app_of_people, junk="x" * 1_000_000)

    assert browser().post(path, data=given).status_code == 413
    assert kept(runtime, PushedRequest) == kept(runtime, DeviceCode) == 0


def test_strangers_come_at_a_pace_and_take_nobody_elses_turn(
    runtime: Runtime, browser: Browser, app_of_people: str, clock: FixedClock
) -> None:
    stranger, neighbour = browser("192.0.2.7"), browser("198.51.100.7")

    statuses = [device(stranger).status_code for _ in range(waiting.A_MINUTE + 5)]
    refused = push(stranger, app_of_people)

    assert statuses == [200] * waiting.A_MINUTE + [429] * 5
    assert (refused.status_code, refused.json["error"]) == (429, "temporarily_unavailable")
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert kept(runtime, DeviceCode) == waiting.A_MINUTE
    assert device(neighbour).status_code == 200
    clock.advance(timedelta(seconds=60))
    assert device(stranger).status_code == 200


def test_a_network_full_of_strangers_has_one_pace(runtime: Runtime, browser: Browser) -> None:
    for last in range(8):
        for _ in range(waiting.A_MINUTE):
            device(browser(f"192.0.2.{last}"))

    assert kept(runtime, DeviceCode) == 4 * waiting.A_MINUTE


def test_a_server_that_proves_itself_pushes_for_everybody(portal: Peer, runtime: Runtime) -> None:
    given = request_of(portal.client_id, redirect_uri=peers.BACK)

    for _ in range(waiting.A_MINUTE * 2):
        answer = portal.http.post("/oauth2/par", data=given, headers=portal._basic())
        assert answer.status_code == 201


def test_only_so_many_wait_at_once(
    runtime: Runtime,
    browser: Browser,
    app_of_people: str,
    clock: FixedClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(waiting, "MOST_WAITING", 3)
    client = browser()

    assert [device(client).status_code for _ in range(4)] == [200, 200, 200, 429]
    assert [push(client, app_of_people).status_code for _ in range(4)] == [201, 201, 201, 429]
    clock.advance(timedelta(minutes=11))
    assert device(client).status_code == 200
    assert push(client, app_of_people).status_code == 201


def test_what_ran_out_is_forgotten_soon(
    runtime: Runtime, browser: Browser, app_of_people: str, clock: FixedClock
) -> None:
    (forget,) = [beat for beat in wiring.beats(runtime) if beat.name == "oauth.forget"]
    client = browser()
    push(client, app_of_people)
    late = device(client).json["device_code"]
    peers.Peer(runtime, client, "sumun-cli").token(
        dpop=True, grant_type=DEVICE_GRANT, device_code=late
    )
    assert kept(runtime, SeenIdentifier) > 0

    clock.advance(timedelta(minutes=10))
    forget.run()
    told = peers.Peer(runtime, client, "sumun-cli").token(
        dpop=True, grant_type=DEVICE_GRANT, device_code=late
    )
    clock.advance(timedelta(hours=1))
    forget.run()

    assert told.json["error"] == "expired_token"
    assert forget.seconds <= 60
    assert [kept(runtime, each) for each in (PushedRequest, DeviceCode, SeenIdentifier)] == [0] * 3
