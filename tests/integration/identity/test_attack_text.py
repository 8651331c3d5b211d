"""Text that no database, codec or comparison expects: always a plain refusal, never an error."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from gateway.errors import Problem
from gateway.identity.service_credentials import Credentials
from gateway.identity.service_people import NewPerson, create_person
from gateway.identity.service_sessions import SessionChannel, sign_in
from gateway.journal import Actor
from gateway.runtime import Runtime
from tests import people
from tests.oauth_peer import Peer
from tests.people import PASSWORD, make_person, post, visitor

Browser = Callable[..., FlaskClient]
HOSTILE = {
    "a zero": "a\x00b",
    "half a character": "a\ud800b",
    "a right-to-left mark": "\u202enimda",
    "a letter that only looks like one": "\u0430dmin",
    "a letter in many pieces": "e" + "\u0301" * 300,
    "a ligature that grows": "\ufdfa" * 150,
    "longer than any name": "x" * 100_000,
    "an SQL condition": "' OR 1=1 --",
    "a header": "a\r\nSet-Cookie: sumun_session=x",
}


def quoted(text: str) -> str:
    """Text as a form carries it; half a character as its three bytes."""
    return "".join(f"%{byte:02X}" for byte in text.encode("utf-8", "surrogatepass"))


def form(client: FlaskClient, path: str, **fields: str) -> Any:
    body = "&".join(f"{name}={quoted(value)}" for name, value in fields.items())
    kind = "application/x-www-form-urlencoded"
    return client.post(path, data=body.encode(), content_type=kind)


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_it_is_refused_wherever_somebody_unknown_may_write(text: str, browser: Browser) -> None:
    client = browser()
    token = people.csrf(client)
    fields = {"account": text, "password": text, "next": text, "csrf_token": token}
    code = {"grant_type": text, "code": text, "client_id": text, "refresh_token": text}
    body = json.dumps({"account": text, "password": text, "code": text, "device": text})
    headers = {"Authorization": f"Bearer {quoted(text)}"}

    answers = {
        "sign-in": form(client, "/sign-in", **fields),
        "client": client.post("/api/v1/session", data=body, content_type="application/json"),
        "second": form(client, "/sign-in/second", code=text, csrf_token=token),
        "passkey": form(client, "/sign-in/passkey", credential=text, csrf_token=token),
        "recover": client.get(f"/recover/{quoted(text[:500])}"),
        "invitation": client.get(f"/invitations/{quoted(text[:500])}"),
        "authorize": client.get(f"/oauth2/authorize?client_id={quoted(text[:500])}"),
        "token": form(client, "/oauth2/token", **code),
        "code of a client": form(client, "/oauth2/token", **code | {"client_id": "sumun-cli"}),
        "device": form(client, "/oauth2/device_authorization", client_id=text, scope=text),
        "pushed": form(client, "/oauth2/par", client_id=text),
        "introspect": form(client, "/oauth2/introspect", client_id=text, token=text),
        "bearer": browser().get("/api/v1/me", headers=headers),
        "directory": browser().get("/scim/v2/Users", headers=headers),
        "provider": client.get(f"/sign-in/with/x/back?state={quoted(text[:500])}"),
    }

    statuses = {name: answer.status_code for name, answer in answers.items()}
    assert all(300 <= status < 500 for status in statuses.values()), statuses
    assert not any("sumun_session=x" in str(answer.headers) for answer in answers.values())


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_it_is_refused_or_kept_as_it_is_where_somebody_signed_in_writes(
    text: str, signed_in: FlaskClient, portal: Peer
) -> None:
    token = people.csrf(signed_in, "/account")
    common = {"csrf_token": token}

    answers = [
        form(signed_in, "/account", name=text, email=text, country=text, **common),
        form(signed_in, "/account/password", present=text, password=text, repeated=text, **common),
        form(signed_in, "/account/factors/add-app", password=text, **common),
        form(signed_in, "/account/factors/app", secret=text, code=text, **common),
        form(signed_in, "/account/step-up", credential=text, **common),
        form(signed_in, "/oauth2/device", user_code=text, **common),
        form(signed_in, "/orgs", name=text, kind="company", country="KR", **common),
        signed_in.get(portal.ask(scope=quoted(text[:500]))),
        signed_in.get(f"/oauth2/device?user_code={quoted(text[:500])}"),
    ]

    assert [answer.status_code for answer in answers if answer.status_code >= 500] == []


def test_a_long_password_costs_no_more_than_a_short_one(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gateway.identity import passwords

    make_person(runtime, "known")
    hashed: list[int] = []
    original = passwords.HASHER._argon2.__class__.verify

    def measure(self: Any, stored: str, given: str) -> bool:
        hashed.append(len(given))
        return bool(original(self, stored, given))

    monkeypatch.setattr(passwords.HASHER._argon2.__class__, "verify", measure)
    for password in ("x" * 5, "x" * 900_000, "\ufdfa" * 100):
        with pytest.raises(Problem):
            sign_in(runtime, visitor(), Credentials("known", password), SessionChannel.BROWSER)

    assert max(hashed) <= passwords.LONGEST + 1


def test_a_password_is_the_same_however_its_letters_are_composed(runtime: Runtime) -> None:
    """A Mac sends Korean in pieces: three for each syllable, so more than a password may have."""
    typed = "수문을 여는 아주 긴 열쇠말입니다 " * 8
    new = NewPerson("long.sentence", "긴 문장", "long@example.org", "KR", True, "ko")
    create_person(runtime, Actor.operator(), new, typed[:120])

    for form_of_text in ("NFC", "NFD", "NFKD"):
        given = unicodedata.normalize(form_of_text, typed[:120])
        opened = sign_in(
            runtime, visitor(), Credentials("long.sentence", given), SessionChannel.BROWSER
        )
        assert opened.token


def test_a_name_that_only_looks_like_another_is_no_account_name(browser: Browser) -> None:
    taken = {"\u0430dmin", "ad\u200bmin", "ａｄｍｉｎ", "admin\u0301", "ADMIN\u0000"}

    for name in taken:
        answer = post(
            browser(), "/sign-up", account=name, name="x", email="x@example.org", country="KR",
            password=PASSWORD, repeated=PASSWORD, consents=["terms", "privacy"],
        )  # fmt: skip
        assert answer.status_code == 422


def test_a_program_of_nobody_is_never_looked_up_with_a_zero(runtime: Runtime) -> None:
    from gateway.identity.oauth.clients import find_client

    assert find_client(runtime, "sumun\x00cli") is None
    assert find_client(runtime, "sumun-cli") is not None
