"""Health and face data: whoever asks what is missing is told of the passkey, wherever they ask."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import pytest
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update

from gateway.access import service
from gateway.access import wiring as access
from gateway.access.ask import NEVER, Ask, Caller, Intent
from gateway.agreements import wiring as agreements
from gateway.catalog import wiring as catalog
from gateway.cli import common
from gateway.cli.main import root
from gateway.clock import FixedClock, SystemClock
from gateway.config import Settings
from gateway.errors import Problem
from gateway.identity import passwords
from gateway.identity.models import Person, SignInSession
from gateway.runtime import Runtime
from policies.vocabulary import Action
from tests import people, world
from tests.world import World

QUARTER = timedelta(minutes=15)
STEP = {"ko": "패스키로 추가 인증을 하십시오.", "en": "Confirm with a passkey that it is you."}
LINK = 'href="/account/step-up?next=/datasets/voices"'


@pytest.fixture
def app(runtime: Runtime) -> Flask:
    return world.small_app(runtime, catalog, agreements, access)


@pytest.fixture
def place(runtime: Runtime) -> World:
    """The holder of a live grant for health data."""
    made = world.build(runtime, content="health")
    world.put_files(runtime, made, {"a.txt": b"first"})
    hashed = passwords.hashed(runtime.db, people.PASSWORD)
    world.change(runtime, Person, made.person, password_hash=hashed)
    return made


def confirmed(runtime: Runtime, person: object, at: datetime, **more: datetime) -> None:
    with runtime.db.write() as session:
        mine = update(SignInSession).where(SignInSession.person_id == person)
        session.execute(mine.values(stepped_up_at=at, **more))


def test_can_i_names_the_passkey_and_nothing_else(
    runtime: Runtime, place: World, client: FlaskClient
) -> None:
    headers = people.bearer(client, people.person(runtime, "holder"))
    before = client.get("/api/v1/datasets/voices/can-i", headers=headers).json
    confirmed(runtime, place.person, runtime.clock.now())
    after = client.get("/api/v1/datasets/voices/can-i", headers=headers).json

    assert (before["outcome"], before["confirmed"]) == ("deny", True)
    assert [each["code"] for each in before["blockers"]] == ["STEP_UP_DUE"]
    assert [(each["ko"], each["en"]) for each in before["path"]] == [(STEP["ko"], STEP["en"])]
    assert after["outcome"] == "allow"


@pytest.mark.parametrize("language", ["ko", "en"])
def test_the_page_of_the_dataset_leads_to_the_passkey_and_back(
    runtime: Runtime, place: World, client: FlaskClient, language: str
) -> None:
    people.sign_in(client, people.person(runtime, "holder"))
    before = client.get(f"/datasets/voices?lang={language}").text
    confirmed(runtime, place.person, runtime.clock.now())
    after = client.get(f"/datasets/voices?lang={language}").text

    assert STEP[language] in before
    assert LINK in before
    assert STEP[language] not in after


def test_whoever_misses_more_than_the_passkey_is_not_sent_to_it(
    runtime: Runtime, place: World, client: FlaskClient
) -> None:
    people.sign_in(client, people.person(runtime, "somebody"))

    page = client.get("/datasets/voices?lang=en").text

    assert STEP["en"] in page
    assert "GRANT_MISSING" in page
    assert LINK not in page


@pytest.mark.parametrize("language", ["ko", "en"])
def test_ones_own_grants_say_what_opens_them(
    runtime: Runtime, place: World, client: FlaskClient, language: str
) -> None:
    people.sign_in(client, people.person(runtime, "holder"))

    page = client.get(f"/access?lang={language}").text

    assert 'href="/account/step-up?next=/access"' in page
    assert "sumun download voices" in page
    assert "STEP_UP_DUE" not in page


def test_the_api_says_of_a_grant_whether_it_opens_in_this_session(
    runtime: Runtime, place: World, client: FlaskClient
) -> None:
    headers = people.bearer(client, people.person(runtime, "holder"))
    (before,) = client.get("/api/v1/grants", headers=headers).json["grants"]
    confirmed(runtime, place.person, runtime.clock.now())
    (after,) = client.get("/api/v1/grants", headers=headers).json["grants"]
    one = client.get(f"/api/v1/grants/{place.grant}", headers=headers).json

    assert (before["open"], [each["code"] for each in before["blockers"]]) == (
        False,
        ["STEP_UP_DUE"],
    )
    assert (after["open"], one["open"]) == (True, True)


def test_the_operators_command_explains_by_the_sessions_that_are_live(
    runtime: Runtime,
    place: World,
    client: FlaskClient,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(common.Home, "settings", lambda _self, **_flags: settings)
    people.bearer(client, people.person(runtime, "holder"))
    never = explained()
    # The command goes by the real clock.
    now = SystemClock().now()
    confirmed(runtime, place.person, now, expires_at=now + QUARTER)
    lately = explained()
    confirmed(runtime, place.person, now, expires_at=now - QUARTER)
    over = explained()

    assert [("STEP_UP_DUE" in found) for found in (never, lately, over)] == [True, False, True]


def explained() -> set[str]:
    """The codes of the steps that the command names."""
    words = ["policy", "explain", "--person", "holder", "--dataset", "voices", "--json"]
    answer = json.loads(CliRunner().invoke(root, words).stdout)
    assert {each["code"] for each in answer["path"]} == {
        each["code"] for each in answer["blockers"]
    }
    return {each["code"] for each in answer["path"]}


def test_what_began_within_the_time_runs_to_its_end(
    runtime: Runtime, place: World, clock: FixedClock
) -> None:
    holder = people.acting_as(people.person(runtime, "holder"))
    ask = Ask(Action.DOWNLOAD, grant_id=place.grant, request_bytes=1, caller=Caller(clock.now()))
    permit = service.authorize(runtime, holder, ask, Intent())
    clock.advance(QUARTER)

    assert service.still_allowed(runtime, permit)
    assert not service.consider(runtime, ask)[1].allowed


def test_who_has_no_session_at_all_is_told_the_same(runtime: Runtime, place: World) -> None:
    holder = people.acting_as(people.person(runtime, "holder"))
    ask = Ask(Action.DOWNLOAD, grant_id=place.grant, caller=NEVER)

    with pytest.raises(Problem, match="insufficient_user_authentication"):
        service.authorize(runtime, holder, ask, Intent())
