"""Tasks: single items assigned to one person until an end, by a steward or the contractor.

Whether an item may be opened is decided by the rules (`task-scope`) at every request; what is
decided here is who may assign what, and what becomes of an assignment.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from gateway import ids
from gateway.catalog import manifest_index
from gateway.catalog.models import Dataset, DatasetVersion
from gateway.catalog.paths import PathInvalid, canonical
from gateway.catalog.service_versions import find_version
from gateway.errors import Problem, ProblemCode
from gateway.identity.models import Person, PersonStatus, Role
from gateway.identity.refusals import Part, role_missing
from gateway.identity.service_people import by_account, get_person
from gateway.identity.service_roles import covers, roles_held_by, roles_of
from gateway.journal import Act, Actor, Entry, PartyKind
from gateway.runtime import Runtime
from gateway.tasks.models import ItemOutcome, Task, TaskEnd, TaskItem

ASSIGNERS = (Role.STEWARD, Role.CONTRACTOR)
MOST_ITEMS = 200
LONGEST = timedelta(days=30)
INSTRUCTIONS_LENGTH = 2000


@dataclass(frozen=True, slots=True)
class NewTask:
    """Which items of which version go to whom, until when, and what is to be done with them."""

    dataset: str
    version: str
    account: str
    paths: Sequence[str]
    instructions: str
    ends_at: datetime


def assign(runtime: Runtime, actor: Actor, new: NewTask, by: uuid.UUID | None = None) -> uuid.UUID:
    """Assign items; returns the task. A command on the host names with `by` who answers for it.

    Raises Problem 403 without the role for the dataset or to oneself, 404 for what does not exist,
    409 while the person holds another task or the version is withdrawn, 422 for a field.
    """
    now, assigner = runtime.clock.now(), by or actor.person_id
    paths = _paths(new.paths)
    _check_window(new, now)
    with runtime.db.read() as session:
        dataset, version = find_version(session, new.dataset, new.version)
        _check_assigner(session, runtime, actor, assigner, dataset.slug)
    _check_items(runtime, version, paths)
    assert assigner is not None, "whoever holds a role is a person"
    try:
        with runtime.db.write() as session:
            _check_assigner(session, runtime, actor, assigner, dataset.slug)
            person = _worker(session, new.account, assigner)
            _make_room(session, person.id, now)
            return _store(session, runtime, actor, new, (dataset, version, person, assigner, paths))
    except IntegrityError:
        raise _busy() from None


def end(runtime: Runtime, actor: Actor, task_id: uuid.UUID, by: uuid.UUID | None = None) -> None:
    """Take a task back; its items close with the next request.

    Raises Problem 403 without the role, 404, 409 when it is over.
    """
    with runtime.db.write() as session:
        task = session.get(Task, task_id, with_for_update=True)
        if task is None:
            raise not_found()
        slug = _slug(session, task)
        _check_assigner(session, runtime, actor, by or actor.person_id, slug)
        if task.ended_at is not None or task.ends_at <= runtime.clock.now():
            raise _over()
        _end(session, runtime, actor, task, TaskEnd.TAKEN_BACK)


def finish_item(
    runtime: Runtime, actor: Actor, task_id: uuid.UUID, item_id: uuid.UUID, outcome: ItemOutcome
) -> None:
    """The worker is done with an item, or skips it; with the last one the task is over.

    Raises Problem 404 for another's, 409 for one that is finished already or whose task is over.
    """
    now = runtime.clock.now()
    with runtime.db.write() as session:
        task = session.get(Task, task_id, with_for_update=True)
        if task is None or task.person_id != actor.person_id:
            raise not_found()
        if task.ended_at is not None or task.ends_at <= now:
            raise _over()
        finished = session.scalar(
            update(TaskItem)
            .where(TaskItem.id == item_id, TaskItem.task_id == task.id)
            .where(TaskItem.outcome.is_(None))
            .values(outcome=outcome, finished_at=now)
            .returning(TaskItem.id)
        )
        if finished is None:
            raise _unfinishable(session, task, item_id)
        detail = {"outcome": str(outcome), "item": str(item_id)}
        told = _entry(session, actor, Act.TASK_ITEM_FINISHED, task, detail)
        runtime.journal.record(session, told)
        if _left(session, task.id) is None:
            _end(session, runtime, actor, task, TaskEnd.FINISHED)


def not_found() -> Problem:
    """The answer for a task or item that does not exist, or is not the person's."""
    return Problem(ProblemCode.NOT_FOUND, "해당 작업이 없습니다.", "There is no such task.")


def _paths(given: Sequence[str]) -> tuple[str, ...]:
    paths = tuple(dict.fromkeys(given))
    if not 1 <= len(paths) <= MOST_ITEMS:
        raise _invalid(
            "paths",
            f"항목을 1개 이상 {MOST_ITEMS}개 이하로 적어 주십시오.",
            f"Name 1 to {MOST_ITEMS} items.",
        )
    for path in paths:
        _check_path(path)
    return paths


def _check_path(path: str) -> None:
    try:
        canonical(path)
    except PathInvalid as error:
        raise _invalid(
            "paths",
            "항목 경로의 형식이 올바르지 않습니다. 목록에 있는 경로를 그대로 적어 주십시오.",
            "A path is not in its one valid spelling. Write it as it stands in the manifest.",
        ) from error


