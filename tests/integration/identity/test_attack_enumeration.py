"""Nobody learns who has an account: not by answers, headers or cookies, nor by the work done."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from gateway.clock import FixedClock
from gateway.demo.authenticator import Authenticator
from gateway.identity import passwords
from gateway.identity.models import Person
from gateway.identity.service_passwords import issue_recovery, use_recovery
from gateway.identity.service_people import NO_PASSWORD, close, suspend
from gateway.journal import Actor
from gateway.runtime import Runtime
from tests import oauth_peer as peers
from tests import people
from tests.integration.identity.test_factors import add_app, add_passkey, options
from tests.people import PASSWORD, make_person, post

Browser = Callable[..., FlaskClient]
WRONG = "wrong wrong wrong"
OWN = re.compile(
    r'value="[^"]*"|data-options="[^"]*"|<code>[0-9a-f]{16}</code>|"request_id":"[0-9a-f]+"'
)


@pytest.fixture
def accounts(runtime: Runtime, browser: Browser, clock: FixedClock) -> tuple[str, ...]:
    """Accounts in every state, and one that does not exist."""
    for name in ("plain", "stopped", "gone", "elsewhere", "app", "key"):
        make_person(runtime, name)
    for name, add in (("app", lambda home: add_app(home, clock)), ("key", add_passkey)):
        home = browser()
        people.sign_in(home, people.person(runtime, name))
        add(home)
    with runtime.db.write() as session:
        outside = session.get_one(Person, people.person(runtime, "elsewhere").id)
        outside.password_hash = NO_PASSWORD
    suspend(runtime, Actor.operator(), people.person(runtime, "stopped").id, "시험")
    close(runtime, Actor.operator(), people.person(runtime, "gone").id, "시험")
    return "unknown", "plain", "stopped", "gone", "elsewhere", "app", "key"


@pytest.fixture
def verified(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The encoded hashes that Argon2id worked on, in their order; a malformed one raises first."""
    seen: list[str] = []
    kind = passwords.HASHER._argon2.__class__
    original = kind.verify

    def count(self: Any, stored: str, given: str) -> bool:
        try:
            found = bool(original(self, stored, given))
        except passwords.VerificationError:
            seen.append(stored)
            raise
        seen.append(stored)
        return found

    monkeypatch.setattr(kind, "verify", count)
    return seen


def look(answer: Any) -> tuple[Any, ...]:
    """What somebody outside can compare of an answer."""
    headers = {
        name: re.sub(r"=[^;]+;", "=;", value) if name == "Set-Cookie" else value
        for name, value in answer.headers
        if name not in {"X-Request-Id", "Content-Length"}
    }
    return answer.status_code, tuple(sorted(headers.items())), OWN.sub("", answer.text)


def test_a_wrong_password_looks_the_same_for_every_account(
    accounts: tuple[str, ...], browser: Browser
) -> None:
    pages = {look(post(browser(), "/sign-in", account=name, password=WRONG)) for name in accounts}
    programs = {
        look(browser().post("/api/v1/session", json={"account": name, "password": WRONG}))
        for name in accounts
    }

    assert len(pages) == 1
    assert len(programs) == 1


@pytest.mark.parametrize("code", ["", "000000", "AAAA-BBBB-CCCC-DDDD"])
def test_a_code_beside_a_wrong_password_tells_nothing_of_a_factor(
    code: str, accounts: tuple[str, ...], browser: Browser
) -> None:
    given = {"password": WRONG, "code": code}
    answers = {
        look(browser().post("/api/v1/session", json=given | {"account": name})) for name in accounts
    }

    assert len(answers) == 1


def test_every_account_costs_one_hash_at_full_price(
    accounts: tuple[str, ...], browser: Browser, verified: list[str]
) -> None:
    """Time is not compared here: it is the hash that costs it, and there is one for each."""
    for name in accounts:
        before = len(verified)
        post(browser(), "/sign-in", account=name, password=WRONG)
        assert len(verified) == before + 1, name

    costs = {stored.rsplit("$", 2)[0] for stored in verified}
    assert len(costs) == 1


def test_a_blocked_account_looks_the_same_whether_it_is_there(
    accounts: tuple[str, ...], browser: Browser
) -> None:
    answers = set()
    for number, name in enumerate(accounts):
        for guess in range(5):
            address = f"10.{number}.{guess}.1"
            post(browser(address), "/sign-in", account=name, password=WRONG)
        answers.add(
            look(post(browser(f"10.{number}.9.1"), "/sign-in", account=name, password=WRONG))
        )

    assert len(answers) == 1
    assert next(iter(answers))[0] == 429


