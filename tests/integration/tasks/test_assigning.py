"""Assigning, finishing, taking back: who may, what comes back, and of many at once exactly one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from gateway import ids
from gateway.cli.main import root
from gateway.clock import FixedClock
from gateway.errors import Problem, ProblemCode
from gateway.identity.models import PersonStatus, Role
from gateway.tasks.models import ItemOutcome, Task, TaskItem
from gateway.tasks.service import assign, end, finish_item
from tests import people, working
from tests import world as worlds
from tests.integration.tasks.conftest import PATHS, Stage
from tests.people import acting_as

MANY = tuple(f"p{number}.txt" for number in range(201))


def rows(stage: Stage, kind: Any = Task) -> list[Any]:
    with stage.runtime.db.read() as session:
        return list(session.scalars(select(kind).order_by(kind.id)))


def tried(verb: Any) -> str:
    try:
        verb()
    except Problem as problem:
        return str(problem.code)
    return "done"


def test_a_contractor_assigns_on_the_page_and_sees_how_far_it_is(stage: Stage) -> None:
    desk = stage.sit(stage.contractor)

    answer = people.post(
        desk, "/tasks/desk", dataset="voices", version="1.0", account=stage.worker.account,
        paths="b.txt\r\nc.txt\r\n", instructions="확인합니다.", hours="24",
    )  # fmt: skip

    assert answer.status_code == 303
    assert {row.path for row in rows(stage, TaskItem)} == {"b.txt", "c.txt"}
    for language, word in (("ko", "진행 중"), ("en", "Under way")):
        page = desk.get(f"/tasks/desk?lang={language}").text
        assert word in page
        assert "0 / 2" in page


WRONG: dict[str, tuple[dict[str, Any], ProblemCode]] = {
    "an item that is not there": ({"paths": ["nothing.txt"]}, ProblemCode.VALIDATION_FAILED),
    "a path outside": ({"paths": ["../b.txt"]}, ProblemCode.VALIDATION_FAILED),
    "no item": ({"paths": []}, ProblemCode.VALIDATION_FAILED),
    "too many items": ({"paths": MANY}, ProblemCode.VALIDATION_FAILED),
    "no instructions": ({"instructions": " "}, ProblemCode.VALIDATION_FAILED),
    "an unknown person": ({"account": "nobody"}, ProblemCode.NOT_FOUND),
    "oneself": ({"account": "contractor"}, ProblemCode.FORBIDDEN),
    "an unknown dataset": ({"dataset": "nothing"}, ProblemCode.NOT_FOUND),
    "an unknown version": ({"version": "9.9"}, ProblemCode.NOT_FOUND),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_cannot_be_assigned_is_refused_and_nothing_is_stored(stage: Stage, wrong: str) -> None:
    changes, code = WRONG[wrong]

    assert stage.refused(**changes).code is code
    assert rows(stage) == []


@pytest.mark.parametrize("days", [-1, 0, 31])
def test_an_end_lies_ahead_and_within_thirty_days(stage: Stage, days: int) -> None:
    ends_at = stage.runtime.clock.now() + timedelta(days=days, seconds=days)

    assert stage.refused(ends_at=ends_at).extra["field"] == "ends_at"


def test_only_a_steward_or_contractor_of_the_dataset_assigns_and_takes_back(stage: Stage) -> None:
    made = stage.assign()
    elsewhere = people.make_person(stage.runtime, "elsewhere")
    people.grant(stage.runtime, elsewhere, Role.CONTRACTOR, "other-data")
    auditor = people.make_person(stage.runtime, "auditor")
    people.grant(stage.runtime, auditor, Role.AUDITOR)
    steward = people.make_person(stage.runtime, "steward")
    people.grant(stage.runtime, steward, Role.STEWARD, "voices")

    for who in (elsewhere, auditor, stage.worker, people.make_person(stage.runtime, "stranger")):
        me = acting_as(who)
        assert tried(lambda me=me: assign(stage.runtime, me, stage.new())) == "forbidden"
        assert tried(lambda me=me: end(stage.runtime, me, made)) == "forbidden"
    assert tried(lambda: end(stage.runtime, acting_as(steward), made)) == "done"
    assert tried(lambda: end(stage.runtime, acting_as(steward), made)) == "wrong_state"


def test_nobody_answers_for_a_task_in_another_persons_name(stage: Stage) -> None:
    """`by` is the host's: an actor who is a person cannot borrow somebody's role with it."""
    stranger = people.make_person(stage.runtime, "stranger")

    answer = tried(
        lambda: assign(stage.runtime, acting_as(stranger), stage.new(), stage.contractor.id)
    )

    assert answer == "forbidden"


def test_a_closed_account_gets_no_task(stage: Stage) -> None:
    worlds.change(stage.runtime, type(stage.worker), stage.worker.id, status=PersonStatus.SUSPENDED)

    assert stage.refused().code is ProblemCode.VALIDATION_FAILED


def test_a_person_holds_one_live_task_and_the_next_one_after_its_end(
    stage: Stage, clock: FixedClock
) -> None:
    stage.assign()
    assert stage.refused().code is ProblemCode.CONFLICT

    clock.advance(timedelta(days=1))
    stage.assign()

    assert [row.end_reason for row in rows(stage)] == ["expired", None]


def test_of_eight_tasks_assigned_at_once_one_is(stage: Stage) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = sorted(pool.map(lambda _n: tried(stage.assign), range(8)))

    assert answers == [*["conflict"] * 7, "done"]
    assert len(rows(stage)) == 1


def test_of_eight_who_finish_an_item_at_once_one_does(stage: Stage) -> None:
    made = stage.assign()
    first = rows(stage, TaskItem)[0]
    me = acting_as(stage.worker)

    def finish(_turn: int) -> str:
        return tried(lambda: finish_item(stage.runtime, me, made, first.id, ItemOutcome.SKIPPED))

    with ThreadPoolExecutor(8) as pool:
        answers = sorted(pool.map(finish, range(8)))
    assert answers == ["done", *["wrong_state"] * 7]


def test_nobody_else_finishes_a_workers_item(stage: Stage) -> None:
    made = stage.assign()
    first = rows(stage, TaskItem)[0]
    other = working.worker(stage.runtime, "other.worker")

    for who in (other, stage.contractor):
        me = acting_as(who)
        verb = lambda me=me: finish_item(  # noqa: E731
            stage.runtime, me, made, first.id, ItemOutcome.DONE
        )
        assert tried(verb) == "not_found"


def test_a_task_that_is_over_takes_no_outcome(stage: Stage, clock: FixedClock) -> None:
    made = stage.assign()
    first = rows(stage, TaskItem)[0]
    clock.advance(timedelta(days=1))

    verb = lambda: finish_item(  # noqa: E731
        stage.runtime, acting_as(stage.worker), made, first.id, ItemOutcome.DONE
    )
    assert tried(verb) == "wrong_state"


def _task(stage: Stage, **changes: Any) -> Task:
    now = stage.runtime.clock.now()
    fields: dict[str, Any] = {
        "id": ids.new(stage.runtime.clock), "person_id": stage.worker.id,
        "dataset_id": stage.world.dataset, "version_id": stage.world.version,
        "instructions": "x", "assigned_by": stage.contractor.id, "created_at": now,
        "ends_at": now + timedelta(days=1),
    }  # fmt: skip
    return Task(**(fields | changes))


def test_the_database_refuses_a_task_to_oneself_without_a_window_or_beside_a_live_one(
    stage: Stage,
) -> None:
    stage.assign()
    wrong = (
        {"assigned_by": stage.worker.id, "ended_at": stage.runtime.clock.now()},
        {"ends_at": stage.runtime.clock.now(), "ended_at": stage.runtime.clock.now()},
        {},
    )
    for changes in wrong:
        with pytest.raises(IntegrityError), stage.runtime.db.write() as session:
            session.add(_task(stage, **changes))


def test_the_host_assigns_and_takes_back_in_the_name_of_staff(stage: Stage) -> None:
    home = str(stage.runtime.settings.home)
    environment = {"SUMUN_DATABASE_URL": stage.runtime.settings.database_url}
    run = CliRunner()

    def sumun(*words: str) -> Any:
        return run.invoke(root, ["crowd", *words, "--home", home], env=environment)

    words = (stage.worker.account, "voices", "1.0", *PATHS, "--instructions", "확인", "--by")
    assert sumun("assign", *words, "holder").exit_code == 2
    made = sumun("assign", *words, "contractor")
    assert made.exit_code == 0, made.output
    (task,) = rows(stage)
    assert sumun("end", str(task.id), "--by", "contractor").exit_code == 0
    assert rows(stage)[0].end_reason == "taken_back"
    assert sumun("free-identity", stage.worker.account).exit_code == 2
