"""Linking and unlinking: by whom, when, what ends, and what an organisation hears of it."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient
from sqlalchemy import select

from gateway import ids
from gateway.cli import common
from gateway.cli.main import root
from gateway.clock import FixedClock
from gateway.errors import Problem
from gateway.identity.federation.exchange import Proven
from gateway.identity.federation.service_flows import Errand, Federation
from gateway.identity.federation.service_links import identities_of, link
from gateway.identity.models import (
    Membership,
    MembershipKind,
    Organisation,
    OrganisationStatus,
    Person,
)
from gateway.identity.models_federation import FlowPurpose, ProviderStatement
from gateway.runtime import Runtime
from tests.integration.identity.federation.conftest import ID, Traveller
from tests.integration.identity.federation.test_coming_in import linked, sign_up_fields
from tests.oauth_peer import browser_session
from tests.parts.provider import SUBJECT, Lies
from tests.people import PASSWORD, acting_as, bearer, make_person, post, sign_in

Browser = Callable[..., FlaskClient]
LINK = f"/account/identities/with/{ID}"
SNU = uuid.UUID("01932b5e-0000-7000-8000-000000000001")
BY_ADDRESS = {
    "organisation_claim": "email", "organisation_match": "domain",
    "organisations": {"snu.ac.kr": SNU},
}  # fmt: skip


def subjects(runtime: Runtime, one: Person) -> list[str]:
    with runtime.db.read() as session:
        return [row.subject for row in identities_of(session, one.id)]


def memberships(runtime: Runtime) -> list[Membership]:
    with runtime.db.read() as session:
        return list(session.scalars(select(Membership).order_by(Membership.id)))


@pytest.fixture
def member(runtime: Runtime, client: FlaskClient) -> Person:
    """Somebody signed in with a password."""
    one = make_person(runtime, "member")
    sign_in(client, one)
    return one


@pytest.fixture
def campus(runtime: Runtime) -> Organisation:
    """A verified organisation."""
    founder = make_person(runtime, "founder")
    now = runtime.clock.now()
    row = Organisation(
        id=SNU, name="서울대학교", kind="university", country="KR",
        status=OrganisationStatus.VERIFIED, created_by=founder.id, created_at=now,
    )  # fmt: skip
    manager = Membership(
        id=ids.new(runtime.clock), person_id=founder.id, organisation_id=SNU,
        kind=MembershipKind.MANAGER, confirmed_by=founder.id, started_at=now,
    )  # fmt: skip
    with runtime.db.write() as session:
        session.add(row)
        session.flush()
        session.add(manager)
    return row


def test_the_account_page_offers_and_lists(traveller: Traveller, member: Person) -> None:
    before = traveller.client.get("/account").text
    traveller.go(LINK)
    after = traveller.client.get("/account").text

    assert "캠퍼스 연결" in before
    assert "hong@snu.ac.kr" in after
    assert "캠퍼스 연결" not in after


def test_linking_needs_a_sign_in_of_the_last_quarter_of_an_hour(
    runtime: Runtime, traveller: Traveller, member: Person, clock: FixedClock
) -> None:
    clock.advance(timedelta(minutes=15))

    answer = post(traveller.client, LINK)

    assert answer.status_code == 409
    assert "15분" in answer.text
    assert subjects(runtime, member) == []


def test_a_link_is_finished_by_the_session_that_began_it(
    runtime: Runtime, traveller: Traveller, member: Person, events: list[Any]
) -> None:
    address = traveller.leave(LINK)
    post(traveller.client, "/sign-out")
    sign_in(traveller.client, make_person(runtime, "other"))

    answer = traveller.come_back(address)

    assert (answer.status_code, events[-1].reason) == (403, "other_person")
    assert subjects(runtime, member) == []


def test_a_link_that_comes_back_to_nobody_links_nothing(
    runtime: Runtime, traveller: Traveller, member: Person
) -> None:
    address = traveller.leave(LINK)
    post(traveller.client, "/sign-out")

    assert traveller.come_back(address).status_code == 403
    assert subjects(runtime, member) == []


def test_an_identity_belongs_to_one_account(
    runtime: Runtime, traveller: Traveller, events: list[Any]
) -> None:
    first = linked(traveller)
    second = make_person(runtime, "second")
    sign_in(traveller.client, second)

    answer = traveller.go(LINK)

    assert (answer.status_code, events[-1].reason) == (403, "linked_elsewhere")
    assert (subjects(runtime, first), subjects(runtime, second)) == ([SUBJECT], [])


def test_of_eight_who_link_one_identity_at_once_exactly_one_has_it(runtime: Runtime) -> None:
    federation = Federation.of(runtime)
    issuer = federation.provider(ID).issuer
    racers = [make_person(runtime, f"racer-{number}") for number in range(8)]
    places = {one.id: browser_session(runtime, one) for one in racers}

    for round_number in range(10):
        # Another issuer each time: a person has one identity of each.
        proven = Proven(ID, f"{issuer}/{round_number}", SUBJECT, signed=True)

        def take(one: Person, proven: Proven = proven) -> bool:
            here = places[one.id]
            came = Errand(FlowPurpose.LINK, here), proven, here
            try:
                link(runtime, federation, acting_as(one), came)
            except Problem:
                return False
            return True

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(take, racers)) == 1


def test_unlinking_ends_other_sessions_and_the_way_in(
    runtime: Runtime, traveller: Traveller, browser: Browser, events: list[Any]
) -> None:
    one = linked(traveller)
    elsewhere = browser()
    sign_in(elsewhere, one)
    traveller.go()

    page = traveller.client.get("/account").text
    path = re.search(r"/account/identities/[0-9a-f-]{36}/end", page)
    answer = post(traveller.client, path.group(0))

    assert answer.status_code == 303
    assert events[-1].action == "identity.unlinked"
    assert (traveller.signed_in, elsewhere.get("/account").status_code) == (True, 303)
    assert traveller.go().headers["Location"] == "/sign-in/new"


def test_the_last_way_to_sign_in_stays_until_there_is_a_password(
    runtime: Runtime, traveller: Traveller, browser: Browser
) -> None:
    traveller.go()
    post(traveller.client, "/sign-in/new", **sign_up_fields())
    page = traveller.client.get("/account").text
    path = re.search(r"/account/identities/[0-9a-f-]{36}/end", page).group(0)

    refused = post(traveller.client, path)
    asked = traveller.client.get("/account/password", follow_redirects=True)
    stored = post(traveller.client, "/account/first-password", password=PASSWORD, repeated=PASSWORD)
    twice = post(traveller.client, "/account/first-password", password=PASSWORD, repeated=PASSWORD)
    taken_off = post(traveller.client, path)

    assert (refused.status_code, stored.status_code, twice.status_code) == (409, 303, 409)
    assert asked.request.path == "/account/first-password"
    assert taken_off.status_code == 303
    entered = post(browser(), "/sign-in", account="newcomer", password=PASSWORD)
    assert entered.status_code == 303


def test_a_first_password_needs_a_fresh_sign_in(traveller: Traveller, clock: FixedClock) -> None:
    traveller.go()
    post(traveller.client, "/sign-in/new", **sign_up_fields())
    clock.advance(timedelta(minutes=15))

    answer = post(traveller.client, "/account/first-password", password=PASSWORD, repeated=PASSWORD)

    assert answer.status_code == 409


def test_somebody_elses_identity_cannot_be_taken_off(
    runtime: Runtime, traveller: Traveller
) -> None:
    owner = linked(traveller)
    sign_in(traveller.client, make_person(runtime, "thief"))
    with runtime.db.read() as session:
        identity = identities_of(session, owner.id)[0].id

    answer = post(traveller.client, f"/account/identities/{identity}/end")

    assert answer.status_code == 404
    assert subjects(runtime, owner) == [SUBJECT]


def test_the_api_lists_and_takes_off_ones_own(
    runtime: Runtime, traveller: Traveller, clock: FixedClock
) -> None:
    one = linked(traveller)
    program = traveller.client.application.test_client(use_cookies=False)
    headers = bearer(program, one)

    items = program.get("/api/v1/identities", headers=headers).json["items"]
    path = f"/api/v1/identities/{items[0]['id']}"
    taken_off = program.delete(path, headers=headers)
    again = program.delete(path, headers=headers)
    clock.advance(timedelta(minutes=15))
    too_late = program.delete(path, headers=headers)

    assert [(item["provider"], item["subject"]) for item in items] == [(ID, SUBJECT)]
    assert (taken_off.status_code, again.status_code) == (204, 404)
    assert too_late.status_code == 409


def test_the_operator_lists_and_takes_off(
    runtime: Runtime, traveller: Traveller, events: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    one = linked(traveller)
    monkeypatch.setattr(common.Home, "settings", lambda _self, **_flags: runtime.settings)

    def run(*arguments: str) -> Any:
        return CliRunner().invoke(root, [*arguments, "--json"])

    listed = run("user", "identities", one.account)
    unknown = run("user", "unlink", one.account, "nowhere")
    taken_off = run("user", "unlink", one.account, ID)

    assert json.loads(listed.stdout)["subject"] == SUBJECT
    assert (unknown.exit_code, taken_off.exit_code) == (2, 0), taken_off.output
    assert subjects(runtime, one) == []
    assert "identity.unlinked" in [event.action for event in events]


@pytest.mark.parametrize("more", [BY_ADDRESS])
def test_a_stated_organisation_becomes_a_request_of_a_plain_member(
    runtime: Runtime, traveller: Traveller, member: Person, campus: Organisation,
    events: list[Any], more: dict[str, Any], browser: Browser,
) -> None:  # fmt: skip
    traveller.go(LINK)

    founder, asked = memberships(runtime)
    with runtime.db.read() as session:
        said = session.scalars(select(ProviderStatement)).one()
    assert (asked.person_id, asked.kind, asked.confirmed_by) == (member.id, "member", None)
    assert (said.membership_id, said.claim, said.value) == (asked.id, "email", "snu.ac.kr")
    requested = next(event for event in events if event.action == "membership.requested")
    assert requested.detail["attested_by"] == ID
    manager = browser()
    with runtime.db.read() as session:
        sign_in(manager, session.get_one(Person, founder.person_id))
    assert f"{ID} 확인" in manager.get(f"/orgs/{SNU}").text


@pytest.mark.parametrize("more", [BY_ADDRESS])
def test_who_has_a_place_already_asks_for_no_second_one(
    runtime: Runtime, traveller: Traveller, member: Person, campus: Organisation,
    more: dict[str, Any],
) -> None:  # fmt: skip
    post(traveller.client, f"/orgs/{SNU}/join", kind="member")

    answer = traveller.go(LINK)

    assert answer.status_code == 303
    assert len(memberships(runtime)) == 2


@pytest.mark.parametrize("more", [BY_ADDRESS])
@pytest.mark.parametrize(
    "changed",
    [
        {"email_verified": False},
        {"email_verified": "true"},
        {"email": "hong@snu.ac.kr.evil.example"},
        {"email": ["hong@snu.ac.kr", {"a": 1}], "email_verified": None},
    ],
    ids=["not verified", "verified in words", "another domain", "not one address"],
)
def test_what_is_not_stated_surely_is_not_asked(
    runtime: Runtime, traveller: Traveller, member: Person, campus: Organisation,
    more: dict[str, Any], changed: dict[str, Any],
) -> None:  # fmt: skip
    traveller.provider.lies = Lies(claims=lambda honest: honest | changed)

    answer = traveller.go(LINK)

    assert answer.status_code == 303
    assert len(memberships(runtime)) == 1


@pytest.mark.parametrize("more", [BY_ADDRESS | {"userinfo": True}])
def test_an_address_is_not_verified_by_a_word_about_another(
    runtime: Runtime, traveller: Traveller, member: Person, campus: Organisation,
    more: dict[str, Any],
) -> None:  # fmt: skip
    def without_word(honest: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in honest.items() if name != "email_verified"}

    other = {"email": "hong@elsewhere.example", "email_verified": True}
    traveller.provider.lies = Lies(claims=without_word, userinfo=lambda honest: honest | other)

    answer = traveller.go(LINK)

    assert answer.status_code == 303
    assert len(memberships(runtime)) == 1


@pytest.mark.parametrize("more", [BY_ADDRESS])
def test_a_suspended_organisation_hears_nothing(
    runtime: Runtime, traveller: Traveller, member: Person, campus: Organisation,
    more: dict[str, Any],
) -> None:  # fmt: skip
    with runtime.db.write() as session:
        session.get_one(Organisation, SNU).status = OrganisationStatus.SUSPENDED

    traveller.go(LINK)

    assert len(memberships(runtime)) == 1


@pytest.mark.parametrize(
    "path", ["/sign-in", "/sign-in/new", "/account", "/account/identities/new"]
)
def test_pages_speak_both_languages(runtime: Runtime, traveller: Traveller, path: str) -> None:
    traveller.go()
    if path.startswith("/account"):
        sign_in(traveller.client, make_person(runtime, "hong"))

    pages = {tongue: traveller.client.get(f"{path}?lang={tongue}") for tongue in ("ko", "en")}

    assert {page.status_code for page in pages.values()} == {200}
    assert "캠퍼스" in pages["ko"].text
    assert "Campus" in pages["en"].text
