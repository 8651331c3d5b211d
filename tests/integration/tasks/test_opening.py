"""Opening items: one's own, by id, while the task lives; any other way is refused with a reason."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from gateway import ids
from gateway.access.models import Grant
from gateway.agreements.models import Acceptance
from gateway.catalog.models import Dataset, DatasetVersion
from gateway.clock import FixedClock
from gateway.identity.models import (
    Attestation,
    AttestationKind,
    Person,
    PersonStatus,
    Role,
    SignInSession,
)
from gateway.tasks.models import Task, TaskItem
from gateway.tasks.service import end
from tests import people, working
from tests import world as worlds
from tests.integration.tasks.conftest import FILES, Stage
from tests.logs import numbered

YEAR = timedelta(days=365)


def item(stage: Stage) -> Any:
    """The item that the worker's page leads to."""
    told = stage.browser.get("/api/v1/tasks/current").json
    return told["id"], told["next_item"]


def opened(stage: Stage, seat: Any = None) -> Any:
    task_id, item_id = item(stage)
    return (seat or stage.browser).get(f"/tasks/{task_id}/items/{item_id}/file")


def codes(answer: Any) -> set[str]:
    return {each["code"] for each in answer.json["blockers"]}


def asked(stage: Stage, task_id: str, item_id: str, seat: Any = None) -> Any:
    return (seat or stage.browser).get(f"/api/v1/tasks/{task_id}/items/{item_id}")


def test_a_worker_opens_the_assigned_items_one_by_one_and_nothing_remains(stage: Stage) -> None:
    stage.assign()
    got = {}
    while stage.browser.get("/api/v1/tasks/current").status_code == 200:
        task_id, item_id = item(stage)
        told = asked(stage, task_id, item_id).json
        got[told["path"]] = stage.browser.get(told["file"]).data
        done = people.post(
            stage.browser, f"/tasks/{task_id}/items/{item_id}/finish", outcome="done"
        )
        assert done.status_code == 303
        assert codes(asked(stage, task_id, item_id)) == {"TASK_SCOPE"}

    assert got == {path: FILES[path] for path in sorted(FILES)[:2]}
    assert "No task is assigned to you now" in stage.browser.get("/tasks?lang=en").text


def test_the_bytes_leave_only_after_the_log_knows_and_the_end_is_told(
    stage: Stage, events: list[Any]
) -> None:
    stage.assign()
    answer = opened(stage)
    assert answer.data in FILES.values()
    answer.close()
    numbered(stage.runtime)

    told = [event for event in events if event.action.startswith("task_item")]
    assert [event.action for event in told] == ["task_item.authorized", "task_item.completed"]
    assert told[0].item in FILES
    assert told[0].detail["action"] == "work_task"


def test_somebody_elses_item_is_refused_with_the_reason_and_the_way_on(stage: Stage) -> None:
    stage.assign()
    task_id, item_id = item(stage)
    other = stage.sit(working.worker(stage.runtime, "other.worker"))

    answer = asked(stage, task_id, item_id, other)

    assert answer.status_code == 403
    assert codes(answer) == {"TASK_SCOPE"}
    assert "assigned items only" in answer.json["blockers"][0]["remedy_en"]
    assert all(path not in answer.text for path in FILES)
    contractor = stage.sit(stage.contractor)
    assert asked(stage, task_id, item_id, contractor).status_code == 403


def test_an_id_of_another_task_opens_nothing(stage: Stage) -> None:
    stage.assign()
    task_id, item_id = item(stage)
    nowhere = uuid.uuid4()

    assert asked(stage, str(nowhere), item_id).status_code == 404
    assert asked(stage, task_id, str(nowhere)).status_code == 404


def test_a_task_that_is_over_closes_its_items(stage: Stage, clock: FixedClock) -> None:
    made = stage.assign()
    task_id, item_id = item(stage)
    assert asked(stage, task_id, item_id).status_code == 200

    clock.advance(timedelta(days=1))
    seat = stage.sit(stage.worker)
    assert codes(asked(stage, task_id, item_id, seat)) == {"TASK_SCOPE"}
    assert seat.get("/api/v1/tasks/current").status_code == 404
    assert str(made) == task_id


def test_a_task_that_is_taken_back_closes_with_the_next_request(stage: Stage) -> None:
    made = stage.assign()
    task_id, item_id = item(stage)

    end(stage.runtime, people.acting_as(stage.contractor), made)

    assert codes(asked(stage, task_id, item_id)) == {"TASK_SCOPE"}


CLOSING = {
    "the dataset is withdrawn": (
        "DATASET_WITHDRAWN",
        lambda s: worlds.change(
            s.runtime, Dataset, s.world.dataset, withdrawn_at=s.runtime.clock.now()
        ),
    ),
    "the version is withdrawn": (
        "DATASET_WITHDRAWN",
        lambda s: worlds.change(s.runtime, DatasetVersion, s.world.version, state="withdrawn"),
    ),
    "the signature ran out": (
        "ACCEPTANCE_NOT_LIVE",
        lambda s: _sign_until(s, s.runtime.clock.now()),
    ),
    "restricted data and nobody checked": (
        "IDENTITY_TOO_WEAK",
        lambda s: worlds.change(s.runtime, Dataset, s.world.dataset, sensitivity="restricted"),
    ),
}


