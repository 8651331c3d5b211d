"""Forms and bodies of tasks."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import Field

from gateway.identity.schemas import Frozen
from gateway.tasks.models import ItemOutcome
from gateway.tasks.service import NewTask

Slug = Annotated[str, Field(min_length=1, max_length=100)]
Label = Annotated[str, Field(min_length=1, max_length=40)]
AccountName = Annotated[str, Field(min_length=1, max_length=64)]
Instructions = Annotated[str, Field(min_length=1, max_length=2000)]
Hours = Annotated[int, Field(ge=1, le=720)]


class TaskBody(Frozen):
    """Items of a version for one worker, for so many hours from now."""

    dataset: Slug
    version: Label
    account: AccountName
    paths: Annotated[
        list[Annotated[str, Field(max_length=1024)]], Field(min_length=1, max_length=200)
    ]
    instructions: Instructions
    hours: Hours

    def new(self, now: datetime) -> NewTask:
        """The same for the service."""
        ends_at = now + timedelta(hours=self.hours)
        return NewTask(
            self.dataset, self.version, self.account, self.paths, self.instructions, ends_at
        )


class TaskForm(Frozen):
    """The same from the page, where each line names an item."""

    dataset: Slug
    version: Label
    account: AccountName
    paths: Annotated[str, Field(min_length=1, max_length=250_000)]
    instructions: Instructions
    hours: Hours

    def new(self, now: datetime) -> NewTask:
        """The same for the service."""
        lines = [line.strip() for line in self.paths.split("\n") if line.strip()]
        ends_at = now + timedelta(hours=self.hours)
        return NewTask(self.dataset, self.version, self.account, lines, self.instructions, ends_at)


class Finished(Frozen):
    """What the worker says of an item."""

    outcome: ItemOutcome


class TaskMade(Frozen):
    """A task that was assigned."""

    id: uuid.UUID


class CurrentOut(Frozen):
    """One's own task. There is no list of its items: `next_item` is the one to work on now."""

    id: uuid.UUID
    dataset: str
    instructions: str
    ends_at: datetime
    items: int
    finished: int
    next_item: uuid.UUID | None


class ItemOut(Frozen):
    """One item of one's own task; its bytes are at the path `file`."""

    id: uuid.UUID
    task: uuid.UUID
    path: str
    size: int
    media_type: str
    sha256: str
    file: str


class AssignedOut(Frozen):
    """A task as whoever answers for it sees it."""

    id: uuid.UUID
    dataset: str
    account: str
    items: int
    finished: int
    created_at: datetime
    ends_at: datetime
    ended_at: datetime | None
    end_reason: str | None


class AssignedList(Frozen):
    """A page of tasks."""

    tasks: list[AssignedOut]
    next: str | None
    previous: str | None


class TaskQuery(Frozen):
    """Paging."""

    cursor: str = ""
    limit: int = Field(default=25, ge=1, le=200)
