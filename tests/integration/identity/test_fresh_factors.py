"""Nobody changes factors who has not just shown one: not with a password, nor at an open screen."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from typing import Any

import pyotp
import pytest
from flask.testing import FlaskClient
from sqlalchemy import update

from gateway.clock import FixedClock
from gateway.demo.authenticator import Authenticator
from gateway.errors import Problem
from gateway.identity import service_factors, service_fresh, service_second, wiring
from gateway.identity.factors import factors_of
from gateway.identity.models import Acr, Person, SessionChannel, SignInSession
from gateway.identity.service_fresh import Given, Self
from gateway.identity.service_people import close
from gateway.identity.service_second import Shown, pend
from gateway.identity.service_sessions import Opening
from gateway.jobs.worker import Worker
from gateway.journal import Act, Actor
from gateway.runtime import Runtime
from tests.integration.identity.test_factors import (
    SECRET,
    add_app,
    add_passkey,
    options,
    session_row,
)
from tests.people import PASSWORD, acting_as, post, visitor

Browser = Callable[..., FlaskClient]
QUARTER = timedelta(minutes=15)
APP, KEY = "/account/factors/add-app", "/account/factors/add-passkey"
CONFIRM = "/account/factors/app"
CODES, GONE = "/account/factors/new-codes", "/account/factors/remove-app"


def factors(runtime: Runtime, one: Person) -> tuple[int, bool, int]:
    with runtime.db.read() as session:
        found = factors_of(session, one.id)
        return len(found.passkeys), found.one_time is not None, found.codes_left


def of(runtime: Runtime, one: Person) -> Self:
    return Self(acting_as(one), session_row(runtime, one).id)


def step_up(client: FlaskClient, key: Authenticator) -> None:
    answer = key.get(options(client.get("/account/step-up")))
    assert post(client, "/account/step-up", credential=answer).status_code == 303


@pytest.mark.parametrize("path", [KEY, CODES, GONE])
def test_a_password_alone_changes_nothing_where_there_is_an_app(
    runtime: Runtime, clock: FixedClock, holder: Person, home: FlaskClient, path: str
) -> None:
    app, _codes = add_app(home, clock)
    clock.advance(QUARTER)
    before = factors(runtime, holder)

    without = post(home, path, password=PASSWORD)
    wrong = post(home, path, password=PASSWORD, code="000000")
    after = factors(runtime, holder)
    right = post(home, path, password=PASSWORD, code=app.at(clock.now()))

    assert [without.status_code, wrong.status_code] == [422, 422]
    assert "data-options" not in without.text + wrong.text
    assert before == after == (0, True, 10)
    assert right.status_code in {200, 303}, right.text


def test_a_code_that_was_shown_before_a_change_is_used_up_and_an_event(
    clock: FixedClock, home: FlaskClient, events: list[Any]
) -> None:
    app, _codes = add_app(home, clock)
    clock.advance(QUARTER)
    code = app.at(clock.now())
    first = post(home, KEY, password=PASSWORD, code=code)
    clock.advance(QUARTER)
    again = post(home, KEY, password=PASSWORD, code=code)

    assert (first.status_code, again.status_code) == (200, 422)
    assert [each.action for each in events].count(Act.SESSION_FACTOR_SHOWN) == 1


def test_within_the_quarter_of_an_hour_the_code_is_not_asked_again(
    clock: FixedClock, home: FlaskClient
) -> None:
    add_app(home, clock)
    clock.advance(QUARTER - timedelta(seconds=31))
    inside = post(home, CODES, password=PASSWORD)
    clock.advance(timedelta(seconds=1))
    outside = post(home, CODES, password=PASSWORD)

    assert (inside.status_code, outside.status_code) == (200, 422)


def test_a_one_time_password_does_not_touch_an_account_with_a_passkey(
    runtime: Runtime, clock: FixedClock, holder: Person, home: FlaskClient
) -> None:
    app, codes = add_app(home, clock)
    add_passkey(home)
    clock.advance(QUARTER)

    weak = post(home, KEY, password=PASSWORD, code=app.at(clock.now()))
    recovery = post(home, KEY, password=PASSWORD, code=codes[0])

    assert (weak.status_code, recovery.status_code) == (422, 200)
    assert factors(runtime, holder) == (1, True, 9)


def test_signing_in_with_an_app_is_not_enough_where_there_is_a_passkey(
    clock: FixedClock, holder: Person, home: FlaskClient, browser: Browser
) -> None:
    app, codes = add_app(home, clock)
    add_passkey(home)
    elsewhere, lost = browser(), browser()
    for client, code in ((elsewhere, app.at(clock.now())), (lost, codes[0])):
        post(client, "/sign-in", account=holder.account, password=PASSWORD)
        assert post(client, "/sign-in/second", code=code).status_code == 303

    assert post(elsewhere, KEY, password=PASSWORD).status_code == 422
    # Whoever lost the passkey comes in with a recovery code, and may then make a new one.
    assert post(lost, KEY, password=PASSWORD).status_code == 200


@pytest.mark.parametrize("language", ["ko", "en"])
def test_a_passkey_that_was_used_lately_lets_change_and_the_page_leads_to_it(
    clock: FixedClock, home: FlaskClient, language: str
) -> None:
    key = add_passkey(home)
    clock.advance(QUARTER)
    page = home.get(f"{KEY}?lang={language}").text
    refused = post(home, APP, password=PASSWORD)
    step_up(home, key)

    assert f'href="/account/step-up?next={KEY}"' in page
    assert refused.status_code == 422
    assert post(home, APP, password=PASSWORD).status_code == 200
    assert "/account/step-up?next=" not in home.get(KEY).text


def test_what_was_begun_too_long_ago_is_not_finished(
    runtime: Runtime, clock: FixedClock, holder: Person, home: FlaskClient
) -> None:
    add_passkey(home)
    app = begun(home)
    clock.advance(QUARTER)
    late = post(home, CONFIRM, secret=app.secret, code=app.at(clock.now()))

    assert late.status_code == 409
    assert factors(runtime, holder)[1] is False


def begun(client: FlaskClient) -> pyotp.TOTP:
    """An app whose secret the page has shown, and which waits for its first code."""
    page = post(client, APP, password=PASSWORD)
    found = SECRET.search(page.text)
    assert found, page.text
    return pyotp.TOTP(found.group(1))


def test_a_stolen_session_never_sees_the_secret_that_waits(
    runtime: Runtime, clock: FixedClock, holder: Person, home: FlaskClient
) -> None:
    app = begun(home)

    blind = post(home, CONFIRM, code="000000")
    guessed = post(home, CONFIRM, secret=pyotp.random_base32(), code=app.at(clock.now()))
    code_alone = post(home, CONFIRM, code=app.at(clock.now()))

    for answer in (blind, guessed, code_alone):
        assert answer.status_code == 409
        assert app.secret not in answer.text
    assert factors(runtime, holder)[1] is False


def test_whoever_saw_the_secret_may_mistype_its_first_code(
    clock: FixedClock, home: FlaskClient
) -> None:
    app = begun(home)

    wrong = post(home, CONFIRM, secret=app.secret, code="000000")

    assert (wrong.status_code, app.secret in wrong.text) == (422, True)
    assert post(home, CONFIRM, secret=app.secret, code=app.at(clock.now())).status_code == 200


def test_a_session_that_a_password_opened_adds_nothing_to_an_account_with_an_app(
    runtime: Runtime, clock: FixedClock, holder: Person, home: FlaskClient
) -> None:
    add_app(home, clock)
    with runtime.db.write() as session:
        mine = update(SignInSession).where(SignInSession.person_id == holder.id)
        session.execute(mine.values(acr=Acr.PASSWORD, factor_shown="", factor_shown_at=None))

    assert post(home, KEY, password=PASSWORD).status_code == 422


def test_an_ended_session_changes_nothing(
    runtime: Runtime, clock: FixedClock, holder: Person, home: FlaskClient
) -> None:
    add_app(home, clock)
    me = of(runtime, holder)
    with runtime.db.write() as session:
        mine = update(SignInSession).where(SignInSession.id == me.session_id)
        session.execute(mine.values(ended_at=clock.now()))

    with pytest.raises(Problem, match="validation_failed"):
        service_factors.renew_codes(runtime, me, Given(PASSWORD))


def test_of_parallel_changes_with_one_code_exactly_one_shows_it(
    runtime: Runtime,
    clock: FixedClock,
    holder: Person,
    home: FlaskClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app, _codes = add_app(home, clock)
    clock.advance(QUARTER)
    for kind in service_fresh.Kind:
        monkeypatch.setitem(service_fresh.throttle.FREE_ATTEMPTS, kind, 1_000)
    # Each attempt starts from a session that has shown nothing lately.
    monkeypatch.setattr(service_fresh, "is_fresh", lambda *_given: False)
    me, given = of(runtime, holder), Given(PASSWORD, app.at(clock.now()))

    def attempt(_number: int) -> bool:
        try:
            service_fresh.ask(runtime, me, Act.FACTOR_ADDED, given)
        except Problem:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(50))) == 1


def test_codes_are_counted_when_they_are_guessed_here(clock: FixedClock, home: FlaskClient) -> None:
    add_app(home, clock)
    clock.advance(QUARTER)

    tried = [post(home, KEY, password=PASSWORD, code="000000").status_code for _ in range(6)]

    assert tried == [422] * 5 + [429]


def letters(runtime: Runtime) -> list[Any]:
    """The mails that go out, oldest first, once the worker has run."""
    Worker(runtime.db, runtime.clock, wiring.handlers(runtime)).drain()
    found = sorted((runtime.settings.home / "outbox").glob("factors-*"))
    return [message_from_bytes(path.read_bytes(), policy=default) for path in found]


def test_every_change_is_told_by_mail_in_both_languages(
    runtime: Runtime, clock: FixedClock, holder: Person, home: FlaskClient
) -> None:
    add_app(home, clock)
    add_passkey(home)
    post(home, CODES, password=PASSWORD)
    with runtime.db.read() as session:
        key = factors_of(session, holder.id).passkeys[0].id
    post(home, f"/account/passkeys/{key}/remove", password=PASSWORD)
    service_factors.reset_factors(runtime, Actor.operator(), holder.id, "전화로 확인했습니다.")

    told = letters(runtime)

    assert {str(each["To"].addresses[0].addr_spec) for each in told} == {holder.email}
    bodies = [each.get_content() for each in told]
    for body, (ko, en) in zip(
        bodies,
        [
            ("인증 앱을 추가", "authenticator app was added"),
            ("패스키를 추가", "passkey was added"),
            ("복구 코드를 새로", "New recovery codes"),
            ("패스키를 삭제", "passkey was removed"),
            ("운영자가", "An operator removed"),
        ],
        strict=True,
    ):
        assert ko in body
        assert en in body
        assert "http://localhost:8400/account" in body


def test_a_closed_account_gets_no_letter(
    runtime: Runtime, clock: FixedClock, holder: Person, home: FlaskClient
) -> None:
    add_app(home, clock)
    close(runtime, Actor.operator(), holder.id, "본인이 요청했습니다. 닫습니다.")

    assert letters(runtime) == []


def test_a_sign_in_that_began_at_a_provider_says_so(
    runtime: Runtime, clock: FixedClock, holder: Person, home: FlaskClient
) -> None:
    app, _codes = add_app(home, clock)
    how = Opening("laptop", SessionChannel.BROWSER, amr="fed", detail={"provider": "orcid"})
    with runtime.db.write() as session:
        pending = pend(session, runtime, session.get_one(Person, holder.id), how)

    service_second.finish(runtime, visitor(), pending.token, Shown(app.at(clock.now())))

    row = session_row(runtime, holder)
    assert (row.acr, row.amr, row.factor_shown) == (Acr.MFA, "fed otp", "otp")