def test_the_options_of_a_passkey_name_nobody(accounts: tuple[str, ...], browser: Browser) -> None:
    pages = [browser().get(f"/sign-in?account={name}").text for name in accounts]

    assert accounts
    assert not any("allowCredentials&#34;: [{" in page or "credential_id" in page for page in pages)
    # The page's own address is in its links to the other language.
    pairs = zip(accounts, pages, strict=True)
    same = {OWN.sub("", page).replace(f"account={name}", "") for name, page in pairs}
    assert len(same) == 1


def test_an_answer_of_no_passkey_looks_like_one_of_somebody_elses(
    runtime: Runtime, browser: Browser
) -> None:
    home = browser()
    people.sign_in(home, make_person(runtime, "holder"))
    known = add_passkey(home)
    forged = Authenticator(credential=known.credential, handle=known.handle)
    answers = set()
    for key in (Authenticator(), forged):
        client = browser()
        given = key.get(options(client.get("/sign-in")))
        answers.add(look(post(client, "/sign-in/passkey", credential=given)))

    assert len(answers) == 1


def test_a_recovery_address_that_was_used_looks_like_one_that_never_was(
    runtime: Runtime, browser: Browser
) -> None:
    holder, client = make_person(runtime, "holder"), browser()
    used = issue_recovery(runtime, Actor.operator(), holder.id).token
    use_recovery(runtime, people.visitor(), used, "새로 정한 열쇠말 2026")
    replaced = issue_recovery(runtime, Actor.operator(), holder.id).token
    issue_recovery(runtime, Actor.operator(), holder.id)
    never = "x" * len(used)

    def answer(token: str, sent: Callable[[str], Any]) -> tuple[Any, ...]:
        status, headers, text = look(sent(f"/recover/{token}"))
        return status, headers, text.replace(token, "")

    read = {answer(token, client.get) for token in (used, replaced, never)}
    new = {"password": "또 다른 열쇠말 2026", "repeated": "또 다른 열쇠말 2026"}
    sent = {
        answer(token, lambda path: post(client, path, **new)) for token in (used, replaced, never)
    }

    assert len(read) == len(sent) == 1


def test_a_device_code_that_was_used_looks_like_one_that_never_was(
    runtime: Runtime, signed_in: FlaskClient
) -> None:
    device, mina = peers.device(runtime), people.person(runtime, "mina")
    assert peers.let_in(runtime, mina, device.waiting, allowed=False)

    answers = {look(post_code(signed_in, code)) for code in (device.made.user_code, "BCDF-GHJK")}

    assert len(answers) == 1


def post_code(client: FlaskClient, code: str) -> Any:
    token = people.csrf(client, "/oauth2/device")
    return client.post("/oauth2/device", data={"csrf_token": token, "user_code": code})


# -- spraying


def guess(client: FlaskClient, account: str) -> int:
    return int(
        client.post("/api/v1/session", json={"account": account, "password": PASSWORD}).status_code
    )


def test_one_password_sprayed_over_many_accounts_from_one_address_is_stopped(
    browser: Browser,
) -> None:
    sprayer = browser("203.0.113.5")

    statuses = [guess(sprayer, f"person{number}") for number in range(40)]

    assert statuses == [401] * 30 + [429] * 10


def test_one_password_sprayed_from_one_site_of_the_new_internet_is_stopped(
    browser: Browser,
) -> None:
    """A /64 is one household or server: its addresses count together."""
    statuses = [
        guess(browser(f"2001:db8:1:2::{number:x}"), f"person{number}") for number in range(40)
    ]

    assert statuses == [401] * 30 + [429] * 10


def test_one_account_guessed_from_many_addresses_is_stopped(
    runtime: Runtime, browser: Browser
) -> None:
    make_person(runtime, "victim")
    statuses = [
        browser(f"198.51.{number}.7")
        .post("/api/v1/session", json={"account": spelled, "password": WRONG})
        .status_code
        for number, spelled in enumerate(["victim", "VICTIM", " victim ", "Victim"] * 5)
    ]

    assert statuses == [401] * 5 + [429] * 15


def test_channels_share_one_count(runtime: Runtime, browser: Browser) -> None:
    make_person(runtime, "victim")
    for number in range(3):
        post(browser(f"198.51.{number}.7"), "/sign-in", account="victim", password=WRONG)
        browser(f"198.52.{number}.7").post(
            "/api/v1/session", json={"account": "victim", "password": WRONG}
        )

    assert guess(browser("198.53.0.7"), "victim") == 429


def test_an_address_that_is_only_written_into_a_header_does_not_escape_the_count(
    browser: Browser,
) -> None:
    sprayer = browser("203.0.113.5")
    statuses = []
    for number in range(35):
        sprayer.environ_base["HTTP_X_FORWARDED_FOR"] = f"198.51.{number}.7"
        statuses.append(guess(sprayer, f"person{number}"))

    assert statuses == [401] * 30 + [429] * 5
