"""Second factors: each proof counts once, for one person, in one browser, for one purpose."""

from __future__ import annotations

import dataclasses
import html
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pyotp
import pytest
from cryptography.exceptions import InvalidTag
from flask.testing import FlaskClient
from sqlalchemy import select

from gateway.clock import FixedClock
from gateway.demo.authenticator import Authenticator
from gateway.errors import Problem, ProblemCode
from gateway.identity import service_factors, service_second
from gateway.identity.models import Acr, Person, Role, SessionChannel, SignInSession
from gateway.identity.models_factors import OneTimePassword, Passkey
from gateway.identity.service_credentials import Credentials
from gateway.identity.service_second import Pending, Shown
from gateway.identity.service_sessions import sign_in
from gateway.runtime import Runtime
from tests import people, world
from tests.people import PASSWORD, make_person, post, visitor

Browser = Callable[..., FlaskClient]
OPTIONS = re.compile(r'data-options="([^"]+)"')
ASK = re.compile(r'href="(/account/factors/add-passkey[^"]*)"')
CODES = re.compile(r"<li><code>([A-Z2-7-]+)</code>")
SECRET = re.compile(r"<code>([A-Z2-7]{32})</code>")


def options(page: Any) -> str:
    found = OPTIONS.search(page.text)
    assert found, page.text
    return html.unescape(found.group(1))


def add_app(client: FlaskClient, clock: FixedClock) -> tuple[pyotp.TOTP, list[str]]:
    """Set up an authenticator app in the browser; its first code is used up."""
    page = post(client, "/account/factors/add-app", password=PASSWORD)
    found = SECRET.search(page.text)
    assert found, page.text
    app = pyotp.TOTP(found.group(1))
    done = post(client, "/account/factors/app", secret=app.secret, code=app.at(clock.now()))
    assert done.status_code == 200, done.text
    clock.advance(timedelta(seconds=30))
    return app, CODES.findall(done.text)


def add_passkey(client: FlaskClient, **claims: Any) -> Authenticator:
    key = Authenticator(**claims)
    begun = post(client, "/account/factors/add-passkey", password=PASSWORD)
    answer = key.create(options(begun))
    stored = post(client, "/account/factors/passkey", name="노트북", credential=answer)
    assert stored.status_code in {200, 303}, stored.text
    return key


def with_passkey(client: FlaskClient, key: Authenticator) -> Any:
    answer = key.get(options(client.get("/sign-in")))
    return post(client, "/sign-in/passkey", credential=answer)


def first_step(client: FlaskClient, one: Person) -> Any:
    return post(client, "/sign-in", account=one.account, password=PASSWORD)


def signed_in(client: FlaskClient) -> bool:
    return client.get("/account").status_code == 200


def session_row(runtime: Runtime, one: Person) -> SignInSession:
    with runtime.db.read() as session:
        newest = select(SignInSession).where(SignInSession.person_id == one.id)
        return session.scalars(newest.order_by(SignInSession.id.desc()).limit(1)).one()


def raced(times: int, attempt: Callable[[], bool]) -> int:
    """How many of eight parallel attempts won, over `times` attempts."""
    with ThreadPoolExecutor(8) as pool:
        return sum(pool.map(lambda _number: attempt(), range(times)))


def test_a_password_alone_opens_nothing_once_a_factor_is_set_up(
    runtime: Runtime, clock: FixedClock, holder: Person, home: FlaskClient, browser: Browser
) -> None:
    app, _codes = add_app(home, clock)
    other = browser()

    answer = first_step(other, holder)

    assert answer.headers["Location"].startswith("/sign-in/second")
    assert not signed_in(other)
    assert post(other, "/sign-in/second?next=/", code=app.at(clock.now())).status_code == 303
    assert signed_in(other)
    row = session_row(runtime, holder)
    assert (row.acr, row.amr, row.stepped_up_at) == (Acr.MFA, "pwd otp", None)


def test_the_first_factor_ends_sessions_that_a_password_opened(
    clock: FixedClock, holder: Person, home: FlaskClient, browser: Browser
) -> None:
    elsewhere = browser()
    people.sign_in(elsewhere, holder)

    add_app(home, clock)

    assert signed_in(home)
    assert not signed_in(elsewhere)


def test_adding_a_factor_asks_for_the_password(home: FlaskClient) -> None:
    for change in ("add-app", "add-passkey"):
        answer = post(home, f"/account/factors/{change}", password="wrong wrong wrong")
        assert answer.status_code == 422
        assert "data-options" not in answer.text


