"""Seats through the API: managers see who sits where and move them, nobody else."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from audit.search import Filters
from gateway.access import wiring as access
from gateway.access.models import Grant, HolderKind
from gateway.agreements import wiring as agreements
from gateway.catalog import wiring as catalog
from gateway.evidence.reading import snapshot
from gateway.identity.models import Person
from gateway.runtime import Runtime
from tests import oauth_peer, people, world
from tests.logs import numbered


@pytest.fixture
def app(runtime: Runtime) -> Flask:
    return world.small_app(runtime, catalog, agreements, access)


@pytest.fixture
def town(runtime: Runtime) -> tuple[str, uuid.UUID, dict[str, Person]]:
    """A seat of a managed organisation: its address, the grant, and who is who."""
    made = world.build(runtime)
    who = {name: people.make_person(runtime, name) for name in ("manager", "member", "stranger")}
    holder = people.person(runtime, "holder")
    place = oauth_peer.organisation(runtime, who["manager"], who["member"], holder)
    world.change(runtime, Grant, made.grant, organisation_id=place, holder_kind=HolderKind.SEAT)
    return f"/api/v1/organisations/{place}/seats", made.grant, who


def test_a_manager_sees_and_moves_a_seat(runtime: Runtime, client: FlaskClient, town: Any) -> None:
    address, grant, who = town
    headers = people.bearer(client, who["manager"])
    (before,) = client.get(address, headers=headers).json["items"]
    body = {"person": str(who["member"].id)}
    moved = client.post(f"{address}/{grant}/move", json=body, headers=headers)
    (after,) = client.get(address, headers=headers).json["items"]

    assert (before["grant_id"], before["dataset"]) == (str(grant), "voices")
    assert moved.status_code == 204, moved.text
    assert after["person"] == body["person"] != before["person"]
    numbered(runtime)
    with snapshot(runtime, main=True) as (_sql, reader):
        for act in ("person.viewed", "grant.seat_moved"):
            assert reader.search(Filters(action=act)), act


@pytest.mark.parametrize(("to", "status"), [("manager", 403), ("stranger", 422), (None, 422)])
def test_a_seat_goes_to_members_and_never_to_oneself(
    client: FlaskClient, town: Any, to: str | None, status: int
) -> None:
    address, grant, who = town
    body = {"person": str(who[to].id)} if to else {}

    answer = client.post(
        f"{address}/{grant}/move", json=body, headers=people.bearer(client, who["manager"])
    )

    assert answer.status_code == status, answer.text


def test_nobody_else_sees_or_moves_seats(client: FlaskClient, town: Any) -> None:
    address, grant, who = town
    for name in ("member", "stranger"):
        headers = people.bearer(client, who[name])
        body = {"person": str(who["member"].id)}

        assert client.get(address, headers=headers).status_code == 403
        answer = client.post(f"{address}/{grant}/move", json=body, headers=headers)
        assert answer.status_code == 403
    assert client.get(address).status_code == 401
