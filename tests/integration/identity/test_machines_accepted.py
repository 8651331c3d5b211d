"""Nobody is made to answer for a machine: the person accepts it, shown anew, or it does nothing."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from gateway.clock import FixedClock
from gateway.errors import Problem
from gateway.identity import service_step_up, wiring
from gateway.identity.models import Acr, Membership, MembershipKind, Person, SignInSession
from gateway.identity.oauth import service_acceptance as machines
from gateway.identity.oauth.models import OAuthClient
from gateway.identity.service_fresh import Given, Self
from gateway.identity.service_memberships import end_membership
from gateway.identity.service_people import suspend
from gateway.jobs.worker import Worker
from gateway.journal import Actor
from gateway.runtime import Runtime
from tests import oauth_peer as peers
from tests import people
from tests.integration.identity.test_factors import add_app, add_passkey, session_row
from tests.integration.identity.test_fresh_factors import step_up
from tests.oauth_peer import Peer, credentials
from tests.people import PASSWORD, post

Browser = Callable[..., FlaskClient]
QUARTER = timedelta(minutes=15)


@pytest.fixture
def boss(runtime: Runtime) -> Person:
    return people.make_person(runtime, "boss")


@pytest.fixture
def waiting(runtime: Runtime, browser: Browser, boss: Person, holder: Person) -> Peer:
    """A machine that somebody registered with the holder's name."""
    return peers.machine(runtime, browser(), boss, holder, accepted=None)


def row(runtime: Runtime, peer: Peer) -> OAuthClient:
    with runtime.db.read() as session:
        return session.get_one(OAuthClient, peer.client_id)


def accept(home: FlaskClient, peer: Peer, **more: str) -> Any:
    return post(home, f"/account/machines/{peer.client_id}/accept", password=PASSWORD, **more)


def letters(runtime: Runtime) -> list[Any]:
    """The mails that go out about machines, once the worker has run."""
    Worker(runtime.db, runtime.clock, wiring.handlers(runtime)).drain()
    found = sorted((runtime.settings.home / "outbox").glob("machine-*"))
    return [message_from_bytes(path.read_bytes(), policy=default) for path in found]


def shown(runtime: Runtime, peer: Peer) -> SignInSession:
    """The session of the machine's newest token."""
    with runtime.db.read() as session:
        newest = select(SignInSession).where(SignInSession.channel == "oauth")
        found = session.scalar(newest.order_by(SignInSession.id.desc()))
    assert found is not None
    return found


def test_a_machine_that_waits_gets_no_token_and_reads_who_accepts_it_where(
    waiting: Peer, home: FlaskClient
) -> None:
    refused = credentials(waiting)
    accepted = accept(home, waiting)
    given = credentials(waiting)

    assert (refused.status_code, refused.json["error"]) == (400, "unauthorized_client")
    assert "responsible person" in refused.json["error_description"]
    assert "/account" in refused.json["error_description"]
    assert accepted.status_code == 303
    assert given.status_code == 200, given.text


def test_it_is_told_by_mail_and_on_the_account_page_in_both_languages(
    runtime: Runtime, waiting: Peer, home: FlaskClient
) -> None:
    page, english = home.get("/account?lang=ko"), home.get("/account?lang=en")
    (mail,) = letters(runtime)

    assert mail["To"].addresses[0].addr_spec == "holder@example.org"
    text = mail.get_content()
    assert f"/account/machines/{waiting.client_id}" in text
    assert "책임자" in text
    assert "answer for" in text
    assert "회원님의 결정을 기다립니다" in page.text
    assert "waits for you" in english.text


def test_who_has_decided_is_not_told_any_more(
    runtime: Runtime, waiting: Peer, home: FlaskClient
) -> None:
    post(home, f"/account/machines/{waiting.client_id}/end")

    assert letters(runtime) == []


def test_a_manager_who_names_themselves_accepts_as_well(
    runtime: Runtime, browser: Browser, holder: Person, home: FlaskClient
) -> None:
    place = peers.organisation(runtime, holder)
    made = peers.machine_of(runtime, browser(), place, holder, holder)

    refused = credentials(made)
    accept(home, made)

    assert (refused.status_code, credentials(made).status_code) == (400, 200)


