"""Crowd work: single items of a dataset version, assigned to one person until an end."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from gateway.db import Base

LIVE = text("ended_at IS NULL")


class TaskEnd(StrEnum):
    """Why an assignment is over before its last moment, or was closed after it."""

    FINISHED = "finished"
    TAKEN_BACK = "taken_back"
    EXPIRED = "expired"


class ItemOutcome(StrEnum):
    """What a worker says of an item; to skip one needs no reason (agreement, article 9)."""

    DONE = "done"
    SKIPPED = "skipped"


class Task(Base):
    """What one person is to work on. The window is half-open: it is over at `ends_at`.

    A person holds one live task at a time; nobody assigns work to themselves.
    """

    __tablename__ = "tasks"
    __table_args__ = (
        CheckConstraint("ends_at > created_at", name="window"),
        CheckConstraint("assigned_by <> person_id", name="not_to_oneself"),
        Index(
            "ux_tasks_live",
            "person_id",
            unique=True,
            sqlite_where=LIVE,
            postgresql_where=LIVE,
        ),
        Index("ix_tasks_dataset_id", "dataset_id"),
    )
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"))
    dataset_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("datasets.id"))
    version_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("dataset_versions.id"))
    instructions: Mapped[str] = mapped_column(Text)
    assigned_by: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"))
    created_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    end_reason: Mapped[str | None] = mapped_column(String(16))


class TaskItem(Base):
    """One item of a task, by its path in the version."""

    __tablename__ = "task_items"
    __table_args__ = (
        UniqueConstraint("task_id", "path"),
        CheckConstraint("(outcome IS NULL) = (finished_at IS NULL)", name="whole_outcome"),
    )
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    task_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("tasks.id"))
    path: Mapped[str] = mapped_column(Text)
    outcome: Mapped[str | None] = mapped_column(String(16))
    finished_at: Mapped[datetime | None]
