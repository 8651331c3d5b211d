"""The provider: what an honest program can do, and when it must stop."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import jwt as pyjwt
import pytest
from flask.testing import FlaskClient

from gateway.clock import FixedClock
from gateway.identity.oauth.service_clients import end
from gateway.identity.service_memberships import end_membership
from gateway.identity.service_people import suspend
from gateway.identity.service_sessions import list_sessions, sign_out
from gateway.runtime import Runtime
from tests import oauth_peer as peers
from tests import people
from tests.oauth_peer import Peer, credentials

Browser = Callable[..., FlaskClient]


def tokens(peer: Peer, signed_in: FlaskClient, **changes):
    answer = peer.redeem(peer.code(signed_in, **changes))
    assert answer.status_code == 200, answer.text
    return answer.json


def test_a_consent_becomes_tokens_and_an_id_token(portal: Peer, signed_in, mina, runtime) -> None:
    got = tokens(portal, signed_in)

    assert got["token_type"] == "Bearer"
    assert 0 < got["expires_in"] <= 3600
    keys = pyjwt.PyJWKSet.from_dict(portal.http.get("/oauth2/jwks").json)
    kid = pyjwt.get_unverified_header(got["id_token"])["kid"]
    claims = pyjwt.decode(
        got["id_token"], keys[kid], ["RS256"], audience=portal.client_id,
        issuer=portal.issuer, options={"verify_exp": False, "verify_iat": False},
    )  # fmt: skip
    assert claims["sub"] == str(mina.id)
    assert claims["nonce"] == "no"
    assert portal.get("/api/v1/me", got["access_token"]).json["account"] == "mina"


def test_the_answer_names_the_issuer(portal: Peer, signed_in) -> None:
    answer = peers.allow(signed_in, portal.ask())

    query = parse_qs(urlsplit(answer.headers["Location"]).query)
    assert query["iss"] == [portal.issuer]
    assert query["state"] == ["st"]


def test_a_no_goes_back_to_the_program(portal: Peer, signed_in) -> None:
    token = people.csrf(signed_in, portal.ask())
    answer = signed_in.post(portal.ask(), data={"csrf_token": token, "decision": "refuse"})

    query = parse_qs(urlsplit(answer.headers["Location"]).query)
    assert (query["error"], query["iss"]) == (["access_denied"], [portal.issuer])


def test_a_visitor_signs_in_first_and_comes_back(portal: Peer, browser) -> None:
    answer = browser().get(portal.ask())

    assert answer.status_code == 303
    assert "/sign-in?next=/oauth2/authorize" in answer.headers["Location"]


@pytest.mark.parametrize("prompt", ["none"])
def test_no_page_is_shown_where_none_is_wanted(portal: Peer, browser, signed_in, prompt) -> None:
    visitor = browser().get(portal.ask(prompt=prompt))
    known = signed_in.get(portal.ask(prompt=prompt))

    assert "error=login_required" in visitor.headers["Location"]
    assert "error=consent_required" in known.headers["Location"]


def test_a_program_may_ask_that_the_person_signs_in_anew(
    portal: Peer, signed_in, clock: FixedClock
) -> None:
    clock.advance(timedelta(minutes=10))

    assert "Sign in again" in signed_in.get(portal.ask(max_age="60") + "&lang=en").text
    assert "Sign in again" in signed_in.get(portal.ask(prompt="login") + "&lang=en").text
    assert "asks for access" in signed_in.get(portal.ask(max_age="900") + "&lang=en").text


def test_a_pushed_request_is_used_once(portal: Peer, signed_in) -> None:
    address = portal.ask()
    body = dict(parse_qs(urlsplit(address).query))
    pushed = portal.http.post(
        "/oauth2/par", data={k: v[0] for k, v in body.items()}, headers=portal._basic()
    )
    assert pushed.status_code == 201, pushed.text
    short = (
        f"/oauth2/authorize?client_id={portal.client_id}&request_uri={pushed.json['request_uri']}"
    )

    first = peers.allow(signed_in, short)

    code = parse_qs(urlsplit(first.headers["Location"]).query)["code"][0]
    assert portal.redeem(code).status_code == 200
    assert signed_in.get(short).status_code == 400


def test_refresh_tokens_turn_and_a_second_use_ends_everything(portal: Peer, signed_in) -> None:
    first = tokens(portal, signed_in)
    second = portal.refresh(first["refresh_token"])
    assert second.status_code == 200

    again = portal.refresh(first["refresh_token"])

    assert again.json["error"] == "invalid_grant"
    assert portal.get("/api/v1/me", second.json["access_token"]).status_code == 401
    assert portal.refresh(second.json["refresh_token"]).json["error"] == "invalid_grant"


def test_a_code_that_is_used_twice_ends_what_it_opened(portal: Peer, signed_in) -> None:
    code = portal.code(signed_in)
    got = portal.redeem(code).json

    assert portal.redeem(code).json["error"] == "invalid_grant"
    assert portal.get("/api/v1/me", got["access_token"]).status_code == 401


def test_scopes_bound_what_a_program_may_do(portal: Peer, signed_in) -> None:
    got = tokens(portal, signed_in, scope="openid read")

    refused = portal.http.post(
        "/api/v1/urls", json={}, headers={"Authorization": f"Bearer {got['access_token']}"}
    )

    assert "refresh_token" not in got
    assert (refused.status_code, refused.json["code"]) == (403, "insufficient_scope")
    assert refused.json["scope"] == "download"


def test_no_staff_role_goes_through_a_program(portal: Peer, runtime, browser) -> None:
    from gateway.identity.models import Role

    operator = people.make_person(runtime, "operator")
    people.grant(runtime, operator, Role.STEWARD)
    client = browser()
    people.sign_in(client, operator)

    got = tokens(portal, client, scope="openid read write")

    assert "roles" not in portal.get("/api/v1/me", got["access_token"]).json
    assert portal.get("/account", got["access_token"]).status_code in {303, 401}


@pytest.mark.parametrize("how", ["session", "token", "person", "client"])
def test_taking_back_holds_with_the_next_request(
    how: str, portal: Peer, signed_in, runtime: Runtime, mina
) -> None:
    got = tokens(portal, signed_in)
    assert portal.get("/api/v1/me", got["access_token"]).status_code == 200

    if how == "session":
        with runtime.db.read() as session:
            held = list_sessions(session, mina.id, runtime.clock.now())
        row = next(each for each in held if each.channel == "oauth")
        sign_out(runtime, people.acting_as(mina), row.id)
    elif how == "token":
        portal.http.post(
            "/oauth2/revoke", data={"token": got["access_token"]}, headers=portal._basic()
        )
    elif how == "person":
        first, _second = people.operators(runtime)
        suspend(runtime, people.acting_as(first), mina.id, "시험")
    else:
        end(runtime, people.acting_as(people.person(runtime, "manager")), portal.client_id)

    assert portal.get("/api/v1/me", got["access_token"]).status_code == 401


def test_an_access_token_ends_after_an_hour(portal: Peer, signed_in, clock: FixedClock) -> None:
    got = tokens(portal, signed_in)

    clock.advance(timedelta(hours=1))

    assert portal.get("/api/v1/me", got["access_token"]).status_code == 401
    assert portal.refresh(got["refresh_token"]).status_code == 200


def test_introspection_tells_a_client_of_its_own_tokens_only(
    portal: Peer, signed_in, runtime, browser
) -> None:
    other = peers.web(runtime, browser(), people.make_person(runtime, "other.manager"))
    got = tokens(portal, signed_in)

    def look(peer: Peer):
        return peer.http.post(
            "/oauth2/introspect", data={"token": got["access_token"]}, headers=peer._basic()
        ).json

    assert look(portal)["active"] is True
    assert look(other) == {"active": False}


def test_a_device_waits_for_a_person(runtime, browser, signed_in) -> None:
    cli = peers.native(runtime, browser())
    asked = cli.http.post(
        "/oauth2/device_authorization",
        data={"client_id": "sumun-cli", "scope": "read offline_access"},
    ).json
    poll = {"grant_type": peers_device(), "device_code": asked["device_code"]}
    assert cli.token(dpop=True, **poll).json["error"] == "authorization_pending"

    token = people.csrf(signed_in, "/oauth2/device")
    page = signed_in.post(
        "/oauth2/device", data={"csrf_token": token, "user_code": asked["user_code"].lower()}
    )
    assert "sumun" in page.text
    done = signed_in.post(
        "/oauth2/device/decide",
        data={"csrf_token": token, "user_code": asked["user_code"], "decision": "allow"},
    )
    assert done.status_code == 303

    got = cli.token(dpop=True, **poll)
    assert got.json["token_type"] == "DPoP"
    access = got.json["access_token"]
    assert cli.get("/api/v1/me", access, dpop=True).json["account"] == "mina"
    assert cli.token(dpop=True, **poll).json["error"] == "invalid_grant"


def test_a_device_that_asks_too_often_slows_down(runtime, browser) -> None:
    cli = peers.native(runtime, browser())
    asked = cli.http.post(
        "/oauth2/device_authorization", data={"client_id": "sumun-cli", "scope": "read"}
    ).json
    poll = {"grant_type": peers_device(), "device_code": asked["device_code"]}

    errors = [cli.token(dpop=True, **poll).json["error"] for _ in range(2)]

    assert errors == ["authorization_pending", "slow_down"]


def test_a_machine_acts_for_its_organisation(runtime, browser) -> None:
    boss, worker = people.make_person(runtime, "boss"), people.make_person(runtime, "worker")
    robot = peers.machine(runtime, browser(), boss, worker)

    got = credentials(robot)

    assert got.status_code == 200, got.text
    assert "refresh_token" not in got.json
    answer = robot.get("/api/v1/me", got.json["access_token"]).json
    machine = answer.pop("machine")
    assert answer == {}
    assert (machine["client_id"], machine["responsible"]) == (robot.client_id, "Worker")


def test_a_machine_stops_when_nobody_answers_for_it(runtime, browser) -> None:
    boss, worker = people.make_person(runtime, "boss"), people.make_person(runtime, "worker")
    robot = peers.machine(runtime, browser(), boss, worker)
    held = credentials(robot).json["access_token"]

    end_membership(runtime, people.acting_as(worker), peers.membership(runtime, worker))

    assert robot.get("/api/v1/me", held).status_code == 401
    assert credentials(robot).json["error"] == "invalid_grant"


def test_a_machine_is_bound_to_its_networks(runtime, browser) -> None:
    boss, worker = people.make_person(runtime, "boss"), people.make_person(runtime, "worker")
    robot = peers.machine(runtime, browser("10.1.2.3"), boss, worker, networks=("10.0.0.0/8",))
    held = credentials(robot).json["access_token"]
    assert robot.get("/api/v1/me", held).status_code == 200

    robot.http = browser("192.0.2.1")

    assert robot.get("/api/v1/me", held).status_code == 401
    assert credentials(robot).json["error"] == "unauthorized_client"


def peers_device() -> str:
    from gateway.identity.oauth.vocabulary import DEVICE_GRANT

    return DEVICE_GRANT