def test_with_a_password_alone_its_tokens_are_not_confirmed_by_a_passkey(
    runtime: Runtime, waiting: Peer, home: FlaskClient, events: list[Any]
) -> None:
    accept(home, waiting)
    credentials(waiting)

    kept = row(runtime, waiting)
    assert (kept.accepted_at, kept.accepted_acr) == (runtime.clock.now(), Acr.PASSWORD)
    session = shown(runtime, waiting)
    assert (session.acr, session.stepped_up_at) == (Acr.PASSWORD, None)
    (told,) = [each for each in events if each.action == "client.accepted"]
    assert told.detail == {"client": waiting.client_id, "acr": str(Acr.PASSWORD)}


def test_with_a_passkey_within_the_quarter_of_an_hour_they_are(
    runtime: Runtime, clock: FixedClock, waiting: Peer, home: FlaskClient
) -> None:
    key = add_passkey(home)
    step_up(home, key)
    clock.advance(QUARTER - timedelta(seconds=1))
    accept(home, waiting)
    credentials(waiting)

    assert row(runtime, waiting).accepted_acr == Acr.PHR
    assert shown(runtime, waiting).stepped_up_at == clock.now()


def test_a_passkey_that_was_shown_earlier_does_not_accept(
    runtime: Runtime, clock: FixedClock, waiting: Peer, home: FlaskClient
) -> None:
    step_up(home, add_passkey(home))
    clock.advance(QUARTER)

    answer = accept(home, waiting)

    assert answer.status_code == 422
    assert row(runtime, waiting).accepted_at is None


@pytest.mark.parametrize("given", [{}, {"code": "000000"}])
def test_a_password_alone_does_not_accept_where_there_is_more(
    runtime: Runtime, clock: FixedClock, waiting: Peer, home: FlaskClient, given: dict[str, str]
) -> None:
    app, _codes = add_app(home, clock)
    clock.advance(QUARTER)

    wrong = accept(home, waiting, **given)
    untouched = row(runtime, waiting).accepted_at
    right = accept(home, waiting, code=app.at(clock.now()))

    assert (wrong.status_code, untouched, right.status_code) == (422, None, 303)
    assert row(runtime, waiting).accepted_acr == Acr.MFA


def test_a_wrong_password_does_not_accept(runtime: Runtime, waiting: Peer, home: FlaskClient):
    answer = post(home, f"/account/machines/{waiting.client_id}/accept", password="다른 열쇠말 1")

    assert answer.status_code == 422
    assert row(runtime, waiting).accepted_at is None


def test_accepting_again_with_a_passkey_strengthens_it_and_never_weakens(
    runtime: Runtime, clock: FixedClock, waiting: Peer, home: FlaskClient
) -> None:
    first, again = accept(home, waiting), accept(home, waiting)
    step_up(home, add_passkey(home))
    stronger, once_more = accept(home, waiting), accept(home, waiting)

    statuses = [each.status_code for each in (first, again, stronger, once_more)]
    assert statuses == [303, 409, 303, 409]
    assert row(runtime, waiting).accepted_acr == Acr.PHR


def test_of_parallel_acceptances_one_counts(
    runtime: Runtime, waiting: Peer, holder: Person, home: FlaskClient
) -> None:
    me = Self(people.acting_as(holder), session_row(runtime, holder).id)

    def attempt(_number: int) -> bool:
        try:
            machines.accept(runtime, me, waiting.client_id, Given(PASSWORD))
        except Problem:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(attempt, range(4))) == 1


def test_nobody_accepts_or_ends_what_is_somebody_elses(
    runtime: Runtime, browser: Browser, waiting: Peer, boss: Person
) -> None:
    window, client = browser(), browser()
    people.sign_in(window, boss)
    headers = people.bearer(client, boss)
    path = f"/api/v1/machines/{waiting.client_id}"

    assert window.get(f"/account/machines/{waiting.client_id}").status_code == 404
    assert accept(window, waiting).status_code == 404
    assert post(window, f"/account/machines/{waiting.client_id}/end").status_code == 404
    assert client.get("/api/v1/machines", headers=headers).json["items"] == []
    body = {"password": PASSWORD}
    assert client.post(f"{path}/accept", json=body, headers=headers).status_code == 404
    assert client.delete(path, headers=headers).status_code == 404
    assert row(runtime, waiting).accepted_at is row(runtime, waiting).ended_at is None


def test_a_machine_that_was_declined_never_works(
    runtime: Runtime, waiting: Peer, home: FlaskClient, events: list[Any]
) -> None:
    declined = post(home, f"/account/machines/{waiting.client_id}/end")

    assert declined.status_code == 303
    assert accept(home, waiting).status_code == 404
    assert credentials(waiting).json["error"] == "invalid_client"
    told = [each.action for each in events]
    assert (told.count("client.declined"), told.count("client.ended")) == (1, 0)


