"""No durable event, no byte; and once the log can be written again, all goes on by itself."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from gateway.errors import Problem, ProblemCode
from gateway.oversight.offline import verify_home
from tests.integration.promises.evidence import downloads, unwritable_log
from tests.integration.promises.stage import DATA, Stage
from tests.people import bearer


def test_without_a_writable_log_not_one_byte_leaves_and_then_all_goes_on(
    stage: Stage, client: FlaskClient
) -> None:
    (held,) = stage.held
    stage.issue(held, "1.0", "a.txt")
    package = stage.package(held, "1.0")
    stage.issue_export(held, "1.0", package)
    for url in stage.urls:
        with unwritable_log(stage.runtime):
            answer = client.get(url.target, headers={"Range": "bytes=0-9"}, buffered=True)
            assert (answer.status_code, answer.json["code"]) == (503, "log_unavailable")
            assert DATA["a.txt"][:5] not in answer.data
        assert downloads(stage, url.item) == []
        assert client.get(url.target, buffered=True).status_code == 200
        assert len(downloads(stage, url.item)) == 1
    assert verify_home(stage.runtime.settings).clean


def test_without_a_writable_log_no_address_is_told(stage: Stage) -> None:
    with unwritable_log(stage.runtime), pytest.raises(Problem) as refusal:
        stage.issue(stage.held[0], "1.0", "a.txt")

    assert refusal.value.code is ProblemCode.LOG_UNAVAILABLE
    stage.issue(stage.held[0], "1.0", "a.txt")


def test_a_refusal_that_cannot_be_recorded_is_a_503_too(stage: Stage, client: FlaskClient) -> None:
    stage.issue(stage.held[0], "1.0", "a.txt")
    stage.revoke(stage.held[0])
    headers = bearer(client, stage.holder)
    with unwritable_log(stage.runtime):
        assert client.get(stage.urls[0].target).status_code == 503
        assert client.get("/api/v1/audit/entries", headers=headers).status_code == 503

    assert client.get(stage.urls[0].target).status_code == 403
    assert client.get("/api/v1/audit/entries", headers=headers).status_code == 403
