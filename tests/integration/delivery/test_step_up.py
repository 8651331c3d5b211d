"""Health and face data leave only after a passkey has just confirmed the person (RFC 9470)."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update

from gateway.clock import FixedClock
from gateway.delivery import api as delivery
from gateway.delivery.service import Wanted, issue_item
from gateway.identity import passwords
from gateway.identity.models import Person, SignInSession
from gateway.runtime import Runtime
from tests import people, world
from tests.world import World

FILES = {"a.txt": b"first"}
BODY = {"dataset": "voices", "path": "a.txt"}
CHALLENGE = 'Bearer error="insufficient_user_authentication", acr_values="phr", max_age="900"'


@pytest.fixture(params=["health", "face", "medical_image"])
def place(request: pytest.FixtureRequest, runtime: Runtime) -> World:
    """A grant for health or face data."""
    kind = request.param
    chosen = {"modality": kind} if kind == "medical_image" else {"content": kind}
    return held(runtime, **chosen)


def held(runtime: Runtime, **dataset: str) -> World:
    made = world.build(runtime, **dataset)
    world.put_files(runtime, made, FILES)
    hashed = passwords.hashed(runtime.db, people.PASSWORD)
    world.change(runtime, Person, made.person, password_hash=hashed)
    return made


def confirmed(runtime: Runtime, made: World, at: datetime) -> None:
    """As after a passkey's answer in every session of the holder."""
    with runtime.db.write() as session:
        mine = update(SignInSession).where(SignInSession.person_id == made.person)
        session.execute(mine.values(stepped_up_at=at))


def bearer(client: FlaskClient, runtime: Runtime) -> dict[str, str]:
    return people.bearer(client, people.person(runtime, "holder"))


@pytest.fixture
def app(runtime: Runtime) -> Flask:
    return world.small_app(runtime)


def test_a_program_is_told_what_is_missing_and_gets_the_address_afterwards(
    runtime: Runtime, place: World, client: FlaskClient
) -> None:
    headers = bearer(client, runtime)
    refused = client.post("/api/v1/urls", json=BODY, headers=headers)
    confirmed(runtime, place, runtime.clock.now())
    allowed = client.post("/api/v1/urls", json=BODY, headers=headers)

    assert refused.status_code == 401
    assert refused.json["code"] == "insufficient_user_authentication"
    assert refused.headers["WWW-Authenticate"] == CHALLENGE
    assert allowed.status_code == 201, allowed.text


def test_after_fifteen_minutes_it_is_asked_again_but_an_address_still_works(
    runtime: Runtime, place: World, client: FlaskClient, clock: FixedClock
) -> None:
    headers = bearer(client, runtime)
    confirmed(runtime, place, clock.now() - timedelta(minutes=15) + timedelta(seconds=1))
    issued = client.post("/api/v1/urls", json=BODY, headers=headers)
    clock.advance(timedelta(seconds=1))

    again = client.post("/api/v1/urls", json=BODY, headers=headers)
    path = issued.json["url"].removeprefix("http://localhost:8400")

    assert again.status_code == 401
    assert client.get(path, buffered=True).data == FILES["a.txt"]


def test_other_data_asks_for_no_passkey(runtime: Runtime, client: FlaskClient) -> None:
    held(runtime)

    answer = client.post("/api/v1/urls", json=BODY, headers=bearer(client, runtime))

    assert answer.status_code == 201, answer.text


def test_who_may_not_have_it_anyway_learns_the_reasons_instead(
    runtime: Runtime, place: World, client: FlaskClient
) -> None:
    people.make_person(runtime, "nobody")
    headers = people.bearer(client, people.person(runtime, "nobody"))

    answer = client.post("/api/v1/urls", json=BODY, headers=headers)

    assert answer.status_code == 403
    assert "GRANT_MISSING" in [each["code"] for each in answer.json["blockers"]]


def test_a_caller_that_says_nothing_about_the_session_gets_nothing(
    runtime: Runtime, place: World, app: Flask
) -> None:
    holder = people.acting_as(people.person(runtime, "holder"))

    with pytest.raises(Exception, match="insufficient_user_authentication"):
        issue_item(app.extensions[delivery.EXTENSION], holder, Wanted("voices", "a.txt"))