def test_the_secret_is_sealed_and_bound_to_its_person(
    runtime: Runtime, clock: FixedClock, holder: Person, home: FlaskClient
) -> None:
    app, _codes = add_app(home, clock)
    with runtime.db.read() as session:
        sealed = session.get_one(OneTimePassword, holder.id).sealed

    assert app.secret.encode() not in sealed
    with pytest.raises(InvalidTag):
        service_factors.proofs.unseal(runtime, make_person(runtime, "other").id, sealed)


def test_a_step_counts_once_and_never_an_earlier_one(
    clock: FixedClock, holder: Person, home: FlaskClient, browser: Browser
) -> None:
    app, _codes = add_app(home, clock)
    code, earlier = app.at(clock.now()), app.at(clock.now() - timedelta(seconds=30))
    used, late = browser(), browser()
    first_step(used, holder)
    assert post(used, "/sign-in/second", code=code).status_code == 303
    first_step(late, holder)

    assert [post(late, "/sign-in/second", code=each).status_code for each in (code, earlier)] == [
        401,
        401,
    ]
    assert not signed_in(late)


def test_a_recovery_code_opens_once_says_so_and_is_an_event(
    clock: FixedClock, holder: Person, home: FlaskClient, browser: Browser, events: list[Any]
) -> None:
    _app, codes = add_app(home, clock)
    assert len(set(codes)) == 10
    once, again = browser(), browser()
    first_step(once, holder)
    post(once, "/sign-in/second", code=codes[0].lower().replace("-", " "))
    first_step(again, holder)

    assert "복구 코드 하나를 썼습니다" in once.get("/account").text
    assert "recovery_code.used" in [event.action for event in events]
    assert post(again, "/sign-in/second", code=codes[0]).status_code == 401


def test_the_used_recovery_code_is_told_in_the_language_of_the_account(
    runtime: Runtime, clock: FixedClock, holder: Person, home: FlaskClient, browser: Browser
) -> None:
    _app, codes = add_app(home, clock)
    world.change(runtime, Person, holder.id, locale="en")
    client = browser()
    first_step(client, holder)

    post(client, "/sign-in/second", code=codes[0])

    assert "A recovery code was used up" in client.get("/account").text


def test_another_persons_recovery_code_opens_nothing(
    runtime: Runtime, clock: FixedClock, holder: Person, home: FlaskClient, browser: Browser
) -> None:
    thief, theirs = make_person(runtime, "thief"), browser()
    people.sign_in(theirs, thief)
    _app, codes = add_app(theirs, clock)
    add_app(home, clock)
    attacking = browser()
    first_step(attacking, holder)

    assert post(attacking, "/sign-in/second", code=codes[0]).status_code == 401


def test_a_pending_sign_in_runs_out_after_five_minutes(
    clock: FixedClock, holder: Person, home: FlaskClient, browser: Browser
) -> None:
    app, _codes = add_app(home, clock)
    late = browser()
    first_step(late, holder)
    clock.advance(timedelta(minutes=5))

    answer = post(late, "/sign-in/second", code=app.at(clock.now()))

    assert answer.headers["Location"] == "/sign-in"
    assert not signed_in(late)


