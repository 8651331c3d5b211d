"""What a program reads of a person is what the person agreed to, scope by scope."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from gateway.client.device import SCOPE
from gateway.identity.oauth.clients import find_client
from gateway.identity.oauth.scopes import needed_for
from gateway.identity.oauth.vocabulary import Scope, scopes
from gateway.runtime import Runtime
from tests.oauth_peer import Peer

ALWAYS = {"id", "account", "name", "session_ends_at"}


def told(portal: Peer, browser: FlaskClient, scope: str) -> dict[str, Any]:
    token = portal.redeem(portal.code(browser, scope=scope)).json["access_token"]
    answer = portal.get("/api/v1/me", token)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json
    return found


@pytest.mark.parametrize(
    ("scope", "more"),
    [
        ("read", set()),
        ("read profile", {"locale"}),
        ("read email", {"email"}),
        ("read organisation", {"memberships"}),
        ("read write download access_log", set()),
        ("openid profile email organisation read", {"locale", "email", "memberships"}),
    ],
)
def test_a_program_reads_of_a_person_what_its_scope_names(
    portal: Peer, signed_in: FlaskClient, scope: str, more: set[str]
) -> None:
    assert set(told(portal, signed_in, scope)) == ALWAYS | more


def test_no_scope_gives_nationality_identity_or_roles(portal: Peer, signed_in: FlaskClient) -> None:
    found = told(portal, signed_in, " ".join(Scope))

    assert found.keys().isdisjoint({"country", "korean_national", "identity_level", "roles"})


def test_linked_identities_are_not_for_programs(portal: Peer, signed_in: FlaskClient) -> None:
    token = portal.redeem(portal.code(signed_in, scope=" ".join(Scope))).json["access_token"]
    headers, nowhere = {"Authorization": f"Bearer {token}"}, "00000000-0000-7000-8000-000000000000"

    answers = [
        portal.http.get("/api/v1/identities", headers=headers),
        portal.http.delete(f"/api/v1/identities/{nowhere}", headers=headers),
    ]

    assert [each.status_code for each in answers] == [403, 403]


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", "/api/v1/access-log", Scope.ACCESS_LOG),
        ("HEAD", "/api/v1/access-log", Scope.ACCESS_LOG),
        ("GET", "/api/v1/access-log/7/proof", Scope.ACCESS_LOG),
        ("GET", "/api/v1/passports", Scope.PASSPORT),
        ("POST", "/api/v1/passports", Scope.WRITE),
        ("GET", "/api/v1/grants", Scope.READ),
    ],
)
def test_what_is_about_the_person_has_a_scope_of_its_own(
    method: str, path: str, scope: Scope
) -> None:
    assert needed_for(method, path) == scope


def test_reading_alone_gives_neither_access_log_nor_passports(
    portal: Peer, signed_in: FlaskClient
) -> None:
    token = portal.redeem(portal.code(signed_in, scope="read")).json["access_token"]
    refused = portal.get("/api/v1/passports", token)

    assert (refused.status_code, refused.json["code"]) == (403, "insufficient_scope")
    assert refused.json["scope"] == "ga4gh_passport_v1"


def test_the_gateways_own_command_may_ask_for_what_it_asks_for(runtime: Runtime) -> None:
    cli = find_client(runtime, "sumun-cli")

    assert cli is not None
    assert cli.get_allowed_scope(SCOPE) is not None
    assert {"organisation", "email", "access_log"} <= scopes(SCOPE)
