"""Crowd workers for tests: signed up as they really are, with tasks of a world's version."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import select, update

from gateway import ids
from gateway.agreements import service
from gateway.identity.models import Person
from gateway.identity.service_crowd import NewWorker
from gateway.identity.site_documents import SiteDocument, text_of
from gateway.runtime import Runtime
from gateway.tasks.models import Task, TaskItem
from gateway.tasks.service_joining import Read, agreement, join
from policies.agreements import load
from tests import people
from tests.world import World

CODE = "crowd-work"
DAY = timedelta(days=1)


def agree(runtime: Runtime) -> None:
    """The crowd-work agreement, registered and in force."""
    service.register(runtime, [text for text in load() if text.code == CODE])


def read(runtime: Runtime) -> Read:
    """Every text that a new worker accepts."""
    consents = {document: text_of(document).sha256 for document in SiteDocument}
    return Read(consents, agreement(runtime).sha256)


def worker(runtime: Runtime, account: str, address: str = "127.0.0.1") -> Person:
    """A crowd worker with `people.PASSWORD`, who has accepted everything."""
    agree(runtime)
    new = NewWorker(account, account.replace(".", " ").title(), f"{account}@example.org")
    return join(runtime, people.visitor(address), new, people.PASSWORD, read(runtime))


def task(
    runtime: Runtime, world: World, holder: Person, by: Person, paths: Sequence[str]
) -> list[TaskItem]:
    """A live task of `holder` on the world's version; one before is over. Returns its items."""
    now = runtime.clock.now()
    row = Task(
        id=ids.new(runtime.clock), person_id=holder.id, dataset_id=world.dataset,
        version_id=world.version, instructions="항목을 확인합니다.", assigned_by=by.id,
        created_at=now, ends_at=now + DAY,
    )  # fmt: skip
    with runtime.db.write() as session:
        session.execute(
            update(Task)
            .where(Task.person_id == holder.id, Task.ended_at.is_(None))
            .values(ended_at=now, end_reason="taken_back")
        )
        session.add(row)
        session.flush()
        session.add_all(
            TaskItem(id=ids.new(runtime.clock), task_id=row.id, path=path) for path in paths
        )
    with runtime.db.read() as session:
        held = select(TaskItem).where(TaskItem.task_id == row.id).order_by(TaskItem.id)
        return list(session.scalars(held))
