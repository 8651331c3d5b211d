"""What was ended stays ended: tokens, sessions, families, people, companies, networks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from gateway.clock import FixedClock
from gateway.errors import Problem, ProblemCode
from gateway.identity.models import Membership, Person
from gateway.identity.oauth import service_devices as devices
from gateway.identity.oauth.models import OAuthClient
from gateway.identity.oauth.service_clients import end
from gateway.identity.oauth.service_tokens import Issued, Refused
from gateway.identity.service_memberships import end_membership
from gateway.identity.service_organisations import suspend_organisation
from gateway.identity.service_passwords import change_password, issue_recovery, use_recovery
from gateway.identity.service_people import close_own, resume, suspend
from gateway.identity.service_sessions import list_sessions, sign_out, sign_out_others
from gateway.journal import Actor
from gateway.runtime import Runtime
from tests import oauth_peer as peers
from tests import people
from tests.oauth_peer import Peer, credentials
from tests.people import PASSWORD

Browser = Callable[..., FlaskClient]
NEW = "전혀 다른 새 열쇠말 2026"


def organisation_of(runtime: Runtime, client_id: str) -> Any:
    with runtime.db.read() as session:
        return session.get_one(OAuthClient, client_id).organisation_id


def sessions_of(runtime: Runtime, person: Person) -> list[Any]:
    with runtime.db.read() as session:
        return list(list_sessions(session, person.id, runtime.clock.now()))


def steward(runtime: Runtime) -> Actor:
    from gateway.identity.models import Role

    one = people.person(runtime, "some.steward")
    people.grant(runtime, one, Role.STEWARD)
    return people.acting_as(one)


Ending = Callable[[Runtime, Person, Peer, dict[str, Any]], None]


def its_session(runtime: Runtime, mina: Person, _portal: Peer, _got: dict[str, Any]) -> None:
    row = next(one for one in sessions_of(runtime, mina) if one.channel == "oauth")
    sign_out(runtime, people.acting_as(mina), row.id)


def every_other_session(runtime: Runtime, mina: Person, *_: Any) -> None:
    here = next(one for one in sessions_of(runtime, mina) if one.channel == "browser")
    sign_out_others(runtime, people.acting_as(mina), here.id)


def the_password_was_changed(runtime: Runtime, mina: Person, *_: Any) -> None:
    change_password(runtime, people.acting_as(mina), PASSWORD, NEW, None)


def the_account_was_recovered(runtime: Runtime, mina: Person, *_: Any) -> None:
    token = issue_recovery(runtime, Actor.operator(), mina.id).token
    use_recovery(runtime, people.visitor(), token, NEW)


def the_person_was_suspended(runtime: Runtime, mina: Person, *_: Any) -> None:
    suspend(runtime, Actor.operator(), mina.id, "시험")


def the_person_was_suspended_and_resumed(runtime: Runtime, mina: Person, *_: Any) -> None:
    suspend(runtime, Actor.operator(), mina.id, "시험")
    resume(runtime, Actor.operator(), mina.id)


def the_person_is_gone(runtime: Runtime, mina: Person, *_: Any) -> None:
    close_own(runtime, people.acting_as(mina), PASSWORD)


def the_access_token(_runtime: Runtime, _mina: Person, portal: Peer, got: dict[str, Any]) -> None:
    _revoke(portal, got["access_token"])


def the_refresh_token(_runtime: Runtime, _mina: Person, portal: Peer, got: dict[str, Any]) -> None:
    _revoke(portal, got["refresh_token"])


def a_family_whose_token_was_replayed(
    _runtime: Runtime, _mina: Person, portal: Peer, got: dict[str, Any]
) -> None:
    portal.refresh(got["refresh_token"])
    portal.refresh(got["refresh_token"])


def the_program(runtime: Runtime, _mina: Person, portal: Peer, _got: dict[str, Any]) -> None:
    end(runtime, people.acting_as(people.person(runtime, "manager")), portal.client_id)


def the_company(runtime: Runtime, _mina: Person, portal: Peer, _got: dict[str, Any]) -> None:
    place = organisation_of(runtime, portal.client_id)
    suspend_organisation(runtime, steward(runtime), place, "폐업")


def an_hour_later(runtime: Runtime, *_: Any) -> None:
    assert isinstance(runtime.clock, FixedClock)
    runtime.clock.advance(timedelta(hours=1))


def the_program_ran_out(runtime: Runtime, *_: Any) -> None:
    assert isinstance(runtime.clock, FixedClock)
    runtime.clock.advance(timedelta(days=366))


ENDINGS: tuple[Ending, ...] = (
    its_session, every_other_session, the_password_was_changed, the_account_was_recovered,
    the_person_was_suspended, the_person_was_suspended_and_resumed, the_person_is_gone,
    the_access_token, the_refresh_token, a_family_whose_token_was_replayed, the_program,
    the_company, an_hour_later, the_program_ran_out,
)  # fmt: skip
# After these the refresh token still holds: the person wanted only what they ended to end.
REFRESHABLE = {the_access_token, an_hour_later}


def _revoke(portal: Peer, token: str) -> None:
    answer = portal.http.post("/oauth2/revoke", data={"token": token}, headers=portal._basic())
    assert answer.status_code == 200


@pytest.mark.parametrize("ending", ENDINGS, ids=lambda one: one.__name__)
def test_a_token_that_was_ended_opens_nothing_with_the_next_request(
    ending: Ending, runtime: Runtime, portal: Peer, signed_in: FlaskClient, mina: Person
) -> None:
    got = portal.redeem(portal.code(signed_in)).json
    assert portal.get("/api/v1/me", got["access_token"]).status_code == 200

    ending(runtime, mina, portal, got)

    assert portal.get("/api/v1/me", got["access_token"]).status_code == 401
    renewed = portal.refresh(got["refresh_token"]).status_code
    assert renewed == 200 if ending in REFRESHABLE else renewed in {400, 401}


STOLEN = (
    the_password_was_changed, the_account_was_recovered, the_person_was_suspended_and_resumed,
)  # fmt: skip


@pytest.mark.parametrize("ending", STOLEN, ids=lambda one: one.__name__)
def test_a_consent_given_in_a_stolen_session_ends_with_it(
    ending: Ending, runtime: Runtime, portal: Peer, signed_in: FlaskClient, mina: Person
) -> None:
    code = portal.code(signed_in)

    ending(runtime, mina, portal, {})

    assert portal.redeem(code).json["error"] == "invalid_grant"


def test_a_consent_ends_with_the_session_in_which_it_was_given(
    portal: Peer, signed_in: FlaskClient
) -> None:
    code = portal.code(signed_in)

    people.post(signed_in, "/sign-out")

    assert portal.redeem(code).json["error"] == "invalid_grant"


@pytest.mark.parametrize("ending", [*STOLEN, every_other_session], ids=lambda one: one.__name__)
def test_a_device_let_in_by_a_stolen_session_does_not_come_in_later(
    ending: Ending, runtime: Runtime, signed_in: FlaskClient, mina: Person
) -> None:
    device = peers.device(runtime, "read offline_access")
    assert peers.let_in(runtime, mina, device.waiting)

    ending(runtime, mina, None, {})  # type: ignore[arg-type]

    came = device.poll(runtime)
    assert isinstance(came, Refused)


def test_a_device_that_was_let_in_by_one_person_stays_with_them(
    runtime: Runtime, mina: Person
) -> None:
    device, thief = peers.device(runtime), people.make_person(runtime, "thief")
    assert peers.let_in(runtime, mina, device.waiting)

    assert not peers.let_in(runtime, thief, device.waiting)
    came = device.poll(runtime)
    assert isinstance(came, Issued)
    assert came.person_id == mina.id


def test_a_device_ends_with_the_session_in_which_it_was_let_in(
    runtime: Runtime, mina: Person
) -> None:
    device, here = (
        peers.device(runtime, "read offline_access"),
        peers.browser_session(runtime, mina),
    )
    me = people.acting_as(mina)
    assert devices.decide_device(runtime, me, device.waiting, (True, here))

    sign_out(runtime, me, here)

    came = device.poll(runtime)
    assert (came.error, came.reason) == ("invalid_grant", "session_ended")


def test_an_ended_session_lets_no_device_in(runtime: Runtime, mina: Person) -> None:
    device, here = peers.device(runtime), peers.browser_session(runtime, mina)
    me = people.acting_as(mina)
    sign_out(runtime, me, here)

    with pytest.raises(Problem) as refused:
        devices.decide_device(runtime, me, device.waiting, (True, here))

    assert refused.value.code is ProblemCode.NOT_SIGNED_IN
    assert device.poll(runtime).error == "authorization_pending"


# -- machines


def the_responsible_person_left(runtime: Runtime, _robot: Peer) -> None:
    worker = people.person(runtime, "worker")
    end_membership(runtime, people.acting_as(worker), peers.membership(runtime, worker))


def the_responsible_person_was_suspended(runtime: Runtime, _robot: Peer) -> None:
    suspend(runtime, Actor.operator(), people.person(runtime, "worker").id, "시험")


def the_machines_company_was_suspended(runtime: Runtime, robot: Peer) -> None:
    place = organisation_of(runtime, robot.client_id)
    suspend_organisation(runtime, steward(runtime), place, "폐업")


def the_membership_is_a_request_again(runtime: Runtime, _robot: Peer) -> None:
    with runtime.db.write() as session:
        worker = people.person(runtime, "worker")
        row = session.scalar(select(Membership).where(Membership.person_id == worker.id))
        assert row is not None
        row.confirmed_by = None


def the_machine_was_ended(runtime: Runtime, robot: Peer) -> None:
    end(runtime, people.acting_as(people.person(runtime, "boss")), robot.client_id)


@pytest.mark.parametrize(
    "ending",
    [
        the_responsible_person_left, the_responsible_person_was_suspended,
        the_machines_company_was_suspended, the_membership_is_a_request_again,
        the_machine_was_ended,
    ],
    ids=lambda one: one.__name__,
)  # fmt: skip
def test_a_machine_stops_with_whoever_answers_for_it(
    ending: Callable[[Runtime, Peer], None], runtime: Runtime, robot: Peer
) -> None:
    held = credentials(robot).json["access_token"]
    assert robot.get("/api/v1/me", held).status_code == 200

    ending(runtime, robot)

    assert robot.get("/api/v1/me", held).status_code == 401
    assert credentials(robot).status_code in {400, 401}


def test_a_token_counts_only_in_its_header(portal: Peer, signed_in: FlaskClient) -> None:
    token = portal.redeem(portal.code(signed_in)).json["access_token"]

    in_address = portal.http.get(f"/api/v1/me?access_token={token}")
    in_body = portal.http.post("/oauth2/userinfo", data={"access_token": token})
    portal.http.set_cookie("sumun_session", token)
    in_cookie = portal.http.get("/api/v1/me")
    twice = portal.http.get("/api/v1/me", headers=[("Authorization", f"Bearer {token}")] * 2)

    assert {one.status_code for one in (in_address, in_body, in_cookie)} == {401}
    assert twice.status_code in {400, 401}
