"""Accounts: sign up, see and correct, passwords and recovery, suspend and close."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from gateway.clock import FixedClock
from gateway.errors import Problem, ProblemCode
from gateway.identity.models import AttestationKind, Person, PersonStatus, Role, SiteConsent
from gateway.identity.service_attestations import (
    NewAttestation,
    add_attestation,
    check_attestation,
)
from gateway.identity.service_passwords import RECOVERY_LIFETIME, issue_recovery, use_recovery
from gateway.identity.service_people import close, find_by_account, get_person
from gateway.identity.site_documents import SiteDocument, text_of
from gateway.journal import Actor
from gateway.runtime import Runtime
from tests import people
from tests.people import PASSWORD, acting_as, bearer, grant, make_person, post, visitor

Browser = Callable[..., FlaskClient]
NEW_PASSWORD = "새로 정한 긴 문장 2027"


def form(**changes: str) -> dict[str, str]:
    """A sign-up form filled in correctly, then changed."""
    right = {
        "account": "minji",
        "name": "김민지",
        "email": "minji@example.org",
        "country": "KR",
        "national": "yes",
        "password": PASSWORD,
        "repeated": PASSWORD,
        "terms": "true",
        "privacy": "true",
        "terms_sha256": text_of(SiteDocument.TERMS).sha256,
        "privacy_sha256": text_of(SiteDocument.PRIVACY).sha256,
    }
    return {key: value for key, value in (right | changes).items() if value}


def stored(runtime: Runtime, account: str) -> Person | None:
    with runtime.db.read() as session:
        return find_by_account(session, account)


def signed_in(client: FlaskClient) -> bool:
    return client.get("/account").status_code == 200


def test_signing_up_makes_the_account_records_consent_and_signs_in(
    runtime: Runtime, browser: Browser, events: list[Any]
) -> None:
    client = browser()

    answer = post(client, "/sign-up", **form(account="MinJi"))

    person = stored(runtime, "minji")
    assert person
    assert (answer.status_code, person.name, person.korean_national) == (303, "김민지", True)
    with runtime.db.read() as session:
        hashes = set(session.scalars(select(SiteConsent.sha256)))
    assert hashes == {text_of(document).sha256 for document in SiteDocument}
    assert [event.action for event in events] == ["person.signed_up", "session.started"]
    assert events[0].personal == {"account": "minji", "name": "김민지"}
    assert signed_in(client)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("account", ""),
        ("account", "한글계정"),
        ("name", ""),
        ("email", "not-an-address"),
        ("country", "ZZ"),
        ("national", "maybe"),
        ("password", "short"),
        ("repeated", "not the same at all"),
        ("terms", ""),
        ("privacy", "no"),
        ("terms_sha256", "nothing"),
        ("is_admin", "true"),
    ],
)
def test_a_bad_sign_up_comes_back_with_what_was_typed_and_makes_nothing(
    runtime: Runtime, browser: Browser, field: str, value: str
) -> None:
    answer = post(browser(), "/sign-up", **form(**{field: value}))

    assert answer.status_code == 422
    assert 'id="errors"' in answer.text
    assert PASSWORD not in answer.text
    assert stored(runtime, "minji") is None


def test_a_text_that_changed_while_it_was_read_is_asked_for_again(
    runtime: Runtime, browser: Browser
) -> None:
    answer = post(browser(), "/sign-up", **form(terms_sha256="0" * 64))

    assert answer.status_code == 409
    assert stored(runtime, "minji") is None


def test_a_taken_account_is_refused_in_any_spelling(runtime: Runtime, browser: Browser) -> None:
    first = make_person(runtime, "minji")

    answer = post(browser(), "/sign-up", **form(account="MINJI"))

    found = stored(runtime, "minji")
    assert answer.status_code == 409
    assert found
    assert found.id == first.id


def test_one_address_cannot_make_accounts_without_end(browser: Browser) -> None:
    client = browser("10.1.1.1")
    token = people.csrf(client)

    codes = []
    for number in range(22):
        fields = form(account=f"person{number}", csrf_token=token)
        codes.append(browser_sign_up(client, fields))

    assert 429 in codes


def browser_sign_up(client: FlaskClient, fields: dict[str, str]) -> int:
    client.delete_cookie("sumun_session")
    fields["csrf_token"] = people.csrf(client)
    return client.post("/sign-up", data=fields).status_code


def test_someone_made_on_the_host_is_asked_to_accept_the_documents(
    runtime: Runtime, browser: Browser
) -> None:
    person, client = make_person(runtime, "person"), browser()
    first = post(client, "/sign-in", account=person.account, password=PASSWORD)
    fields = {key: value for key, value in form().items() if key.startswith(("terms", "privacy"))}

    accepted = post(client, "/account/documents?next=/orgs", **fields)
    post(client, "/sign-out")
    again = post(client, "/sign-in", account=person.account, password=PASSWORD)

    assert first.headers["Location"].startswith("/account/documents")
    assert accepted.headers["Location"] == "/orgs"
    assert again.headers["Location"] == "/"


def test_people_correct_their_own_data(runtime: Runtime, browser: Browser) -> None:
    person, client = make_person(runtime, "person"), browser()
    people.sign_in(client, person)

    answer = post(
        client,
        "/account",
        name="새 이름",
        email="new@example.org",
        country="SE",
        national="no",
        locale="en",
    )

    found = stored(runtime, "person")
    assert found
    assert answer.status_code == 303
    assert (found.name, found.email, found.country, found.korean_national, found.locale) == (
        "새 이름",
        "new@example.org",
        "SE",
        False,
        "en",
    )


def test_a_session_left_open_is_not_enough_to_change_the_address(
    runtime: Runtime, browser: Browser, clock: FixedClock
) -> None:
    person, client = make_person(runtime, "person"), browser()
    people.sign_in(client, person)
    clock.advance(timedelta(minutes=15))
    own = {"country": "KR", "national": "yes", "locale": "ko"}

    named = post(client, "/account", name="새 이름", email=person.email, **own)
    moved = post(client, "/account", name="새 이름", email="thief@example.org", **own)

    assert (named.status_code, moved.status_code) == (303, 409)
    found = stored(runtime, "person")
    assert found
    assert (found.name, found.email) == ("새 이름", person.email)


def test_a_new_name_ends_the_identity_check_of_the_old_one(
    runtime: Runtime, browser: Browser, clock: FixedClock
) -> None:
    person, steward = make_person(runtime, "person"), make_person(runtime, "steward")
    grant(runtime, steward, Role.STEWARD)
    until = clock.now() + timedelta(days=30)
    check = NewAttestation(AttestationKind.IDENTITY, "PASS", "1", clock.now(), until, level=3)
    row = add_attestation(runtime, acting_as(person), check)
    check_attestation(runtime, acting_as(steward), row.id)
    client = browser()
    people.sign_in(client, person)
    before = client.get("/api/v1/me").json["identity_level"]

    fields = {"email": person.email, "country": "KR", "national": "yes", "locale": "ko"}
    post(client, "/account", name="다른 이름", **fields)

    assert (before, client.get("/api/v1/me").json["identity_level"]) == (3, 0)


def test_the_account_page_and_the_api_show_the_level_that_holds_now(
    runtime: Runtime, browser: Browser, clock: FixedClock
) -> None:
    person, steward = make_person(runtime, "person"), make_person(runtime, "steward")
    client = browser()
    grant(runtime, steward, Role.STEWARD)
    until = clock.now() + timedelta(hours=1)
    check = NewAttestation(AttestationKind.IDENTITY, "PASS", "1", clock.now(), until, level=3)
    row = add_attestation(runtime, acting_as(person), check)
    check_attestation(runtime, acting_as(steward), row.id)
    people.sign_in(client, person)
    shown = []

    for _step in range(2):
        page, me = client.get("/account").text, client.get("/api/v1/me").json
        shown.append((me["identity_level"], "<dd>확인 전</dd>" in page))
        clock.advance(timedelta(hours=1))

    assert shown == [(3, False), (0, True)]


def test_changing_the_password_ends_every_other_session(runtime: Runtime, browser: Browser) -> None:
    person, here, elsewhere = make_person(runtime, "person"), browser(), browser()
    people.sign_in(here, person)
    people.sign_in(elsewhere, person)
    headers = bearer(browser(), person)

    answer = post(
        here, "/account/password", present=PASSWORD, password=NEW_PASSWORD, repeated=NEW_PASSWORD
    )

    assert answer.status_code == 303
    assert signed_in(here)
    assert not signed_in(elsewhere)
    assert browser().get("/api/v1/me", headers=headers).status_code == 401
    assert post(browser(), "/sign-in", account="person", password=PASSWORD).status_code == 401
    people.sign_in(browser(), person, NEW_PASSWORD)


@pytest.mark.parametrize(
    "change",
    [
        {"present": "wrong wrong wrong"},
        {"password": "short", "repeated": "short"},
        {"repeated": "not the same at all"},
        {"password": "my person word", "repeated": "my person word"},
    ],
)
def test_an_unfit_password_change_changes_nothing(
    runtime: Runtime, browser: Browser, change: dict[str, str]
) -> None:
    person, client = make_person(runtime, "person"), browser()
    people.sign_in(client, person)
    fields = {"present": PASSWORD, "password": NEW_PASSWORD, "repeated": NEW_PASSWORD} | change

    answer = post(client, "/account/password", **fields)

    assert answer.status_code == 422
    people.sign_in(browser(), person)


def test_guessing_the_present_password_is_throttled(runtime: Runtime, browser: Browser) -> None:
    person, client = make_person(runtime, "person"), browser()
    people.sign_in(client, person)
    fields = {"password": NEW_PASSWORD, "repeated": NEW_PASSWORD}

    codes = [
        post(client, "/account/password", present=f"guess {number}", **fields).status_code
        for number in range(6)
    ]

    assert codes == [422] * 5 + [429]


def test_recovery_works_once_and_ends_every_session(runtime: Runtime, browser: Browser) -> None:
    person, client = make_person(runtime, "person"), browser()
    people.sign_in(client, person)
    token = issue_recovery(runtime, Actor.operator(), person.id).token
    path = f"/recover/{token}"

    asked = browser().get(path)
    used = post(browser(), path, password=NEW_PASSWORD, repeated=NEW_PASSWORD)
    again = post(browser(), path, password=PASSWORD, repeated=PASSWORD)

    assert (asked.status_code, used.status_code, again.status_code) == (200, 303, 404)
    assert not signed_in(client)
    people.sign_in(browser(), person, NEW_PASSWORD)


def test_recovery_runs_out_after_an_hour(
    runtime: Runtime, browser: Browser, clock: FixedClock
) -> None:
    person = make_person(runtime, "person")
    token = issue_recovery(runtime, Actor.operator(), person.id).token

    clock.advance(RECOVERY_LIFETIME)

    assert browser().get(f"/recover/{token}").status_code == 404


def test_only_the_newest_recovery_address_holds(runtime: Runtime) -> None:
    person = make_person(runtime, "person")
    old = issue_recovery(runtime, Actor.operator(), person.id).token
    issue_recovery(runtime, Actor.operator(), person.id)

    with pytest.raises(Problem) as refused:
        use_recovery(runtime, visitor(), old, NEW_PASSWORD)

    assert refused.value.code is ProblemCode.NOT_FOUND


def test_an_unfit_new_password_does_not_use_up_the_recovery_address(
    runtime: Runtime, browser: Browser
) -> None:
    person = make_person(runtime, "person")
    path = f"/recover/{issue_recovery(runtime, Actor.operator(), person.id).token}"

    unfit = post(browser(), path, password="short", repeated="short")
    fit = post(browser(), path, password=NEW_PASSWORD, repeated=NEW_PASSWORD)

    assert (unfit.status_code, fit.status_code) == (422, 303)


def test_guessing_recovery_addresses_is_throttled(runtime: Runtime) -> None:
    codes = []
    for number in range(12):
        with pytest.raises(Problem) as refused:
            use_recovery(runtime, visitor(), f"guess{number}", NEW_PASSWORD)
        codes.append(refused.value.code)

    assert codes[0] is ProblemCode.NOT_FOUND
    assert codes[-1] is ProblemCode.TOO_MANY_REQUESTS


def test_guessing_the_password_of_closing_is_throttled_and_every_guess_an_event(
    runtime: Runtime, browser: Browser, events: list[Any]
) -> None:
    person, client = make_person(runtime, "person"), browser()
    people.sign_in(client, person)

    codes = [
        post(client, "/account/close", password=f"guess {number}").status_code
        for number in range(6)
    ]
    right = post(client, "/account/close", password=PASSWORD)
    elsewhere = post(browser("10.0.0.9"), "/sign-in", account="person", password=PASSWORD)

    refused = [event.reason for event in events if event.action == "person.closed"]
    assert codes == [422] * 5 + [429]
    assert (right.status_code, elsewhere.status_code) == (429, 429)
    assert refused == ["wrong_credentials"] * 5 + ["too_many_attempts"] * 2
    assert signed_in(client)


def test_a_blocked_password_change_is_an_event(
    runtime: Runtime, browser: Browser, events: list[Any]
) -> None:
    person, client = make_person(runtime, "person"), browser()
    people.sign_in(client, person)
    fields = {"password": NEW_PASSWORD, "repeated": NEW_PASSWORD}

    for number in range(6):
        post(client, "/account/password", present=f"guess {number}", **fields)

    refused = [event.reason for event in events if event.action == "password.changed"]
    assert refused == ["wrong_credentials"] * 5 + ["too_many_attempts"]


def test_the_account_page_takes_no_irb_decision(runtime: Runtime, browser: Browser) -> None:
    person, client = make_person(runtime, "person"), browser()
    people.sign_in(client, person)
    fields = {"issuer": "IRB", "reference": "1", "first_day": "2026-11-01"}

    page = client.get("/account")
    answer = post(client, "/account/attestations", kind="irb", last_day="2027-11-01", **fields)

    assert 'value="irb"' not in page.text
    assert answer.status_code == 422


def test_a_closed_account_stays_as_a_row_and_never_opens_again(
    runtime: Runtime, browser: Browser
) -> None:
    person, client = make_person(runtime, "person"), browser()
    people.sign_in(client, person)

    wrong = post(client, "/account/close", password="wrong wrong wrong")
    right = post(client, "/account/close", password=PASSWORD)

    with runtime.db.read() as session:
        row = get_person(session, person.id)
    assert (wrong.status_code, right.status_code, row.status) == (422, 303, PersonStatus.CLOSED)
    assert not signed_in(client)
    with pytest.raises(Problem) as refused:
        close(runtime, Actor.operator(), person.id, "다시")
    assert refused.value.code is ProblemCode.WRONG_STATE


def test_a_person_sees_and_ends_their_own_sessions_only(runtime: Runtime, browser: Browser) -> None:
    one, two = make_person(runtime, "one"), make_person(runtime, "two")
    here, elsewhere, other = browser(), browser(), browser()
    for client, person in ((here, one), (elsewhere, one), (other, two)):
        people.sign_in(client, person)
    paths = set(re.findall(r"/account/sessions/[0-9a-f-]+/end", here.get("/account").text))
    (path,) = paths

    foreign = post(other, path)
    own = post(here, path)

    assert (foreign.status_code, own.status_code) == (404, 303)
    assert signed_in(here)
    assert not signed_in(elsewhere)
