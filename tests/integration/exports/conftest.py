"""A holder with a live grant for files of which some hold made-up personal data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest
from flask import Flask

from gateway.delivery.api import EXTENSION
from gateway.delivery.gate import Gate
from gateway.exports import service_reading
from gateway.exports.jobs_scan import assemble, scan_result
from gateway.exports.models import Export
from gateway.exports.service import PACKAGE_JOB, RESULT_JOB
from gateway.identity.models import Person, Role
from gateway.jobs.worker import Worker
from gateway.journal import Actor
from gateway.runtime import Runtime
from gateway.scanning.model import FileReport
from gateway.scanning.service import Scanner
from tests import people
from tests import world as worlds
from tests.world import World

NUMBER = "900101-1234567"
FILES = {
    "clean/ko.txt": "오늘은 맑고 바람이 붑니다.\n".encode(),
    "clean/table.csv": "품목,수량\n사과,3\n배,4\n".encode(),
    "마음/글.txt": "수문은 물을 다스립니다.\n".encode(),
    "private/note.txt": f"주민등록번호는 {NUMBER} 입니다.\n".encode(),
    "opaque/blob.bin": bytes(range(256)) * 8,
}


class Shared:
    """A scanner that stays warm from test to test."""

    def __init__(self, scanner: Scanner) -> None:
        self._scanner = scanner
        self.confined = True

    def scan(self, source: Path, name: str) -> FileReport:
        return self._scanner.scan(source, name)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """The session's fixture ends it."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything a test of exports needs."""

    runtime: Runtime
    world: World
    holder: Person
    steward: Person
    open_scanner: Callable[[], Any]

    @property
    def me(self) -> Actor:
        return people.acting_as(self.holder)

    @property
    def reviewer(self) -> Actor:
        return people.acting_as(self.steward)

    def work(self) -> int:
        """Run every job that is due; returns how many."""
        handlers = {
            PACKAGE_JOB: partial(assemble, self.runtime, open_scanner=self.open_scanner),
            RESULT_JOB: partial(scan_result, self.runtime, open_scanner=self.open_scanner),
        }
        return Worker(self.runtime.db, self.runtime.clock, handlers).drain()

    def export(self, export_id: Any) -> Export:
        with self.runtime.db.read() as session:
            return session.get_one(Export, export_id)

    def seen(self, export_id: Any) -> service_reading.Seen:
        with self.runtime.db.read() as session:
            return service_reading.see(session, session.get_one(Export, export_id))


@pytest.fixture(scope="session")
def scanner() -> Iterator[Scanner]:
    with Scanner() as warm:
        yield warm


@pytest.fixture
def dataset_settings() -> dict[str, Any]:
    """Overridden by modules that need another dataset."""
    return {}


@pytest.fixture
def stage(runtime: Runtime, scanner: Scanner, dataset_settings: dict[str, Any]) -> Stage:
    world = worlds.build(runtime, **dataset_settings)
    worlds.put_files(runtime, world, FILES)
    with runtime.db.read() as session:
        holder = session.get_one(Person, world.person)
    worlds.change(runtime, Person, world.person, password_hash=password_hash())
    steward = people.person(runtime, "the.steward")
    people.grant(runtime, steward, Role.STEWARD, scope="voices")
    return Stage(runtime, world, holder, steward, lambda: Shared(scanner))


@pytest.fixture
def gate(app: Flask) -> Gate:
    found: Gate = app.extensions[EXTENSION]
    return found


def password_hash() -> str:
    """What lets the world's person sign in."""
    from gateway.identity import passwords

    return passwords.HASHER.hash(passwords.normal(people.PASSWORD))
