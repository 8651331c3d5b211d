"""Health data is read at a seat only after a passkey has just confirmed who sits there."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update

from gateway.access import wiring as access
from gateway.applications import wiring as applications
from gateway.catalog import wiring as catalog
from gateway.catalog.models import Dataset
from gateway.identity import passwords
from gateway.identity.models import Person, SignInSession
from gateway.journal import Act
from gateway.zones import wiring as zones
from tests import people
from tests import world as worlds
from tests.integration.zones.conftest import FILES, SEAT_ADDRESS, SLUG, Stage

LISTING = f"/zones/{SLUG}/files/voices/1.0"
ADDRESS = f"{LISTING}/b.txt"
CHALLENGE = 'Bearer error="insufficient_user_authentication", acr_values="phr", max_age="900"'
PROGRAM = {"Accept": "application/json"}


@pytest.fixture
def app(stage: Stage) -> Flask:
    worlds.change(stage.runtime, Dataset, stage.world.dataset, content="health")
    hashed = passwords.hashed(stage.runtime.db, people.PASSWORD)
    worlds.change(stage.runtime, Person, stage.holder.id, password_hash=hashed)
    stage.opened()
    return worlds.small_app(stage.runtime, catalog, access, applications, zones)


@pytest.fixture
def seat(app: Flask, stage: Stage) -> FlaskClient:
    client = app.test_client()
    client.environ_base["REMOTE_ADDR"] = SEAT_ADDRESS
    people.sign_in(client, stage.holder)
    return client


def confirmed(stage: Stage, at: datetime) -> None:
    with stage.runtime.db.write() as session:
        mine = update(SignInSession).where(SignInSession.person_id == stage.holder.id)
        session.execute(mine.values(stepped_up_at=at))


@pytest.mark.parametrize("address", [LISTING, ADDRESS])
def test_a_browser_is_led_to_the_passkey_and_comes_back(
    stage: Stage, seat: FlaskClient, address: str
) -> None:
    before = seat.get(address)
    confirmed(stage, stage.clock.now())
    after = seat.get(address, buffered=True)

    assert before.status_code == 303
    assert before.headers["Location"] == f"/account/step-up?next={address}"
    assert after.status_code == 200


def test_a_program_is_told_what_is_missing(stage: Stage, seat: FlaskClient) -> None:
    answer = seat.get(ADDRESS, headers=PROGRAM)

    assert (answer.status_code, answer.json["code"]) == (401, "insufficient_user_authentication")
    assert answer.headers["WWW-Authenticate"] == CHALLENGE
    (refused,) = stage.said(Act.ZONE_FILE_REFUSED)
    assert (refused.reason, refused.outcome) == ("STEP_UP_DUE", "deny")


def test_after_fifteen_minutes_it_is_asked_again(stage: Stage, seat: FlaskClient) -> None:
    confirmed(stage, stage.clock.now())
    first = seat.get(ADDRESS, headers=PROGRAM, buffered=True)
    stage.clock.advance(timedelta(minutes=15))
    second = seat.get(ADDRESS, headers=PROGRAM, buffered=True)

    assert (first.data, second.status_code) == (FILES["b.txt"], 401)
