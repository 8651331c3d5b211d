"""Programs that bring results: their token is looked at before the body is read, and once."""

from __future__ import annotations

import uuid

import pytest
from flask import Flask
from sqlalchemy import update

from gateway.access.models import Grant
from gateway.catalog.models import Dataset
from gateway.identity.models import SignInSession
from gateway.identity.oauth.models import OAuthClient
from gateway.identity.oauth.vocabulary import MACHINE_SCOPES
from gateway.runtime import Runtime
from tests import oauth_peer as peers
from tests import people
from tests import world as worlds
from tests.integration.exports.conftest import Stage
from tests.integration.exports.making import package


@pytest.mark.parametrize("bound", [False, True])
def test_a_program_is_recognised_before_its_result_is_read(
    bound: bool, app: Flask, runtime: Runtime
) -> None:
    """The proof of a bound token counts once, so asking for it twice would refuse it."""
    mina, browser = people.make_person(runtime, "mina"), app.test_client()
    people.sign_in(browser, mina)
    portal = peers.web(runtime, app.test_client(), people.make_person(runtime, "manager"))
    code = portal.code(browser, scope="openid read write")
    token = portal.redeem(code, dpop=bound).json["access_token"]
    path = "/api/v1/exports/results"
    headers = {"Authorization": f"{'DPoP' if bound else 'Bearer'} {token}"}
    if bound:
        headers["DPoP"] = portal.proof("POST", path, token)

    answer = portal.http.post(
        f"{path}?grant_id={uuid.uuid4()}",
        data=b"PK",
        content_type="application/zip",
        headers=headers,
    )

    assert answer.status_code == 404, answer.text


@pytest.mark.parametrize("content", ["health", "face"])
def test_a_package_of_health_or_face_data_leaves_only_after_a_passkey(
    stage: Stage, app: Flask, content: str
) -> None:
    """To have it made asks for none; its signed address, by which the bytes leave, does."""
    worlds.change(stage.runtime, Dataset, stage.world.dataset, content=content)
    client = app.test_client(use_cookies=False)
    headers = people.bearer(client, stage.holder)
    wanted = {"grant_id": str(stage.world.grant), "patterns": ["clean/*"]}
    made = client.post("/api/v1/exports", json=wanted, headers=headers)
    stage.work()
    path = f"/api/v1/exports/{made.json['id']}/url"

    refused = client.post(path, json={}, headers=headers)
    with stage.runtime.db.write() as session:
        mine = update(SignInSession).where(SignInSession.person_id == stage.holder.id)
        session.execute(mine.values(stepped_up_at=stage.runtime.clock.now()))
    allowed = client.post(path, json={}, headers=headers)

    assert made.status_code == 201, made.text
    assert refused.status_code == 401, refused.text
    assert refused.json["code"] == "insufficient_user_authentication"
    assert "url" not in refused.json
    assert allowed.status_code == 201, allowed.text


def test_a_machine_has_no_package_made_and_fetches_none(stage: Stage, app: Flask) -> None:
    boss, client = people.make_person(stage.runtime, "boss"), app.test_client(use_cookies=False)
    robot = peers.machine(stage.runtime, client, boss, stage.holder, scopes=MACHINE_SCOPES)
    with stage.runtime.db.read() as session:
        place = session.get_one(OAuthClient, robot.client_id).organisation_id
    worlds.change(stage.runtime, Grant, stage.world.grant, organisation_id=place)
    token = peers.credentials(robot).json["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    released = package(stage, "clean/*")
    stage.work()
    wanted = {"grant_id": str(stage.world.grant), "patterns": ["clean/*"]}
    answers = [
        client.post("/api/v1/exports", json=wanted, headers=headers),
        client.post(f"/api/v1/exports/{released}/url", json={}, headers=headers),
        client.get("/api/v1/exports", headers=headers),
        client.get(f"/api/v1/exports/{released}", headers=headers),
        client.post(f"/api/v1/exports/results?grant_id={stage.world.grant}", headers=headers,
                    data=b"PK", content_type="application/zip"),
    ]  # fmt: skip

    assert {(each.status_code, each.json["code"]) for each in answers} == {
        (403, "machine_not_allowed")
    }
