"""What managers do on pages their own clients do through the API, and programs do not."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from gateway.identity.models import Person
from gateway.identity.oauth.models import OAuthClient
from gateway.runtime import Runtime
from tests import oauth_peer, people
from tests.oauth_peer import Peer

PROGRAM = {
    "name": "연구 포털", "kind": "web", "auth_method": "client_secret_basic",
    "scopes": ["openid", "read"], "redirect_uris": ["https://rp.example.org/cb"],
}  # fmt: skip


@pytest.fixture
def manager(runtime: Runtime) -> Person:
    return people.make_person(runtime, "the.manager")


@pytest.fixture
def member(runtime: Runtime) -> Person:
    return people.make_person(runtime, "a.member")


@pytest.fixture
def place(runtime: Runtime, manager: Person, member: Person) -> str:
    organisation = oauth_peer.organisation(runtime, manager, member)
    return f"/api/v1/organisations/{organisation}"


@pytest.fixture
def headers(client: FlaskClient, manager: Person) -> dict[str, str]:
    return people.bearer(client, manager)


@pytest.fixture
def program(runtime: Runtime, client: FlaskClient, manager: Person, browser: Any) -> dict[str, str]:
    """A program that its own manager let in, with every scope."""
    peer: Peer = oauth_peer.web(runtime, client, manager)
    window = browser()
    people.sign_in(window, manager)
    code = peer.code(window, scope="openid offline_access read write download")
    return {"Authorization": f"Bearer {peer.redeem(code).json['access_token']}"}


def test_a_program_is_registered_listed_and_ended(
    runtime: Runtime, client: FlaskClient, place: str, headers: dict[str, str], events: list[Any]
) -> None:
    made = client.post(f"{place}/programs", json=PROGRAM, headers=headers)
    (listed,) = client.get(f"{place}/programs", headers=headers).json["items"]
    ended = client.delete(f"/api/v1/programs/{listed['id']}", headers=headers)
    again = client.delete(f"/api/v1/programs/{listed['id']}", headers=headers)

    assert (made.status_code, made.headers["Cache-Control"]) == (201, "no-store")
    assert made.json["client_id"] == listed["id"]
    assert listed["redirect_uris"] == PROGRAM["redirect_uris"]
    assert made.json["secret"] not in str(listed)
    with runtime.db.read() as session:
        kept = session.get_one(OAuthClient, listed["id"]).secret_sha256
    assert made.json["secret"] != kept
    assert (ended.status_code, again.status_code) == (204, 409)
    assert client.get(f"{place}/programs", headers=headers).json["items"] == []
    told = [event.action for event in events]
    assert told.count("client.registered") == told.count("client.ended") == 1


@pytest.mark.parametrize(
    "flaw",
    [
        {"kind": "spaceship"},
        {"scopes": []},
        {"redirect_uris": ["http://evil.example/"]},
        {"redirect_uris": ["https://rp.example.org/cb"] * 11},
        {"networks": ["everywhere"]},
        {"kind": "machine", "auth_method": "private_key_jwt", "jwks": "{}"},
        {"extra": 1},
    ],
)
def test_a_program_that_is_not_right_is_refused(
    client: FlaskClient, place: str, headers: dict[str, str], flaw: dict[str, Any]
) -> None:
    answer = client.post(f"{place}/programs", json=PROGRAM | flaw, headers=headers)

    assert (answer.status_code, answer.json["code"]) == (422, "validation_failed")
    assert client.get(f"{place}/programs", headers=headers).json["items"] == []


def test_an_invitation_is_made_listed_and_taken_back(
    client: FlaskClient, place: str, headers: dict[str, str], events: list[Any]
) -> None:
    body = {"email": "new@example.org", "kind": "signing_official"}
    made = client.post(f"{place}/invitations", json=body, headers=headers)
    listed = client.get(f"{place}/invitations", headers=headers)
    ended = client.delete(f"/api/v1/invitations/{made.json['id']}", headers=headers)
    again = client.delete(f"/api/v1/invitations/{made.json['id']}", headers=headers)

    assert made.status_code == 201
    assert listed.json["items"] == [made.json]
    assert (made.json["email"], made.json["kind"]) == ("new@example.org", "signing_official")
    assert "token" not in made.text
    assert (ended.status_code, again.status_code) == (204, 409)
    told = [event.action for event in events]
    assert told.count("membership.invited") == 1


def test_members_and_strangers_manage_nothing(
    client: FlaskClient, place: str, headers: dict[str, str], member: Person
) -> None:
    theirs = people.bearer(client, member)
    made = client.post(f"{place}/programs", json=PROGRAM, headers=headers).json
    for method, path, body in (
        ("GET", f"{place}/programs", None),
        ("POST", f"{place}/programs", PROGRAM),
        ("DELETE", f"/api/v1/programs/{made['client_id']}", None),
        ("GET", f"{place}/invitations", None),
        ("POST", f"{place}/invitations", {"email": "x@example.org"}),
    ):
        assert client.open(path, method=method, json=body, headers=theirs).status_code == 403
        assert client.open(path, method=method, json=body).status_code == 401


def test_ones_own_sessions_are_listed_and_ended(
    client: FlaskClient, headers: dict[str, str], manager: Person, member: Person
) -> None:
    second = people.bearer(client, manager)
    foreign = client.get("/api/v1/sessions", headers=people.bearer(client, member)).json["items"]
    mine = client.get("/api/v1/sessions", headers=headers).json["items"]
    (other,) = [each for each in mine if not each["present"]]

    stranger = client.delete(f"/api/v1/sessions/{foreign[0]['id']}", headers=headers)
    ended = client.delete(f"/api/v1/sessions/{other['id']}", headers=headers)

    assert (len(mine), len(foreign)) == (2, 1)
    assert (stranger.status_code, ended.status_code) == (404, 204)
    assert client.get("/api/v1/me", headers=second).status_code == 401
    assert "token" not in str(mine)


def test_a_program_sees_no_sessions_and_manages_nothing(
    client: FlaskClient, place: str, program: dict[str, str], headers: dict[str, str]
) -> None:
    (first, *_rest) = client.get("/api/v1/sessions", headers=headers).json["items"]

    refused = [
        client.get("/api/v1/sessions", headers=program),
        client.delete(f"/api/v1/sessions/{first['id']}", headers=program),
        client.post(f"{place}/programs", json=PROGRAM, headers=program),
        client.post(f"{place}/invitations", json={"email": "x@example.org"}, headers=program),
    ]

    assert client.get("/api/v1/me", headers=program).status_code == 200
    assert [answer.status_code for answer in refused] == [403] * 4


def test_ending_the_session_of_a_program_ends_its_tokens(
    client: FlaskClient, program: dict[str, str], headers: dict[str, str]
) -> None:
    mine = client.get("/api/v1/sessions", headers=headers).json["items"]
    (its,) = [each for each in mine if each["channel"] == "oauth"]

    assert client.delete(f"/api/v1/sessions/{its['id']}", headers=headers).status_code == 204
    assert client.get("/api/v1/me", headers=program).status_code == 401
