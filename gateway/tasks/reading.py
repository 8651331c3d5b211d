"""Reading tasks: a worker's own one, and those that a steward or contractor answers for."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gateway.catalog.models import Dataset, DatasetVersion
from gateway.clock import to_ms
from gateway.identity.models import EVERYWHERE, Person
from gateway.tasks.models import Task, TaskItem
from gateway.web.paging import Window, keyset
from policies.facts import TaskFacts


@dataclass(frozen=True, slots=True)
class Current:
    """A worker's live task: what to do, until when, how far it is, and the item that is next.

    There is no list of its items: the next one is named when the one before is finished.
    """

    task: Task
    dataset: Dataset
    items: int
    finished: int
    next_item: uuid.UUID | None


@dataclass(frozen=True, slots=True)
class Piece:
    """One item with its task and where its bytes are."""

    task: Task
    item: TaskItem
    dataset: Dataset
    version: DatasetVersion

    def is_over(self, now: datetime) -> bool:
        """Whether the item is finished or its task has ended."""
        ended = self.task.ended_at is not None or self.task.ends_at <= now
        return ended or self.item.outcome is not None


@dataclass(frozen=True, slots=True)
class Assigned:
    """A task as whoever answers for it sees it."""

    task: Task
    dataset: Dataset
    person: Person
    items: int
    finished: int


def current(session: Session, person_id: uuid.UUID | None, now: datetime) -> Current | None:
    """The person's live task, or None."""
    row = session.execute(
        select(Task, Dataset)
        .join(Dataset, Dataset.id == Task.dataset_id)
        .where(Task.person_id == person_id, Task.ended_at.is_(None), Task.ends_at > now)
    ).first()
    if row is None:
        return None
    items, finished = _counted(session, [row.Task.id]).get(row.Task.id, (0, 0))
    return Current(row.Task, row.Dataset, items, finished, _next(session, row.Task.id))


def piece(session: Session, task_id: uuid.UUID, item_id: uuid.UUID) -> Piece | None:
    """The item with its task, whoever holds it; None when there is none."""
    row = session.execute(
        select(Task, TaskItem, Dataset, DatasetVersion)
        .join(TaskItem, TaskItem.task_id == Task.id)
        .join(Dataset, Dataset.id == Task.dataset_id)
        .join(DatasetVersion, DatasetVersion.id == Task.version_id)
        .where(Task.id == task_id, TaskItem.id == item_id)
    ).first()
    return Piece(*row) if row else None


def facts(session: Session, item_id: uuid.UUID, person_id: uuid.UUID | None) -> TaskFacts | None:
    """What the rules ask of an item, read anew: None once the item or its task is over."""
    row = session.execute(
        select(Task.person_id, Task.ends_at)
        .join(TaskItem, TaskItem.task_id == Task.id)
        .where(TaskItem.id == item_id, TaskItem.outcome.is_(None), Task.ended_at.is_(None))
    ).first()
    if row is None:
        return None
    return TaskFacts(row.person_id == person_id, to_ms(row.ends_at))


def listing(session: Session, scopes: frozenset[str], window: Window) -> list[Assigned]:
    """The tasks of the datasets in `scopes` (`*` for all), newest first; limit + 1 rows."""
    query: Any = (
        select(Task, Dataset, Person)
        .join(Dataset, Dataset.id == Task.dataset_id)
        .join(Person, Person.id == Task.person_id)
    )
    if EVERYWHERE not in scopes:
        query = query.where(Dataset.slug.in_(scopes))
    rows = session.execute(keyset(query, [Task.id], window)).all()
    counted = _counted(session, [row.Task.id for row in rows])
    return [
        Assigned(row.Task, row.Dataset, row.Person, *counted.get(row.Task.id, (0, 0)))
        for row in rows
    ]


def _counted(session: Session, tasks: Sequence[uuid.UUID]) -> dict[uuid.UUID, tuple[int, int]]:
    rows = session.execute(
        select(TaskItem.task_id, func.count(), func.count(TaskItem.outcome))
        .where(TaskItem.task_id.in_(tasks))
        .group_by(TaskItem.task_id)
    )
    return {task_id: (items, finished) for task_id, items, finished in rows}


def _next(session: Session, task_id: uuid.UUID) -> uuid.UUID | None:
    return session.scalar(
        select(TaskItem.id)
        .where(TaskItem.task_id == task_id, TaskItem.outcome.is_(None))
        .order_by(TaskItem.id)
        .limit(1)
    )
