"""The pages about decisions: who sees them, what they say in both languages, what is recorded."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask.testing import FlaskClient

from gateway.access.models import Grant
from gateway.identity.models import Role
from gateway.journal import Actor
from gateway.policy import service_releases as releases
from gateway.policy.loading import program_engine
from gateway.runtime import Runtime
from policies import rules
from policies.vocabulary import Action
from tests import applying
from tests import world as made
from tests.world import World

PAGES = ("/policies/who", "/policies/person", "/policies/what-if", "/policies/releases")
WHAT_IF = "/policies/what-if?account=holder&dataset=voices&action=download"
NOBODY = """
@id("holiday")
@code("HOLIDAY")
@ko("오늘은 쉽니다.")
@en("We are closed today.")
@remedy_ko("내일 다시 시도하십시오.")
@remedy_en("Try again tomorrow.")
@actor("operator")
@source("A test")
forbid (principal, action in Action::"take", resource);
"""


def acts_of(page: str) -> list[str]:
    """The acts that a page tells about, in its order."""
    return re.findall(r"action=(\w+)", page.partition("<tbody>")[2])


@pytest.fixture
def steward(world: World, browser: Any) -> FlaskClient:
    """The steward of `voices` alone."""
    client: FlaskClient = browser("steward.of.voices", Role.STEWARD, scope="voices")
    return client


def test_the_pages_are_for_those_who_watch(client: FlaskClient, world: World, browser: Any) -> None:
    holder, auditor = browser("holder"), browser("the.auditor", Role.AUDITOR)

    assert {client.get(page).status_code for page in PAGES} == {303}
    assert {holder.get(page).status_code for page in PAGES} == {403}
    assert {auditor.get(page).status_code for page in PAGES} == {200}


@pytest.mark.parametrize(
    "page",
    ["/policies/who?dataset=images", "/policies/what-if?account=holder&dataset=images"],
)
def test_a_steward_sees_the_own_dataset_only(
    runtime: Runtime, steward: FlaskClient, page: str
) -> None:
    applying.add_dataset(runtime, "images")

    assert steward.get(page).status_code == 403
    assert steward.get(page.replace("images", "voices")).status_code == 200


@pytest.mark.parametrize("language", ["ko", "en"])
def test_who_can_access_a_dataset_is_told_with_every_reason(
    runtime: Runtime, world: World, steward: FlaskClient, looks: Any, language: str
) -> None:
    allowed = steward.get(f"/policies/who?dataset=voices&lang={language}").text
    made.change(runtime, Grant, world.grant, suspended=True)
    denied = steward.get(f"/policies/who?dataset=voices&lang={language}").text

    assert "holder 이름" in allowed
    assert "chip-ok" in allowed
    assert "GRANT_SUSPENDED" in denied
    assert "other 이름" not in denied
    assert len(looks(world.person)) == 2


@pytest.mark.parametrize("language", ["ko", "en"])
def test_another_dataset_can_be_chosen_beside_the_list_of_people(
    runtime: Runtime, steward: FlaskClient, browser: Any, language: str
) -> None:
    applying.add_dataset(runtime, "images")
    page = f"/policies/who?dataset=voices&lang={language}"

    everything = browser("the.auditor", Role.AUDITOR).get(page).text
    own = steward.get(page).text

    assert '<option value="voices" selected>' in everything
    assert '<option value="images">' in everything
    assert '<option value="">' not in everything
    assert '<option value="images">' not in own


def test_who_applied_or_signed_is_told_too(
    runtime: Runtime, world: World, steward: FlaskClient
) -> None:
    other = made.person(runtime, "signer")
    with runtime.db.read() as session:
        signed = session.get_one(made.Acceptance, world.acceptance)
    row = made.Acceptance(
        id=made.ids.new(runtime.clock), person_id=other.id, agreement_version_id=world.agreement,
        code=signed.code, sha256=signed.sha256, method=signed.method, typed_name="x",
        language="ko", accepted_at=signed.accepted_at, expires_at=signed.expires_at,
    )  # fmt: skip
    with runtime.db.write() as session:
        session.add(other)
        session.flush()
        session.add(row)

    page = steward.get("/policies/who?dataset=voices&lang=en").text

    assert "signer 이름" in page
    assert "GRANT_MISSING" in page


def test_what_a_person_can_access_shows_only_watched_datasets(
    runtime: Runtime, world: World, steward: FlaskClient, browser: Any, looks: Any
) -> None:
    applying.add_dataset(runtime, "images")
    auditor = browser("the.auditor", Role.AUDITOR)

    own = steward.get("/policies/person?account=holder&lang=en").text
    everything = auditor.get("/policies/person?account=HOLDER&lang=en").text

    assert "voices" in own
    assert "images" not in own
    assert "images" in everything
    assert "GRANT_MISSING" in everything
    assert len(looks(world.person)) == 2


def test_an_unknown_account_is_asked_for_again_and_that_is_recorded(
    steward: FlaskClient, looks: Any
) -> None:
    page = steward.get("/policies/person?account=nobody.here&lang=en")

    assert page.status_code == 200
    assert "There is no such account." in page.text
    assert "nobody.here" in page.text
    assert [each.dataset for each in looks()] == [None]
    assert steward.get("/policies/what-if?account=nobody.here&dataset=voices").status_code == 404
    assert [each.dataset for each in looks()] == ["voices", None]


@pytest.mark.parametrize("language", ["ko", "en"])
def test_what_a_person_can_access_is_told_act_by_act(
    world: World, steward: FlaskClient, language: str
) -> None:
    page = f"/policies/person?account=holder&lang={language}"

    every, one = steward.get(page).text, steward.get(f"{page}&action=package").text

    assert acts_of(every) == [str(action) for action in Action]
    assert acts_of(one) == ["package"]
    assert "SAFE_ZONE_ONLY" in every
    assert "chip-ok" in one


@pytest.mark.parametrize("language", ["ko", "en"])
def test_what_if_shows_now_and_then_and_changes_nothing(
    world: World, steward: FlaskClient, looks: Any, language: str
) -> None:
    page = steward.get(f"{WHAT_IF}&change=true&acceptance=none&irb=valid&lang={language}").text

    assert page.count("ACCEPTANCE_NOT_LIVE") >= 2
    assert "chip-ok" in page
    assert len(looks()) == len(looks(world.person)) == 1


def test_what_if_tries_a_grant_for_somebody_who_has_none(
    world: World, steward: FlaskClient
) -> None:
    asked = WHAT_IF.replace("holder", "other") + "&change=true&grant=live&acceptance=live"
    facts = (
        "&purpose=academic_research&duo=approve&purpose_reviewed=true&korean_national=true"
        "&identity_level=3&organisation_verified=true&uses=analysis"
    )

    now = steward.get(WHAT_IF.replace("holder", "other") + "&lang=en").text
    then = steward.get(asked + facts + "&lang=en").text

    assert "GRANT_MISSING" in now
    assert "No longer in the way:" in then
    assert "chip-ok" in then


def test_what_if_takes_uses_away_and_adds_them(world: World, steward: FlaskClient) -> None:
    page = steward.get(f"{WHAT_IF}&change=true&purpose=academic_research&duo=approve"
                       "&uses=reidentification&lang=en").text  # fmt: skip

    assert "REIDENTIFICATION" in page


@pytest.mark.parametrize(
    "query", ["&change=true&grant=golden", "&identity_level=9", "&uses=dancing", "&unheard_of=1"]
)
def test_facts_that_do_not_exist_cannot_be_tried(steward: FlaskClient, query: str) -> None:
    assert steward.get(WHAT_IF + query).status_code == 422


@pytest.mark.parametrize("page", ["/policies/who?dataset=voices&cursor=forged"])
def test_a_forged_cursor_is_refused(steward: FlaskClient, page: str) -> None:
    assert steward.get(page).status_code == 400


@pytest.mark.parametrize("language", ["ko", "en"])
def test_everybody_reads_the_rules_beside_the_agreements(
    client: FlaskClient, world: World, language: str
) -> None:
    page = client.get(f"/policies?lang={language}").text

    refusals = [each for each in rules.read().statements if each.forbids]
    assert [each.id for each in refusals if f'id="rule-{each.id}"' not in page] == []
    assert program_engine().release in page
    assert "/policies/who" not in page


def test_a_steward_finds_the_views_from_the_rules(steward: FlaskClient) -> None:
    page = steward.get("/policies").text

    assert [each for each in PAGES if f'href="{each}"' not in page] == []


def test_the_history_of_releases_shows_proofs_and_what_changed(
    runtime: Runtime, world: World, steward: FlaskClient
) -> None:
    releases.sync_program(runtime)
    files = rules.texts() | {"99-holiday.cedar": NOBODY}
    closed = releases.propose(runtime, Actor.operator(), files, "a holiday")
    releases.put_in_force(runtime, Actor.operator(), closed.sha256)

    history = steward.get("/policies/releases?lang=en").text
    page = steward.get(f"/policies/releases/{closed.sha256}?lang=en").text
    first = steward.get(f"/policies/releases/{program_engine().release[:12]}?lang=en").text

    assert closed.sha256[:12] in history
    assert "a holiday" in page
    assert "holiday" in page
    assert "Added" in page
    assert "I1" in page
    assert "Nothing came before it." in first
    assert "HOLIDAY" in steward.get("/policies?lang=en").text


def test_a_release_that_is_not_there_is_404(steward: FlaskClient) -> None:
    assert steward.get("/policies/releases/0123456789abcdef").status_code == 404


def test_the_dataset_page_leads_those_who_watch_it_to_who_can_access_it(
    runtime: Runtime, world: World, steward: FlaskClient, browser: Any
) -> None:
    made.put_files(runtime, world, {"a.txt": b"data"})
    address = "/policies/who?dataset=voices"

    assert address in steward.get("/datasets/voices").text
    assert address not in browser("holder").get("/datasets/voices").text
