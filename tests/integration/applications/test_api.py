from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from gateway.applications.models import Application
from gateway.runtime import Runtime
from tests import applying
from tests.applying import PLAN, REASON, Cast
from tests.people import bearer

STEWARD = "voices"
BODY = {
    "datasets": [STEWARD],
    "title": "고령자 음성 인식 연구",
    "purpose": "academic_research",
    "uses": ["model_training"],
    "plan": PLAN,
    "supervisor": "professor",
    "team": ["mate"],
}


class Caller:
    """A program that acts for one person."""

    def __init__(self, app: Flask, one: Any) -> None:
        self._client = app.test_client()
        self._headers = bearer(self._client, one)

    def get(self, path: str) -> Any:
        return self._client.get(f"/api/v1{path}", headers=self._headers)

    def put(self, path: str, body: Any) -> Any:
        return self._client.put(f"/api/v1{path}", json=body, headers=self._headers)

    def post(self, path: str, body: Any, key: str = "") -> Any:
        headers = self._headers | ({"Idempotency-Key": key} if key else {})
        return self._client.post(f"/api/v1{path}", json=body, headers=headers)


def test_from_draft_to_approval_over_the_api(app: Flask, cast: Cast) -> None:
    applicant, steward = Caller(app, cast.researcher), Caller(app, cast.steward)

    made = applicant.post("/applications", BODY | {"plan": ""})
    assert (made.status_code, made.json["state"]) == (201, "draft")
    where = f"/applications/{made.json['id']}"
    assert applicant.post(f"{where}/submit", {"revision": 1}).status_code == 422
    saved = applicant.put(where, BODY | {"revision": 1})
    assert (saved.status_code, saved.json["revision"]) == (200, 2)
    sent = applicant.post(f"{where}/submit", {"revision": 2})
    assert sent.json["state"] == "submitted"

    (row,) = steward.get("/review").json["items"]
    review = steward.get(f"/review/{row['id']}").json
    assert review["may_vote"] is True
    assert {each["code"] for each in review["missing"]} >= {"GRANT_MISSING"}
    ballot = {"choice": "approve", "reason": REASON, "revision": review["revision"]}
    voted = steward.post(f"/review/{row['id']}/votes", ballot)

    assert (voted.status_code, voted.json["state"]) == (201, "approved")
    assert applicant.get(where).json["items"][0]["grant_id"]


def test_a_repeated_post_is_done_once(app: Flask, runtime: Runtime, cast: Cast) -> None:
    applicant = Caller(app, cast.researcher)

    first = applicant.post("/applications", BODY, key="one")
    again = applicant.post("/applications", BODY, key="one")
    other = applicant.post("/applications", BODY | {"title": "다른 제목"}, key="one")

    assert first.json == again.json
    assert again.headers["Idempotency-Replayed"] == "true"
    assert other.status_code == 409
    with runtime.db.read() as session:
        assert len(session.scalars(select(Application)).all()) == 1


def test_a_repeated_vote_is_one_vote(app: Flask, runtime: Runtime, cast: Cast) -> None:
    made = applying.submitted(runtime, cast.researcher, STEWARD)
    item = applying.item(runtime, made.id)
    steward = Caller(app, cast.steward)
    revision = steward.get(f"/review/{item.id}").json["revision"]
    ballot = {"choice": "approve", "reason": REASON, "revision": revision}

    first = steward.post(f"/review/{item.id}/votes", ballot, key="v")
    again = steward.post(f"/review/{item.id}/votes", ballot, key="v")
    fresh = steward.post(f"/review/{item.id}/votes", ballot)

    assert (first.status_code, again.json) == (201, first.json)
    assert fresh.status_code == 409


