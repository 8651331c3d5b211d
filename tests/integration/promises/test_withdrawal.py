"""What is withdrawn stops at once, and the log names exactly who has received it."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from gateway.catalog import service as catalog
from gateway.catalog import service_versions
from gateway.errors import Problem, ProblemCode
from gateway.oversight.offline import verify_home
from tests.applying import REASON
from tests.integration.promises import recipients
from tests.integration.promises.stage import DATA, Stage


def withdraw_version(stage: Stage) -> str:
    service_versions.withdraw_version(stage.runtime, stage.decider, stage.slug, "1.0", REASON)
    return "DATASET_WITHDRAWN"


def withdraw_dataset(stage: Stage) -> str:
    catalog.withdraw_dataset(stage.runtime, stage.decider, stage.slug, REASON)
    return "DATASET_WITHDRAWN"


@pytest.mark.parametrize("withdraw", [withdraw_version, withdraw_dataset])
def test_a_withdrawal_stops_every_address_on_the_next_request(
    stage: Stage, client: FlaskClient, withdraw: Callable[[Stage], str]
) -> None:
    (held,) = stage.held
    stage.issue(held, "1.0", "a.txt")
    stage.issue_export(held, "1.0", stage.package(held, "1.0"))
    assert [client.get(url.target, buffered=True).status_code for url in stage.urls] == [200, 200]
    code = withdraw(stage)
    for url in stage.urls:
        answer = client.get(url.target, buffered=True)
        assert answer.status_code == 403
        assert [each["code"] for each in answer.json["blockers"]] == [code]
    with pytest.raises(Problem) as refusal:
        stage.issue(held, "1.0", "a.txt")
    assert refusal.value.code is ProblemCode.ACCESS_DENIED


def test_the_log_names_exactly_who_received_a_file_alone_or_in_a_package(
    stage: Stage, client: FlaskClient
) -> None:
    alone, other_file, packed, other_package, never, too_late = (
        stage.joined() for _number in range(6)
    )
    for one in (alone, never, too_late):
        one.issue(one.held[0], "1.0", "a.txt")
    other_file.issue(other_file.held[0], "1.0", "b.txt")
    for one, pattern in ((packed, "a.txt"), (other_package, "b.txt")):
        export_id = one.package(one.held[0], "1.0", pattern)
        one.issue_export(one.held[0], "1.0", export_id)
    received = [
        client.get(one.urls[0].target, buffered=True).data
        for one in (alone, other_file, packed, other_package)
    ]
    withdraw_version(stage)
    assert client.get(too_late.urls[0].target).status_code == 403
    numbered(stage)

    expected = {recipients.token(stage.runtime, one.holder.id) for one in (alone, packed)}
    assert recipients.of_item(stage.runtime, stage.slug, "a.txt") == expected
    assert received[:2] == [DATA["a.txt"], DATA["b.txt"]]
    assert all(received)
    assert verify_home(stage.runtime.settings).clean


def numbered(stage: Stage) -> None:
    """Wait until the events of committed transactions stand in the log."""
    connection = stage.runtime.db.connect_raw(writable=False)
    try:
        for _moment in range(500):
            stage.runtime.journal.log.kick()
            if connection.execute("SELECT count(*) FROM audit_outbox").fetchone()[0] == 0:
                return
            time.sleep(0.01)
    finally:
        connection.close()
    raise AssertionError("the log does not number its events")