@pytest.mark.parametrize("kind", ["one_time", "recovery"])
def test_of_parallel_second_steps_exactly_one_wins(
    runtime: Runtime,
    clock: FixedClock,
    holder: Person,
    home: FlaskClient,
    kind: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app, codes = add_app(home, clock)
    for kind_counted in service_second.Kind:
        monkeypatch.setitem(service_second.throttle.FREE_ATTEMPTS, kind_counted, 1_000)
    code = app.at(clock.now()) if kind == "one_time" else codes[0]

    def attempt() -> bool:
        begun = service_second.begin(runtime, visitor(), Credentials(holder.account, PASSWORD))
        assert isinstance(begun, Pending)
        try:
            service_second.finish(runtime, visitor(), begun.token, Shown(code))
        except Problem:
            return False
        return True

    assert raced(50, attempt) == 1


def test_one_pending_sign_in_opens_one_session_however_often_it_is_answered(
    runtime: Runtime, clock: FixedClock, holder: Person, home: FlaskClient
) -> None:
    _app, codes = add_app(home, clock)
    begun = service_second.begin(runtime, visitor(), Credentials(holder.account, PASSWORD))
    assert isinstance(begun, Pending)
    token, left = begun.token, list(codes)

    def attempt() -> bool:
        try:
            service_second.finish(runtime, visitor(), token, Shown(left.pop()))
        except Problem:
            return False
        return True

    assert raced(8, attempt) == 1
    with runtime.db.read() as session:
        # Whoever lost has not used up a recovery code either.
        assert service_factors.factors_of(session, holder.id).codes_left == 9


def test_guessing_codes_is_blocked_by_person_from_any_address(
    clock: FixedClock, holder: Person, home: FlaskClient, browser: Browser
) -> None:
    add_app(home, clock)
    answers = []
    for number in range(7):
        client = browser(f"10.0.0.{number}")
        first_step(client, holder)
        answers.append(post(client, "/sign-in/second", code="000000").status_code)

    assert answers[:5] == [401] * 5
    assert answers[5:] == [429, 429]


def test_a_wrong_password_gets_one_answer_with_and_without_a_factor(
    runtime: Runtime, clock: FixedClock, home: FlaskClient, browser: Browser
) -> None:
    make_person(runtime, "plain")
    add_app(home, clock)

    pages = [
        post(browser(), "/sign-in", account=name, password="wrong wrong wrong")
        for name in ("holder", "plain", "nobody")
    ]

    def same(page: Any) -> str:
        text = OPTIONS.sub("", people.TOKEN.sub("", page.text))
        return re.sub(r'value="(holder|plain|nobody)"', "", text)

    assert {page.status_code for page in pages} == {401}
    assert len({same(page) for page in pages}) == 1


def test_the_client_needs_the_code_and_is_told_so(
    clock: FixedClock, home: FlaskClient, client: FlaskClient
) -> None:
    app, _codes = add_app(home, clock)
    body = {"account": "holder", "password": PASSWORD}
    without = client.post("/api/v1/session", json=body)
    wrong = client.post("/api/v1/session", json=body | {"code": "000000"})
    right = client.post("/api/v1/session", json=body | {"code": app.at(clock.now())})

    assert (without.status_code, without.json["code"]) == (401, "second_factor_required")
    assert (wrong.status_code, wrong.json["code"]) == (401, "sign_in_failed")
    assert "passkey" not in wrong.json["detail"]
    assert "패스키" not in wrong.json["detail"]
    assert right.status_code == 201


def test_a_password_alone_opens_no_session_in_the_service_either(
    runtime: Runtime, clock: FixedClock, home: FlaskClient
) -> None:
    add_app(home, clock)

    with pytest.raises(Problem) as refused:
        sign_in(runtime, visitor(), Credentials("holder", PASSWORD), SessionChannel.CLIENT)

    assert refused.value.code is ProblemCode.SECOND_FACTOR_REQUIRED


def test_recovery_of_the_password_does_not_go_around_the_factor(
    runtime: Runtime, clock: FixedClock, holder: Person, home: FlaskClient, browser: Browser
) -> None:
    from gateway.identity.service_passwords import issue_recovery
    from gateway.journal import Actor

    add_app(home, clock)
    address = issue_recovery(runtime, Actor.operator(), holder.id)
    new, other = "새로 정한 열쇠말 2026", browser()
    post(other, f"/recover/{address.token}", password=new, repeated=new)

    answer = post(other, "/sign-in", account="holder", password=new)

    assert answer.headers["Location"].startswith("/sign-in/second")
    assert not signed_in(other)


def test_a_passkey_signs_in_by_itself_and_its_session_says_so(
    runtime: Runtime, holder: Person, home: FlaskClient, browser: Browser, clock: FixedClock
) -> None:
    key, other = add_passkey(home), browser()

    assert with_passkey(other, key).status_code == 303
    assert signed_in(other)
    row = session_row(runtime, holder)
    assert (row.acr, row.amr, row.stepped_up_at) == (Acr.PHR, "pop user", clock.now())


def test_a_passkeys_answer_counts_once(home: FlaskClient, browser: Browser) -> None:
    key, other = add_passkey(home), browser()
    # One that does not count, so that only the challenge stands against the replay.
    answer = dataclasses.replace(key, count=-1).get(options(other.get("/sign-in")))
    first = post(other, "/sign-in/passkey", credential=answer)
    post(other, "/sign-out")

    assert first.status_code == 303
    assert post(other, "/sign-in/passkey", credential=answer).status_code == 401
    assert not signed_in(other)


@pytest.mark.parametrize(
    "lie",
    [
        {"origin": "https://evil.example"},
        {"origin": "http://localhost:9999"},
        {"rp_id": "evil.example"},
        {"verified": False},
        {"handle": "bm9ib2R5"},
        {"credential": b"unknown credential of nobody...."},
    ],
)
def test_a_lie_of_the_authenticator_is_refused(
    home: FlaskClient, browser: Browser, lie: dict[str, Any]
) -> None:
    key, other = add_passkey(home), browser()

    assert with_passkey(other, dataclasses.replace(key, **lie)).status_code == 401
    assert not signed_in(other)


def test_another_key_under_the_same_name_is_refused(home: FlaskClient, browser: Browser) -> None:
    key, other = add_passkey(home), browser()
    forged = dataclasses.replace(key, key=Authenticator().key)

    assert with_passkey(other, forged).status_code == 401


def test_a_counter_that_went_back_is_refused(home: FlaskClient, browser: Browser) -> None:
    key = add_passkey(home)
    with_passkey(browser(), dataclasses.replace(key, count=9))
    cloned = browser()

    assert with_passkey(cloned, dataclasses.replace(key, count=4)).status_code == 401
    assert with_passkey(cloned, dataclasses.replace(key, count=9)).status_code == 401
    assert not signed_in(cloned)


def test_a_challenge_of_another_browser_or_another_use_is_refused(
    home: FlaskClient, browser: Browser
) -> None:
    key, one, two = add_passkey(home), browser(), browser()
    two.get("/sign-in")
    elsewhere = key.get(options(one.get("/sign-in")))
    stepping = key.get(options(home.get("/account/step-up")))

    assert post(two, "/sign-in/passkey", credential=elsewhere).status_code == 401
    assert post(two, "/sign-in/passkey", credential=stepping).status_code == 401


def test_a_challenge_runs_out_after_five_minutes(
    home: FlaskClient, browser: Browser, clock: FixedClock
) -> None:
    key, late = add_passkey(home), browser()
    answer = key.get(options(late.get("/sign-in")))
    clock.advance(timedelta(minutes=5))

    assert post(late, "/sign-in/passkey", credential=answer).status_code == 401


@pytest.mark.parametrize(
    "broken", ["x", "{}", "[]", '{"id": 1}', "[" * 4_000, '{"response": null}']
)
def test_what_is_no_answer_of_a_passkey_is_a_plain_no(browser: Browser, broken: str) -> None:
    client = browser()
    client.get("/sign-in")

    assert post(client, "/sign-in/passkey", credential=broken).status_code == 401


def test_whoever_sets_up_a_passkey_for_step_up_comes_back_to_where_they_were(
    home: FlaskClient,
) -> None:
    page = home.get("/account/step-up?next=/access").text
    asked = html.unescape(ASK.findall(page)[0])

    home.get(asked)
    key = Authenticator()
    begun = post(home, "/account/factors/add-passkey", password=PASSWORD)
    stored = post(
        home, "/account/factors/passkey", name="노트북", credential=key.create(options(begun))
    )

    assert 'href="/account/step-up?next=/access"' in html.unescape(stored.text)
    home.get(asked.replace("/access", "//evil.example/"))
    assert "evil.example" not in post(home, "/account/factors/new-codes", password=PASSWORD).text


def test_step_up_is_noted_in_this_session_only(
    runtime: Runtime, holder: Person, home: FlaskClient, clock: FixedClock, events: list[Any]
) -> None:
    key = add_passkey(home)
    assert session_row(runtime, holder).stepped_up_at is None

    answer = key.get(options(home.get("/account/step-up?next=/access")))
    done = post(home, "/account/step-up", credential=answer, next="/access")

    assert done.headers["Location"] == "/access"
    assert session_row(runtime, holder).stepped_up_at == clock.now()
    assert "session.stepped_up" in [event.action for event in events]


def test_whoever_stole_a_session_does_not_step_up_with_its_owner(
    home: FlaskClient, browser: Browser
) -> None:
    key, thief = add_passkey(home), browser()
    stolen = home.get_cookie("sumun_session")
    assert stolen
    thief.set_cookie("sumun_session", stolen.value)
    assert signed_in(thief)

    post(home, "/account/step-up", credential=key.get(options(home.get("/account/step-up"))))

    assert signed_in(home)
    assert not signed_in(thief)
    assert home.get_cookie("sumun_session") != stolen


def test_a_passkey_of_somebody_else_is_no_second_step(
    runtime: Runtime, holder: Person, home: FlaskClient, browser: Browser
) -> None:
    add_passkey(home)
    theirs, attacking = browser(), browser()
    people.sign_in(theirs, make_person(runtime, "thief"))
    foreign = add_passkey(theirs)
    first_step(attacking, holder)
    asked = options(attacking.get("/sign-in/second"))

    for key in (foreign, dataclasses.replace(foreign, handle="")):
        answer = post(attacking, "/sign-in/second", credential=key.get(asked))
        assert answer.status_code == 401
    assert not signed_in(attacking)


def test_a_passkey_under_the_handle_of_another_account_is_refused(
    runtime: Runtime, home: FlaskClient, browser: Browser
) -> None:
    key, other = add_passkey(home), browser()
    people.sign_in(other, make_person(runtime, "victim"))
    victims = add_passkey(other)
    attacking = browser()

    lied = dataclasses.replace(key, handle=victims.handle)

    assert with_passkey(attacking, lied).status_code == 401
    assert not signed_in(attacking)


def test_somebody_elses_passkey_does_not_step_up(
    runtime: Runtime, home: FlaskClient, browser: Browser
) -> None:
    add_passkey(home)
    other = browser()
    people.sign_in(other, make_person(runtime, "other"))
    foreign = add_passkey(other)

    answer = foreign.get(options(home.get("/account/step-up")))

    assert post(home, "/account/step-up", credential=answer).status_code == 422


def test_several_passkeys_are_named_and_removed_by_their_owner_only(
    runtime: Runtime, holder: Person, home: FlaskClient, browser: Browser
) -> None:
    first, second = add_passkey(home), add_passkey(home)
    with runtime.db.read() as session:
        rows = list(session.scalars(select(Passkey).where(Passkey.person_id == holder.id)))
    gone = next(row for row in rows if row.credential_id == first.credential)
    other = browser()
    people.sign_in(other, make_person(runtime, "other"))
    path = f"/account/passkeys/{gone.id}/remove"

    assert post(other, path, password=PASSWORD).status_code == 404
    assert post(home, path, password="wrong wrong wrong").status_code == 422
    assert post(home, path, password=PASSWORD).status_code == 303
    assert with_passkey(browser(), first).status_code == 401
    assert with_passkey(browser(), second).status_code == 303


def test_every_form_needs_its_token(home: FlaskClient) -> None:
    for path in (
        "/sign-in/second", "/sign-in/passkey", "/account/step-up", "/account/factors/add-app",
        "/account/factors/add-passkey", "/account/factors/app", "/account/factors/passkey",
        "/account/factors/remove-app", "/account/factors/new-codes",
        "/account/sessions/end-others",
    ):  # fmt: skip
        assert home.post(path, data={"password": PASSWORD}).status_code == 400, path


def test_the_operator_resets_factors_with_a_reason_and_every_session_ends(
    runtime: Runtime, clock: FixedClock, holder: Person, home: FlaskClient, events: list[Any]
) -> None:
    from gateway.journal import Actor

    add_app(home, clock)
    with pytest.raises(Problem):
        service_factors.reset_factors(runtime, Actor.operator(), holder.id, " ")

    service_factors.reset_factors(runtime, Actor.operator(), holder.id, "휴대전화를 잃어버림")

    assert not signed_in(home)
    assert events[-1].action == "factors.reset"
    people.sign_in(home, holder)


def test_all_other_sessions_end_at_once(
    holder: Person, home: FlaskClient, browser: Browser
) -> None:
    elsewhere = browser()
    people.sign_in(elsewhere, holder)

    post(home, "/account/sessions/end-others")

    assert signed_in(home)
    assert not signed_in(elsewhere)


@pytest.fixture
def strict(runtime: Runtime) -> Runtime:
    """A gateway as it is by default: staff must use a second factor."""
    object.__setattr__(
        runtime,
        "settings",
        runtime.settings.model_copy(update={"staff_second_factor": "required"}),
    )
    return runtime


def test_staff_roles_rest_until_a_second_factor_is_shown(
    strict: Runtime, browser: Any, clock: FixedClock
) -> None:
    steward = people.make_person(strict, "steward")
    people.grant(strict, steward, Role.STEWARD)
    client = browser()
    people.sign_in(client, steward)

    refused = client.get("/attestations", headers={"Accept": "application/json"})
    told = client.get("/account?lang=en").text
    app, _codes = add_app(client, clock)

    assert (refused.status_code, refused.json["code"]) == (403, "staff_factor_missing")
    assert "Your staff roles rest" in told
    assert client.get("/attestations").status_code == 200
    assert app


def test_staff_roles_rest_in_the_api_and_in_services_too(strict: Runtime, browser: Any) -> None:
    auditor = people.make_person(strict, "auditor")
    people.grant(strict, auditor, Role.AUDITOR)

    me = browser().get("/api/v1/me", headers=people.bearer(browser(), auditor)).json

    assert me["roles"] == []
