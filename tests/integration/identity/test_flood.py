"""More sign-ins than can be looked at: told so at once, and nobody else waits for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from gateway.errors import Problem, ProblemCode
from gateway.identity import flood
from gateway.identity.models import Throttle
from gateway.identity.service_credentials import Credentials, check_password
from gateway.runtime import Runtime
from gateway.security.turnstile import Turnstile
from tests import people
from tests.people import PASSWORD, make_person, post, visitor

Browser = Callable[..., FlaskClient]


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every turn is taken, and nobody may wait."""
    monkeypatch.setattr(flood, "TURNS", Turnstile(1, 0, 60.0))
    with flood.TURNS.passed():
        yield


def counted(runtime: Runtime) -> int:
    with runtime.db.read() as session:
        return session.scalar(select(func.count()).select_from(Throttle)) or 0


@pytest.mark.usefixtures("full")
def test_a_page_says_so_in_both_languages_and_when_to_come_back(browser: Browser) -> None:
    answer = browser().post("/sign-in", data={"account": "anybody", "password": PASSWORD})

    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert "로그인 요청이 한꺼번에 몰려" in answer.text
    assert "Too many people are signing in at once" in answer.text
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.usefixtures("full")
@pytest.mark.parametrize(
    ("language", "detail"),
    [("ko", "로그인 요청이"), ("en", "Too many people"), ("", "로그인 요청이")],
)
def test_a_program_is_told_in_its_language(browser: Browser, language: str, detail: str) -> None:
    headers = {"Accept-Language": language} if language else {}

    answer = browser().post("/api/v1/session", json={}, headers=headers)

    assert (answer.status_code, answer.mimetype) == (503, "application/problem+json")
    assert answer.json["code"] == "busy"
    assert answer.json["detail"].startswith(detail)
    assert int(answer.headers["Retry-After"]) > 0


def test_every_other_page_is_answered_meanwhile(
    runtime: Runtime, browser: Browser, request: pytest.FixtureRequest
) -> None:
    client = browser()
    people.sign_in(client, make_person(runtime, "reader"))
    request.getfixturevalue("full")

    assert client.get("/account").status_code == 200
    assert browser().get("/sign-in").status_code == 200
    assert post(browser(), "/sign-in/passkey", credential="{}").status_code == 401


@pytest.mark.usefixtures("full")
def test_a_sign_in_that_was_not_looked_at_counts_no_attempt(runtime: Runtime) -> None:
    make_person(runtime, "person")
    before = counted(runtime)

    with pytest.raises(Problem) as refused:
        check_password(runtime, visitor(), Credentials("person", PASSWORD))

    assert refused.value.code is ProblemCode.BUSY
    assert counted(runtime) == before


@pytest.mark.usefixtures("full")
def test_nobody_learns_from_it_who_has_an_account(runtime: Runtime, browser: Browser) -> None:
    make_person(runtime, "known")

    answers = [
        browser().post("/sign-in", data={"account": name, "password": "wrong"})
        for name in ("known", "unknown")
    ]

    assert len({(one.status_code, one.text, str(one.headers)) for one in answers}) == 1
