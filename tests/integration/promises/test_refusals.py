"""Every refusal names every reason, in both languages, with what would mend it and who can."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from gateway.access.models import Grant
from gateway.agreements.models import Acceptance
from gateway.catalog.models import Dataset, DatasetVersion
from gateway.identity import passwords
from gateway.identity.models import Membership, Organisation, Person
from gateway.runtime import Runtime
from tests import people
from tests import world as worlds
from tests.world import World

MEMBERS = {
    "code", "ko", "en", "remedy_ko", "remedy_en", "actor", "actor_ko", "actor_en",
}  # fmt: skip
EVERYTHING = {
    "NATIONALS_ONLY",
    "IDENTITY_TOO_WEAK",
    "ORGANISATION_SUSPENDED",
    "ORGANISATION_NOT_VERIFIED",
    "MEMBERSHIP_ENDED",
    "DATASET_WITHDRAWN",
    "SCAN_STALE",
    "SAFE_ZONE_ONLY",
    "TRAINING_MISSING",
    "IRB_MISSING_OR_EXPIRED",
    "ACCEPTANCE_NOT_LIVE",
    "GRANT_SUSPENDED",
    "PROJECT_NOT_LIVE",
}
FILE = "a.txt"
FOOT = re.compile(r'<p class="blocker-foot">(.*?)</p>', re.DOTALL)
TAG = re.compile(r"<[^>]+>")


@pytest.fixture
def world(runtime: Runtime) -> World:
    """A person who may do everything, with a password to sign in."""
    made = worlds.build(runtime)
    worlds.put_files(runtime, made, {FILE: b"content"})
    hashed = passwords.HASHER.hash(passwords.normal(people.PASSWORD))
    worlds.change(runtime, Person, made.person, password_hash=hashed)
    return made


def holder(runtime: Runtime, world: World) -> Person:
    with runtime.db.read() as session:
        return session.get_one(Person, world.person)


def spoil_everything(runtime: Runtime, world: World) -> None:
    """Let everything stand in the way that still lets the person sign in and ask."""
    now = runtime.clock.now()
    worlds.change(runtime, Person, world.person, korean_national=False)
    worlds.change(runtime, Organisation, world.organisation, status="suspended")
    worlds.change(runtime, Membership, world.membership, ended_at=now)
    worlds.change(runtime, Acceptance, world.acceptance, ended_at=now)
    worlds.change(runtime, Grant, world.grant, suspended=True)
    worlds.change(runtime, worlds.ResearchProject, world.project, closed_at=now)
    worlds.change(
        runtime, DatasetVersion, world.version, state="withdrawn", scanned_manifest="0" * 64
    )
    worlds.change(
        runtime, Dataset, world.dataset, nationals_only=True, organisation_required=True,
        irb_required=True, training_required=True, identity_level=3, sensitivity="critical",
        delivery="safe_zone", withdrawn_at=now,
    )  # fmt: skip


def asked(client: FlaskClient, runtime: Runtime, world: World, language: str = "ko") -> Any:
    """Ask the API for an address."""
    headers = people.bearer(client, holder(runtime, world)) | {"Accept-Language": language}
    body = {"dataset": "voices", "path": FILE, "version": "1.0", "grant": str(world.grant)}
    return client.post("/api/v1/urls", json=body, headers=headers)


def test_a_refusal_of_the_api_names_every_reason_and_its_remedy(
    runtime: Runtime, world: World, client: FlaskClient
) -> None:
    assert asked(client, runtime, world).status_code == 201
    spoil_everything(runtime, world)
    answer = asked(client, runtime, world)

    assert (answer.status_code, answer.mimetype) == (403, "application/problem+json")
    assert answer.json["code"] == "access_denied"
    blockers = answer.json["blockers"]
    missing = EVERYTHING - {each["code"] for each in blockers}
    # What an IRB has not seen yet is pending, which is the same reason told once more.
    assert missing <= {"GRANT_SUSPENDED"}
    for each in blockers:
        assert set(each) == MEMBERS
        assert all(each.values()), each
        assert _korean(each["ko"])
        assert _korean(each["remedy_ko"])
        assert not _korean(each["en"] + each["remedy_en"] + each["actor_en"])


@pytest.mark.parametrize("language", ["ko", "en"])
def test_the_page_of_ones_grants_and_the_refusal_show_the_same_reasons(
    runtime: Runtime, world: World, app: Any, client: FlaskClient, language: str
) -> None:
    spoil_everything(runtime, world)
    told = asked(client, runtime, world).json["blockers"]
    browser = app.test_client()
    people.sign_in(browser, holder(runtime, world))
    address = f"/access/{world.grant}/url?lang={language}"
    form = {"path": FILE, "version": "1.0", "csrf_token": people.csrf(browser)}
    refused = browser.post(address, data=form)
    shown = browser.get(f"/access?lang={language}")

    assert (refused.status_code, shown.status_code) == (403, 200)
    for each in told:
        for sentence in (each[language], each[f"remedy_{language}"]):
            assert _escaped(sentence) in refused.text, (each["code"], sentence)
    feet = [TAG.sub(" ", foot).split() for foot in FOOT.findall(refused.text)]
    assert [foot[-1] for foot in feet] == [each["code"] for each in told]
    assert all(len(foot) > 1 for foot in feet), "each reason says who can take its remedy"
    # One's grants tell what stands between their holder and the safe zone, not a download.
    grants = [each for each in told if each["code"] != "SAFE_ZONE_NO_DOWNLOAD"]
    assert [each["code"] for each in grants if _escaped(each[language]) not in shown.text] == []


def test_a_dead_address_says_every_reason_to_its_bearer(
    runtime: Runtime, world: World, client: FlaskClient
) -> None:
    url = asked(client, runtime, world).json["url"].partition("8400")[2]
    spoil_everything(runtime, world)
    answer = client.get(url, headers={"Accept-Language": "en"})
    again = asked(client, runtime, world).json["blockers"]

    assert answer.status_code == 403
    assert answer.json["blockers"] == again


@pytest.mark.parametrize("language", ["ko", "en"])
def test_can_i_gives_a_way_to_yes_for_whatever_can_be_mended(
    runtime: Runtime, world: World, client: FlaskClient, language: str
) -> None:
    worlds.change(runtime, Acceptance, world.acceptance, ended_at=runtime.clock.now())
    worlds.change(runtime, Dataset, world.dataset, training_required=True)
    headers = people.bearer(client, holder(runtime, world)) | {"Accept-Language": language}
    answer = client.get("/api/v1/datasets/voices/can-i", headers=headers).json

    assert answer["outcome"] == "deny"
    assert {each["code"] for each in answer["blockers"]} == {
        "ACCEPTANCE_NOT_LIVE",
        "TRAINING_MISSING",
    }
    assert answer["confirmed"]
    assert all(step[language] and step[f"actor_{language}"] for step in answer["path"])


def test_expiry_by_the_clock_alone_is_a_reason(
    runtime: Runtime, world: World, client: FlaskClient, clock: Any
) -> None:
    clock.advance(timedelta(days=200))

    codes = {each["code"] for each in asked(client, runtime, world).json["blockers"]}
    assert codes == {"GRANT_EXPIRED"}


def _korean(text: str) -> bool:
    return any("가" <= char <= "힣" for char in text)


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("'", "&#39;").replace('"', "&#34;")