def _sign_until(stage: Stage, moment: Any) -> None:
    with stage.runtime.db.write() as session:
        session.execute(
            update(Acceptance)
            .where(Acceptance.person_id == stage.worker.id)
            .values(expires_at=moment)
        )


@pytest.mark.parametrize("why", CLOSING)
def test_each_reason_closes_an_open_item(stage: Stage, why: str) -> None:
    stage.assign()
    task_id, item_id = item(stage)
    assert asked(stage, task_id, item_id).status_code == 200
    code, change = CLOSING[why]

    change(stage)

    assert codes(asked(stage, task_id, item_id)) == {code}


def test_a_worker_who_is_suspended_has_no_session_any_more(stage: Stage) -> None:
    stage.assign()
    task_id, item_id = item(stage)
    worlds.change(stage.runtime, Person, stage.worker.id, status=PersonStatus.SUSPENDED)

    assert asked(stage, task_id, item_id).status_code == 401


def test_what_the_datasets_users_sign_is_not_what_a_worker_signs(stage: Stage) -> None:
    """The worker signed the crowd-work agreement and not the dataset's own, and works."""
    with stage.runtime.db.read() as session:
        signed = session.scalars(
            select(Acceptance.code).where(Acceptance.person_id == stage.worker.id)
        ).all()
    stage.assign()

    assert signed == ["crowd-work"]
    assert opened(stage).status_code == 200


def test_health_data_asks_a_worker_for_a_passkey_too(stage: Stage) -> None:
    worlds.change(stage.runtime, Dataset, stage.world.dataset, content="health")
    stage.assign()
    task_id, item_id = item(stage)

    answer = asked(stage, task_id, item_id)

    assert answer.status_code == 401
    assert answer.json["code"] == "insufficient_user_authentication"
    with stage.runtime.db.write() as session:
        session.execute(
            update(SignInSession)
            .where(SignInSession.person_id == stage.worker.id)
            .values(stepped_up_at=stage.runtime.clock.now())
        )
    assert asked(stage, task_id, item_id).status_code == 200


def _checked(stage: Stage, level: int) -> None:
    now = stage.runtime.clock.now()
    row = Attestation(
        id=ids.new(stage.runtime.clock), kind=AttestationKind.IDENTITY, person_id=stage.worker.id,
        issuer="agency", reference="1", level=level, valid_from=now, valid_until=now + YEAR,
        checked_at=now, created_at=now,
    )  # fmt: skip
    with stage.runtime.db.write() as session:
        session.add(row)


def test_a_checked_worker_works_on_restricted_data(stage: Stage) -> None:
    worlds.change(stage.runtime, Dataset, stage.world.dataset, sensitivity="restricted")
    stage.assign()
    task_id, item_id = item(stage)

    _checked(stage, 1)

    assert asked(stage, task_id, item_id).status_code == 200


def test_whoever_is_given_the_role_is_bound_like_whoever_signed_up(stage: Stage) -> None:
    holder = stage.sit(people.make_person(stage.runtime, "by.role"))
    assert holder.get("/datasets").status_code == 200

    people.grant(stage.runtime, people.person(stage.runtime, "by.role"), Role.CROWD_WORKER)

    assert holder.get("/datasets").status_code == 403
    assert holder.get("/").location.endswith("/tasks")


def test_a_grant_gives_a_crowd_worker_no_byte(stage: Stage) -> None:
    """A worker who somehow holds a grant is refused by the rules, not by the list of pages only."""
    token = stage.app.test_client(use_cookies=False)
    holder = people.person(stage.runtime, "holder")
    worlds.change(stage.runtime, Person, holder.id, password_hash=stage.worker.password_hash)
    headers = people.bearer(token, holder)
    body = {"dataset": "voices", "path": "b.txt", "grant": str(stage.world.grant)}
    address = token.post("/api/v1/urls", json=body, headers=headers).json["url"]
    assert token.get(address).status_code == 200

    people.grant(stage.runtime, holder, Role.CROWD_WORKER)

    assert codes(token.get(address)) == {"TASK_SCOPE"}
    assert token.post("/api/v1/urls", json=body, headers=headers).status_code == 403
    with stage.runtime.db.read() as session:
        assert session.get_one(Grant, stage.world.grant).ended_at is None


def test_the_worker_sees_no_path_before_the_item_is_opened(stage: Stage) -> None:
    stage.assign()

    page = stage.browser.get("/tasks?lang=ko")

    assert page.status_code == 200
    assert all(path not in page.text for path in FILES)
    assert "0 / 2" in page.text
    with stage.runtime.db.read() as session:
        assert len(session.scalars(select(TaskItem)).all()) == 2
        assert session.scalars(select(Task.person_id)).all() == [stage.worker.id]