def test_who_answers_ends_it_and_its_tokens_with_the_next_request(
    waiting: Peer, home: FlaskClient, events: list[Any]
) -> None:
    accept(home, waiting)
    token = credentials(waiting).json["access_token"]
    before = waiting.get("/api/v1/me", token).status_code

    post(home, f"/account/machines/{waiting.client_id}/end")

    assert (before, waiting.get("/api/v1/me", token).status_code) == (200, 401)
    assert credentials(waiting).status_code in {400, 401}
    assert [each.action for each in events].count("client.ended") == 1


def test_the_api_does_the_same_in_person(browser: Browser, waiting: Peer, holder: Person) -> None:
    client = browser()
    headers = people.bearer(client, holder)
    (listed,) = client.get("/api/v1/machines", headers=headers).json["items"]
    path = f"/api/v1/machines/{listed['id']}"
    wrong = client.post(f"{path}/accept", json={"password": "다른 열쇠말 1"}, headers=headers)
    right = client.post(f"{path}/accept", json={"password": PASSWORD}, headers=headers)
    ended = client.delete(path, headers=headers)

    assert (listed["accepted_at"], listed["registered_by"]) == (None, "Boss")
    assert (wrong.status_code, right.status_code, ended.status_code) == (422, 204, 204)
    assert client.get("/api/v1/machines", headers=headers).json["items"] == []


def test_no_program_accepts_lists_or_ends_a_machine(
    browser: Browser, runtime: Runtime, portal: Peer, waiting: Peer, home: FlaskClient
) -> None:
    token = portal.redeem(portal.code(home, scope="read write")).json["access_token"]
    headers, client = {"Authorization": f"Bearer {token}"}, browser()
    path = f"/api/v1/machines/{waiting.client_id}"
    answers = [
        client.get("/api/v1/machines", headers=headers),
        client.post(f"{path}/accept", json={"password": PASSWORD}, headers=headers),
        client.delete(path, headers=headers),
    ]

    assert [each.status_code for each in answers] == [403] * 3
    assert row(runtime, waiting).accepted_at is None


# -- the manager who made it


def the_manager_left(runtime: Runtime, boss: Person) -> None:
    end_membership(runtime, people.acting_as(boss), peers.membership(runtime, boss))


def the_manager_was_suspended(runtime: Runtime, boss: Person) -> None:
    suspend(runtime, Actor.operator(), boss.id, "시험")


def the_manager_is_a_member_only(runtime: Runtime, boss: Person) -> None:
    with runtime.db.write() as session:
        place = session.get_one(Membership, peers.membership(runtime, boss))
        place.kind = MembershipKind.MEMBER


def the_manager_is_no_longer_confirmed(runtime: Runtime, boss: Person) -> None:
    with runtime.db.write() as session:
        session.get_one(Membership, peers.membership(runtime, boss)).confirmed_by = None


@pytest.mark.parametrize(
    "ending",
    [
        the_manager_left, the_manager_was_suspended, the_manager_is_a_member_only,
        the_manager_is_no_longer_confirmed,
    ],
    ids=lambda one: one.__name__,
)  # fmt: skip
def test_a_machine_stops_with_the_manager_who_registered_it(
    ending: Callable[[Runtime, Person], None], runtime: Runtime, robot: Peer
) -> None:
    held = credentials(robot).json["access_token"]
    assert robot.get("/api/v1/me", held).status_code == 200

    ending(runtime, people.person(runtime, "boss"))

    refused = credentials(robot)
    assert robot.get("/api/v1/me", held).status_code == 401
    assert (refused.status_code, refused.json["error"]) == (400, "unauthorized_client")
    assert "Another manager registers it anew" in refused.json["error_description"]


# -- facts about its person


def test_a_machine_does_not_confirm_its_person_nor_is_confirmed_by_them(
    runtime: Runtime, browser: Browser, boss: Person, holder: Person, home: FlaskClient
) -> None:
    robot = peers.machine(runtime, browser(), boss, holder)
    credentials(robot)
    session = shown(runtime, robot)
    now = runtime.clock.now()
    with runtime.db.read() as reading:
        from_machine = service_step_up.last_confirmed(reading, holder.id, now)
    page = home.get("/account/step-up")

    assert session.stepped_up_at == now
    assert from_machine is None
    assert str(session.id) not in page.text