@pytest.mark.parametrize("who", ["stranger", "steward", "mate"])
def test_a_draft_is_nobody_elses(app: Flask, runtime: Runtime, cast: Cast, who: str) -> None:
    made = applying.drafted(runtime, cast.researcher, STEWARD)
    other = Caller(app, getattr(cast, who))
    where = f"/applications/{made.id}"

    assert other.get(where).status_code == 404
    assert other.put(where, BODY | {"revision": 1}).status_code == 404
    for command, body in (("submit", {"revision": 1}), ("withdraw", {}), ("close", {})):
        assert other.post(f"{where}/{command}", body).status_code == 404
    assert other.get("/applications").json["items"] == []


def test_a_stranger_learns_nothing_of_what_was_submitted(
    app: Flask, runtime: Runtime, cast: Cast
) -> None:
    made = applying.submitted(runtime, cast.researcher, STEWARD)
    stranger = Caller(app, cast.stranger)

    assert stranger.get(f"/applications/{made.id}").status_code == 404
    assert stranger.get(f"/review/{applying.item(runtime, made.id).id}").status_code == 403
    assert stranger.get("/review").status_code == 403


def test_the_team_reads_what_was_submitted_and_changes_nothing(
    app: Flask, runtime: Runtime, cast: Cast
) -> None:
    made = applying.submitted(runtime, cast.researcher, STEWARD)
    mate = Caller(app, cast.mate)

    assert mate.get(f"/applications/{made.id}").status_code == 200
    assert len(mate.get("/applications").json["items"]) == 1
    assert mate.post(f"/applications/{made.id}/withdraw", {}).status_code == 403


def test_nobody_without_a_session_gets_in(app: Flask, cast: Cast) -> None:
    client = app.test_client()

    assert client.get("/api/v1/applications").status_code == 401
    assert client.get("/api/v1/review").status_code == 401


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        (BODY | {"datasets": ["no-such-set"]}, 422),
        (BODY | {"datasets": [STEWARD] * 21}, 422),
        (BODY | {"purpose": "world_domination"}, 422),
        (BODY | {"uses": ["anything_at_all"]}, 422),
        (BODY | {"uses": "model_training"}, 422),
        (BODY | {"study_kinds": ["curiosity"]}, 422),
        (BODY | {"diseases": ["a cold"]}, 422),
        (BODY | {"diseases": [f"DOID:{number}" for number in range(21)]}, 422),
        (BODY | {"study_months": 0}, 422),
        (BODY | {"non_commercial": "perhaps"}, 422),
        (BODY | {"title": "x" * 201}, 422),
        (BODY | {"plan": "x" * 20_001}, 422),
        (BODY | {"surprise": 1}, 422),
        (BODY | {"team": "mate"}, 422),
        (BODY | {"team": [1]}, 422),
        (BODY | {"team": ["no.such.person"]}, 422),
        (BODY | {"supervisor": "researcher"}, 422),
        (BODY | {"project_id": "not-a-uuid"}, 422),
        (BODY | {"project_id": "00000000-0000-7000-8000-000000000000"}, 404),
        (BODY | {"organisation_id": "00000000-0000-7000-8000-000000000000"}, 422),
        ([], 400),
    ],
)
def test_bad_input_is_named_and_leaves_nothing(
    app: Flask, runtime: Runtime, cast: Cast, body: Any, status: int
) -> None:
    answer = Caller(app, cast.researcher).post("/applications", body)

    assert answer.status_code == status
    assert answer.mimetype == "application/problem+json"
    with runtime.db.read() as session:
        assert session.scalars(select(Application)).all() == []


def test_lists_are_paged_by_signed_cursors(app: Flask, runtime: Runtime, cast: Cast) -> None:
    for _time in range(3):
        applying.drafted(runtime, cast.researcher, STEWARD)
    applicant = Caller(app, cast.researcher)

    first = applicant.get("/applications?limit=2").json
    second = applicant.get(f"/applications?limit=2&cursor={first['next']}").json

    assert len(first["items"]) == 2
    assert len(second["items"]) == 1
    assert applicant.get("/applications?cursor=forged").status_code == 400