def _check_window(new: NewTask, now: datetime) -> None:
    if not now < new.ends_at <= now + LONGEST:
        raise _invalid(
            "ends_at",
            f"기한은 지금부터 {LONGEST.days}일 안이어야 합니다.",
            f"The end must lie within {LONGEST.days} days from now.",
        )
    if not 1 <= len(new.instructions.strip()) <= INSTRUCTIONS_LENGTH:
        raise _invalid(
            "instructions",
            f"작업 안내를 {INSTRUCTIONS_LENGTH}자 이하로 적어 주십시오.",
            f"Write what is to be done, in at most {INSTRUCTIONS_LENGTH} characters.",
        )


def _check_items(runtime: Runtime, version: DatasetVersion, paths: Sequence[str]) -> None:
    for path in paths:
        if manifest_index.lookup(runtime, version, path) is None:
            raise _invalid(
                "paths",
                f"이 버전에 없는 항목입니다: {path}",
                f"This version has no such item: {path}",
            )


def _check_assigner(
    session: Session, runtime: Runtime, actor: Actor, by: uuid.UUID | None, slug: str
) -> None:
    """Raise Problem 403 unless the one who answers for it holds a role for the dataset."""
    now = runtime.clock.now()
    if actor.kind is PartyKind.OPERATOR and by is not None:
        held = roles_of(session, by, now)
    else:
        held = roles_held_by(session, actor, now) if by == actor.person_id else frozenset()
    if not any(covers(held, role, slug) for role in ASSIGNERS):
        raise role_missing(actor, ASSIGNERS, Part.HERE)


def _worker(session: Session, account: str, assigner: uuid.UUID) -> Person:
    person = get_person(session, by_account(session, account).id, lock=True)
    if person.status != PersonStatus.ACTIVE:
        raise _invalid("account", "이용 중인 계정이 아닙니다.", "This account is not active.")
    if person.id == assigner:
        raise Problem(
            ProblemCode.FORBIDDEN,
            "자신에게 작업을 배정할 수 없습니다.",
            "Nobody assigns work to themselves.",
        )
    return person


def _make_room(session: Session, person_id: uuid.UUID, now: datetime) -> None:
    """Close the person's task that has run out by the clock; a live one stays and counts."""
    session.execute(
        update(Task)
        .where(Task.person_id == person_id, Task.ended_at.is_(None), Task.ends_at <= now)
        .values(ended_at=now, end_reason=TaskEnd.EXPIRED)
    )


def _store(
    session: Session,
    runtime: Runtime,
    actor: Actor,
    new: NewTask,
    found: tuple[Dataset, DatasetVersion, Person, uuid.UUID, Sequence[str]],
) -> uuid.UUID:
    dataset, version, person, assigner, paths = found
    task = Task(
        id=ids.new(runtime.clock),
        person_id=person.id,
        dataset_id=dataset.id,
        version_id=version.id,
        instructions=new.instructions.strip(),
        assigned_by=assigner,
        created_at=runtime.clock.now(),
        ends_at=new.ends_at,
    )
    session.add(task)
    session.flush()
    session.add_all(TaskItem(id=ids.new(runtime.clock), task_id=task.id, path=p) for p in paths)
    session.flush()
    detail = {"items": len(paths), "by": str(assigner)}
    runtime.journal.record(session, _entry(session, actor, Act.TASK_ASSIGNED, task, detail))
    return task.id


def _end(session: Session, runtime: Runtime, actor: Actor, task: Task, why: TaskEnd) -> None:
    task.ended_at, task.end_reason = runtime.clock.now(), why
    told = _entry(session, actor, Act.TASK_ENDED, task, {"reason": str(why)})
    runtime.journal.record(session, told)


def _entry(
    session: Session, actor: Actor, act: Act, task: Task, detail: Mapping[str, object]
) -> Entry:
    version = session.get_one(DatasetVersion, task.version_id)
    return Entry(
        actor,
        act,
        subjects=[task.person_id],
        dataset=_slug(session, task),
        version=version.label,
        ref=f"task:{task.id}",
        detail=detail,
    )


def _slug(session: Session, task: Task) -> str:
    return session.get_one(Dataset, task.dataset_id).slug


def _left(session: Session, task_id: uuid.UUID) -> uuid.UUID | None:
    return session.scalar(
        select(TaskItem.id)
        .where(TaskItem.task_id == task_id, TaskItem.outcome.is_(None))
        .order_by(TaskItem.id)
        .limit(1)
    )


def _unfinishable(session: Session, task: Task, item_id: uuid.UUID) -> Problem:
    item = session.get(TaskItem, item_id)
    return not_found() if item is None or item.task_id != task.id else _over()


def _over() -> Problem:
    return Problem(
        ProblemCode.WRONG_STATE,
        "이 작업이나 항목은 이미 끝났습니다. 계속하려면 작업을 새로 배정받습니다.",
        "The task or item is over. To go on, take a new task.",
    )


def _busy() -> Problem:
    return Problem(
        ProblemCode.CONFLICT,
        "이 사람에게는 진행 중인 작업이 있습니다. "
        "그 작업을 끝내거나 거두어들인 뒤 배정해 주십시오.",
        "This person holds a task already. Wait until it is over, or take it back first.",
        field="account",
    )


def _invalid(field: str, ko: str, en: str) -> Problem:
    return Problem(ProblemCode.VALIDATION_FAILED, ko, en, field=field)
