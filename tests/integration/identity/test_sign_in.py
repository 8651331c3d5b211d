"""Sign-in: no enumeration, throttling that races cannot slip, sessions that end when they must."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from gateway.clock import FixedClock
from gateway.errors import Problem, ProblemCode
from gateway.identity import passwords
from gateway.identity.models import SessionChannel, SignInSession, Throttle
from gateway.identity.service_credentials import Credentials
from gateway.identity.service_people import resume, suspend
from gateway.identity.service_sessions import LIFETIME, find_live, sign_in
from gateway.journal import Actor, folding
from gateway.runtime import Runtime
from tests import people
from tests.people import PASSWORD, bearer, make_person, post, visitor

Browser = Callable[..., FlaskClient]
CHALLENGE = re.compile(r'data-options="[^"]+"')


def attempt(runtime: Runtime, account: str, password: str, address: str = "127.0.0.1") -> Problem:
    with pytest.raises(Problem) as refused:
        sign_in(runtime, visitor(address), Credentials(account, password), SessionChannel.BROWSER)
    return refused.value


def without_token(page: Any, account: str) -> str:
    """A page with what differs by request taken out: its form tokens, the challenge for a passkey,
    the account typed in."""
    plain = CHALLENGE.sub("", people.TOKEN.sub("", page.text))
    return plain.replace(f'value="{account}"', "")


def signed_in(client: FlaskClient) -> bool:
    return client.get("/account").status_code == 200


def test_an_unknown_account_and_a_wrong_password_get_the_same_answer(
    runtime: Runtime, browser: Browser
) -> None:
    make_person(runtime, "known")

    pages = {
        name: post(browser(), "/sign-in", account=name, password="wrong wrong wrong")
        for name in ("known", "unknown")
    }

    assert {page.status_code for page in pages.values()} == {401}
    assert without_token(pages["known"], "known") == without_token(pages["unknown"], "unknown")


def test_an_unknown_account_costs_one_hash_as_well(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_person(runtime, "known")
    verified: list[bool] = []
    original = passwords.HASHER._argon2.__class__.verify

    def count(self: Any, stored: str, given: str) -> bool:
        verified.append(True)
        return bool(original(self, stored, given))

    monkeypatch.setattr(passwords.HASHER._argon2.__class__, "verify", count)

    for name in ("known", "unknown"):
        attempt(runtime, name, "wrong wrong wrong")

    assert len(verified) == 2


def test_a_refused_sign_in_is_an_event_with_the_account_that_was_tried(
    runtime: Runtime, events: list[Any]
) -> None:
    attempt(runtime, "nobody", "wrong wrong wrong")

    last = events[-1]
    assert (last.action, last.outcome, last.reason) == (
        "session.refused", "deny", "wrong_credentials",
    )  # fmt: skip
    assert last.personal == {"account": "nobody"}


def test_the_name_of_an_account_is_sealed_for_its_owner_and_not_for_the_months_visitors(
    runtime: Runtime, events: list[Any]
) -> None:
    victim = make_person(runtime, "victim")
    for _ in range(7):
        attempt(runtime, "VICTIM", "wrong wrong wrong")

    refused = [event for event in events if event.action == "session.refused"]

    assert {event.reason for event in refused} == {"wrong_credentials", "too_many_attempts"}
    for event in refused:
        assert (event.personal, event.subjects) == ({}, (str(victim.id),))


def test_an_account_is_blocked_from_any_address_and_says_for_how_long(
    runtime: Runtime, browser: Browser, clock: FixedClock
) -> None:
    make_person(runtime, "victim")
    for number in range(5):
        attempt(runtime, "victim", "wrong wrong wrong", f"10.0.0.{number}")

    answer = post(browser("10.9.9.9"), "/sign-in", account="VICTIM", password=PASSWORD)
    clock.advance(timedelta(seconds=int(answer.headers["Retry-After"])))
    later = post(browser("10.9.9.9"), "/sign-in", account="victim", password=PASSWORD)

    assert answer.status_code == 429
    assert later.status_code == 303


def test_an_address_is_blocked_for_every_account(runtime: Runtime) -> None:
    make_person(runtime, "victim")
    for number in range(30):
        attempt(runtime, f"guess{number}", "wrong wrong wrong", "10.0.0.1")

    blocked = attempt(runtime, "victim", PASSWORD, "10.0.0.1")
    elsewhere = sign_in(
        runtime, visitor("10.0.0.2"), Credentials("victim", PASSWORD), SessionChannel.BROWSER
    )

    assert blocked.code is ProblemCode.TOO_MANY_REQUESTS
    assert elsewhere.token


def test_unknown_accounts_are_blocked_like_known_ones(runtime: Runtime) -> None:
    make_person(runtime, "known")
    codes = {
        name: [attempt(runtime, name, "wrong wrong wrong").code for _ in range(7)]
        for name in ("known", "unknown")
    }

    assert codes["known"] == codes["unknown"]
    assert codes["known"][-1] is ProblemCode.TOO_MANY_REQUESTS


def test_parallel_guesses_count_in_full(runtime: Runtime) -> None:
    make_person(runtime, "victim")

    with ThreadPoolExecutor(16) as pool:
        guesses = [
            pool.submit(attempt, runtime, "victim", f"guess number {number}", f"10.0.0.{number}")
            for number in range(40)
        ]
        codes = [guess.result().code for guess in guesses]

    assert codes.count(ProblemCode.SIGN_IN_FAILED) == 5
    assert codes.count(ProblemCode.TOO_MANY_REQUESTS) == 35


def test_a_success_clears_the_account_but_not_the_address(runtime: Runtime) -> None:
    make_person(runtime, "own")
    for _round in range(8):
        for number in range(4):
            refused = attempt(runtime, f"victim{number}", "wrong wrong wrong", "10.0.0.1")
            if refused.code is ProblemCode.TOO_MANY_REQUESTS:
                return
        sign_in(runtime, visitor("10.0.0.1"), Credentials("own", PASSWORD), SessionChannel.BROWSER)
    pytest.fail("signing in with an own account cleared the address's count")


def test_the_throttle_names_neither_account_nor_address(runtime: Runtime) -> None:
    attempt(runtime, "secretive", "wrong wrong wrong", "10.0.0.1")

    with runtime.db.read() as session:
        subjects = session.scalars(select(Throttle.subject)).all()

    assert len(subjects) == 2
    assert all(len(subject) == 64 for subject in subjects)


def test_a_flood_while_blocked_does_not_fill_the_log(runtime: Runtime, events: list[Any]) -> None:
    for _ in range(60):
        attempt(runtime, "victim", "wrong wrong wrong")

    refused = [event for event in events if event.action == "session.refused"]

    assert len(refused) < 20


def test_folded_sign_ins_are_written_once_their_minute_is_over(
    runtime: Runtime, events: list[Any], clock: FixedClock
) -> None:
    for _ in range(60):
        attempt(runtime, "victim", "wrong wrong wrong")

    early = runtime.folding.fold()
    clock.advance(timedelta(minutes=1))
    late = runtime.folding.fold()

    alone = [event for event in events if event.action == "session.refused"]
    (folded,) = [event for event in events if event.action == "requests.folded"]
    assert (early, late) == (0, 1)
    assert folded.reason == "too_many_attempts"
    assert len(alone) + folded.detail["attempts"] == 60


def test_a_timer_writes_the_folded_sign_ins_when_nobody_calls_again(
    runtime: Runtime, events: list[Any], clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folding, "FOLD_AFTER", timedelta(milliseconds=20))
    for _ in range(60):
        attempt(runtime, "victim", "wrong wrong wrong")
    clock.advance(timedelta(minutes=1))

    deadline = time.monotonic() + 10
    while events[-1].action != "requests.folded" and time.monotonic() < deadline:
        time.sleep(0.01)

    assert events[-1].action == "requests.folded"


def test_stopping_writes_the_folded_sign_ins_too(runtime: Runtime, events: list[Any]) -> None:
    for _ in range(60):
        attempt(runtime, "victim", "wrong wrong wrong")

    runtime.folding.close()

    alone = [event for event in events if event.action == "session.refused"]
    (folded,) = [event for event in events if event.action == "requests.folded"]
    assert len(alone) + folded.detail["attempts"] == 60


def test_sign_in_replaces_the_session_a_browser_came_with(
    runtime: Runtime, browser: Browser
) -> None:
    one, two = make_person(runtime, "one"), make_person(runtime, "two")
    client = browser()
    people.sign_in(client, one)
    before = client.get_cookie("sumun_session")
    assert before

    answer = client.post(
        "/sign-in",
        data={"account": two.account, "password": PASSWORD, "csrf_token": people.csrf(client)},
    )
    after = client.get_cookie("sumun_session")

    assert answer.status_code == 303
    assert after
    assert after.value != before.value
    assert find_live(runtime, before.value, SessionChannel.BROWSER) is None


def test_a_planted_session_cookie_is_not_adopted(runtime: Runtime, browser: Browser) -> None:
    person, client = make_person(runtime, "person"), browser()
    client.set_cookie("sumun_session", "planted-by-somebody")

    people.sign_in(client, person)

    cookie = client.get_cookie("sumun_session")
    assert cookie
    assert cookie.value != "planted-by-somebody"
    assert find_live(runtime, "planted-by-somebody", SessionChannel.BROWSER) is None


def test_form_tokens_from_before_sign_in_are_worth_nothing_after(
    runtime: Runtime, browser: Browser
) -> None:
    person, client = make_person(runtime, "person"), browser()
    planted = people.csrf(client)
    people.sign_in(client, person)

    answer = client.post("/sign-out", data={"csrf_token": planted})

    assert answer.status_code == 400
    assert signed_in(client)


def test_the_cookie_is_out_of_scripts_reach(runtime: Runtime, browser: Browser) -> None:
    person, client = make_person(runtime, "person"), browser()

    answer = post(client, "/sign-in", account=person.account, password=PASSWORD)

    cookie = next(
        value for value in answer.headers.getlist("Set-Cookie") if value.startswith("sumun_session")
    )
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Path=/" in cookie


def test_only_the_hash_of_a_token_is_stored(runtime: Runtime, browser: Browser) -> None:
    person, client = make_person(runtime, "person"), browser()
    people.sign_in(client, person)
    cookie = client.get_cookie("sumun_session")
    assert cookie

    with runtime.db.read() as session:
        row = session.scalars(select(SignInSession)).one()

    assert cookie.value not in (row.token_sha256, str(row.id))
    assert len(row.token_sha256) == 64


def test_a_session_ends_after_twelve_hours(
    runtime: Runtime, browser: Browser, clock: FixedClock
) -> None:
    person, client = make_person(runtime, "person"), browser()
    people.sign_in(client, person)

    clock.advance(LIFETIME - timedelta(seconds=1))
    just_before = signed_in(client)
    clock.advance(timedelta(seconds=1))

    assert just_before
    assert not signed_in(client)


def test_a_suspended_person_is_refused_on_the_next_request(
    runtime: Runtime, browser: Browser
) -> None:
    person, client = make_person(runtime, "person"), browser()
    people.sign_in(client, person)
    headers = bearer(browser(), person)
    assert signed_in(client)

    suspend(runtime, Actor.operator(), person.id, "조사 중")

    assert not signed_in(client)
    assert browser().get("/api/v1/me", headers=headers).status_code == 401
    refused = post(browser(), "/sign-in", account=person.account, password=PASSWORD)
    assert refused.status_code == 401
    resume(runtime, Actor.operator(), person.id)
    assert not signed_in(client)
    people.sign_in(browser(), person)


def test_signing_out_ends_the_session_and_not_only_the_cookie(
    runtime: Runtime, browser: Browser
) -> None:
    person, client = make_person(runtime, "person"), browser()
    people.sign_in(client, person)
    cookie = client.get_cookie("sumun_session")
    assert cookie

    answer = post(client, "/sign-out")

    assert answer.status_code == 303
    assert find_live(runtime, cookie.value, SessionChannel.BROWSER) is None


def test_a_token_of_one_channel_is_nothing_in_the_other(runtime: Runtime, browser: Browser) -> None:
    person, client = make_person(runtime, "person"), browser()
    people.sign_in(client, person)
    cookie = client.get_cookie("sumun_session")
    assert cookie
    token = bearer(browser(), person)["Authorization"].removeprefix("Bearer ")

    as_bearer = browser().get("/api/v1/me", headers={"Authorization": f"Bearer {cookie.value}"})
    other = browser()
    other.set_cookie("sumun_session", token)

    assert as_bearer.status_code == 401
    assert other.get("/api/v1/me").status_code == 401


@pytest.mark.parametrize(
    "header", ["Bearer", "Bearer nonsense", "Basic bWU6bWU=", "", "Bearer \u00e9"]
)
def test_a_bad_authorization_header_never_falls_back_to_the_cookie(
    runtime: Runtime, browser: Browser, header: str
) -> None:
    person, client = make_person(runtime, "person"), browser()
    people.sign_in(client, person)

    answer = client.get("/api/v1/me", headers={"Authorization": header})

    assert answer.status_code == 401
    assert answer.json["code"] == "not_signed_in"
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_the_client_signs_in_asks_who_it_is_and_signs_out(
    runtime: Runtime, browser: Browser
) -> None:
    person, client = make_person(runtime, "person", name="김민지"), browser()

    headers = bearer(client, person)
    me = client.get("/api/v1/me", headers=headers)
    out = client.delete("/api/v1/session", headers=headers)
    after = client.get("/api/v1/me", headers=headers)

    assert (me.status_code, me.json["account"], me.json["name"]) == (200, "person", "김민지")
    assert out.status_code == 204
    assert after.status_code == 401


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"account": "x"}, 422),
        ({"account": "x", "password": "y", "admin": True}, 422),
        ({"account": ["x"], "password": "y"}, 422),
        ({"account": "x", "password": "y" * 1001}, 422),
        ({"account": "nobody", "password": "wrong wrong"}, 401),
        ([], 400),
    ],
)
def test_a_bad_client_sign_in_is_a_problem(browser: Browser, body: Any, status: int) -> None:
    answer = browser().post("/api/v1/session", json=body)

    assert answer.status_code == status
    assert answer.mimetype == "application/problem+json"


def test_a_page_brings_a_visitor_back_after_sign_in(runtime: Runtime, browser: Browser) -> None:
    person, client = make_person(runtime, "person"), browser()
    asked = client.get("/orgs?q=abc")
    page = client.get(asked.headers["Location"])

    answer = client.post(
        "/sign-in",
        data={
            "account": person.account,
            "password": PASSWORD,
            "next": "/orgs?q=abc",
            "csrf_token": people.TOKEN.search(page.text).group(1),  # type: ignore[union-attr]
        },
    )

    assert asked.status_code == 303
    assert answer.headers["Location"].endswith("next=/orgs?q%3Dabc")


def test_hashing_within_a_write_transaction_is_refused(runtime: Runtime) -> None:
    with pytest.raises(AssertionError), runtime.db.write():
        passwords.hashed(runtime.db, PASSWORD)
