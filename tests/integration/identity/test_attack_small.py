"""Small doors: answers that caches keep, ends that nobody hears of, forms sent without a page."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from flask.testing import FlaskClient

from gateway.clock import FixedClock
from gateway.identity.models import Person
from gateway.identity.service_passwords import issue_recovery
from gateway.journal import Act, Actor
from gateway.runtime import Runtime
from tests import oauth_peer as peers
from tests import people
from tests.integration.identity.conftest import Seen
from tests.integration.identity.test_factors import add_app, add_passkey, options, session_row
from tests.oauth_peer import Peer
from tests.people import PASSWORD, post

Browser = Callable[..., FlaskClient]
QUARTER = timedelta(minutes=15)
NEW = "a quite different sentence 2026"
CHANGED = {"present": PASSWORD, "password": NEW, "repeated": NEW}


def may_enter(client: FlaskClient, password: str) -> bool:
    given = {"account": "holder", "password": password, "device": "x"}
    answer = client.post("/api/v1/session", json=given)
    return answer.status_code == 201 or answer.json["code"] == "second_factor_required"


def test_a_password_is_changed_with_a_factor_where_there_is_one(
    clock: FixedClock, home: FlaskClient, browser: Browser
) -> None:
    app, _codes = add_app(home, clock)
    clock.advance(timedelta(hours=11))

    without = post(home, "/account/password", **CHANGED)
    wrong = post(home, "/account/password", **CHANGED, code="000000")
    guess = post(home, "/account/password", **CHANGED | {"present": "x"}, code="000000")
    assert not may_enter(browser(), NEW)
    right = post(home, "/account/password", **CHANGED, code=app.at(clock.now()))

    assert [each.status_code for each in (without, wrong, guess)] == [422, 422, 422]
    assert 'name="code"' in without.text
    assert 'id="present-error"' in guess.text or "비밀번호가 다릅니다" in guess.text
    assert right.status_code == 303
    assert may_enter(browser(), NEW)


def test_a_password_is_changed_after_the_passkey_and_not_by_a_code_beside_it(
    clock: FixedClock, home: FlaskClient
) -> None:
    key = add_passkey(home)
    clock.advance(QUARTER)

    page = home.get("/account/password")
    refused = post(home, "/account/password", **CHANGED)
    answer = key.get(options(home.get("/account/step-up")))
    post(home, "/account/step-up", credential=answer)
    changed = post(home, "/account/password", **CHANGED)

    assert "/account/step-up" in page.text
    assert (refused.status_code, changed.status_code) == (422, 303)


def test_an_access_token_that_is_taken_back_is_an_event(
    portal: Peer, signed_in: FlaskClient, mina: Person, events: list[Seen]
) -> None:
    token = portal.redeem(portal.code(signed_in)).json["access_token"]

    for _twice in range(2):
        portal.http.post("/oauth2/revoke", data={"token": token}, headers=portal._basic())

    (seen,) = [each for each in events if each.action == Act.TOKEN_REVOKED]
    assert seen.detail["client"] == portal.client_id
    assert portal.get("/oauth2/userinfo", token).status_code == 401


def test_a_sign_in_tells_of_the_session_it_takes_the_place_of(
    runtime: Runtime, holder: Person, home: FlaskClient, browser: Browser, events: list[Seen]
) -> None:
    before = session_row(runtime, holder).id
    old = home.get_cookie("sumun_session")
    assert old is not None
    again = browser()
    people.csrf(again)
    again.set_cookie("sumun_session", old.value)

    people.sign_in(again, holder)

    ended = [each for each in events if each.action == Act.SESSION_ENDED]
    assert [each.reason for each in ended] == ["replaced"]
    assert session_row(runtime, holder).id != before
    assert home.get("/account").status_code == 303


def test_step_up_counts_the_sessions_it_reached(home: FlaskClient, events: list[Seen]) -> None:
    key = add_passkey(home)
    answer = key.get(options(home.get("/account/step-up")))
    unknown = ["0190aaaa-0000-7000-8000-000000000000", "0190aaaa-0000-7000-8000-000000000001"]

    post(home, "/account/step-up", credential=answer, also=unknown)

    (seen,) = [each for each in events if each.action == Act.SESSION_STEPPED_UP]
    assert seen.detail["sessions"] == 1


@pytest.mark.parametrize("wanted", [{"prompt": "login"}, {"max_age": "60"}, {"max_age": "x"}])
def test_a_yes_without_its_page_does_not_pass_by_a_new_sign_in(
    portal: Peer, signed_in: FlaskClient, clock: FixedClock, wanted: dict[str, str]
) -> None:
    clock.advance(timedelta(minutes=5))
    token = people.csrf(signed_in, "/account")
    form = {"csrf_token": token, "decision": "allow"}

    asked = signed_in.post(portal.ask(**wanted), data=form)
    refused = signed_in.post(portal.ask(**wanted), data=form | {"decision": "deny"})
    allowed = signed_in.post(portal.ask(max_age="600"), data=form)

    assert asked.status_code == 200
    assert "/oauth2/authorize/again" in asked.text
    assert "error=access_denied" in refused.headers["Location"]
    assert "code=" in allowed.headers["Location"]


def test_a_pushed_request_for_a_new_sign_in_is_answered_by_one(
    portal: Peer, signed_in: FlaskClient, mina: Person, clock: FixedClock
) -> None:
    asked = parse_qsl(urlsplit(portal.ask(prompt="login", max_age="0")).query)
    made = portal.http.post("/oauth2/par", data=dict(asked), headers=portal._basic()).json
    query = {"client_id": portal.client_id, "request_uri": made["request_uri"], "lang": "en"}
    address = f"/oauth2/authorize?{urlencode(query)}"
    clock.advance(timedelta(seconds=10))

    before = signed_in.get(address)
    people.post(signed_in, "/sign-out")
    people.sign_in(signed_in, mina)
    after = signed_in.get(address)

    assert ("Sign in again" in before.text, "Sign in again" in after.text) == (True, False)
    assert "code=" in peers.allow(signed_in, address).headers["Location"]


def test_no_cache_keeps_an_answer_that_may_hold_a_secret(
    runtime: Runtime, clock: FixedClock, holder: Person, home: FlaskClient, browser: Browser
) -> None:
    app, _codes = add_app(home, clock)
    half = browser()
    post(half, "/sign-in", account="holder", password=PASSWORD)
    link = issue_recovery(runtime, Actor.operator(), holder.id).token
    code = app.at(clock.now() + timedelta(seconds=30))
    given = {"account": "holder", "password": PASSWORD, "device": "x", "code": code}
    stranger = browser()

    answers: dict[str, Any] = {
        "a token": stranger.post("/api/v1/session", json=given),
        "second": half.get("/sign-in/second"),
        "recover": stranger.get(f"/recover/{link}"),
        "invitation": stranger.get("/invitations/unknown"),
        "sign-in": stranger.get("/sign-in"),
        "nothing": stranger.get("/nothing"),
        "device": stranger.get("/oauth2/device?user_code=BCDF-GHJK"),
    }

    assert answers["a token"].status_code == 201
    kept = {name: answer.headers["Cache-Control"] for name, answer in answers.items()}
    assert set(kept.values()) == {"no-store"}, kept
    assert stranger.get("/static/sumun.css").headers["Cache-Control"] != "no-store"
