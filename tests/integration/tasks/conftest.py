"""A world with real files, somebody who assigns tasks, and a crowd worker with a browser."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from audit.event import Event
from gateway.errors import Problem
from gateway.identity.models import Person, Role
from gateway.journal import Journal
from gateway.runtime import Runtime
from gateway.tasks.service import NewTask, assign
from tests import people, working
from tests import world as worlds
from tests.world import World

FILES = {"음성/화자 1.txt": "가나다라 ".encode() * 500, "b.txt": b"second\n", "c.txt": b"third\n"}
PATHS = tuple(sorted(FILES))


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything a test of crowd work needs."""

    runtime: Runtime
    app: Flask
    world: World
    worker: Person
    contractor: Person
    browser: FlaskClient

    def new(self, **changes: Any) -> NewTask:
        """A task of two items for the worker, for a day."""
        fields: dict[str, Any] = {
            "dataset": "voices", "version": "1.0", "account": self.worker.account,
            "paths": PATHS[:2], "instructions": "말소리를 듣고 적습니다.",
            "ends_at": self.runtime.clock.now() + timedelta(days=1),
        }  # fmt: skip
        return NewTask(**(fields | changes))

    def assign(self, **changes: Any) -> Any:
        """Assign it as the contractor does."""
        return assign(self.runtime, people.acting_as(self.contractor), self.new(**changes))

    def sit(self, one: Person) -> FlaskClient:
        """A browser in which `one` has signed in."""
        client = self.app.test_client()
        people.sign_in(client, one)
        return client

    def refused(self, **changes: Any) -> Problem:
        """What `assign` says instead."""
        with pytest.raises(Problem) as caught:
            self.assign(**changes)
        return caught.value


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> list[Event]:
    """What the journal writes from here on, oldest first."""
    seen: list[Event] = []
    original = Journal._event

    def remember(self: Journal, entry: Any) -> Event:
        event = original(self, entry)
        seen.append(event)
        return event

    monkeypatch.setattr(Journal, "_event", remember)
    return seen


@pytest.fixture
def stage(runtime: Runtime, app: Flask) -> Stage:
    world = worlds.build(runtime)
    worlds.put_files(runtime, world, FILES)
    worker = working.worker(runtime, "crowd.worker")
    contractor = people.make_person(runtime, "contractor")
    people.grant(runtime, contractor, Role.CONTRACTOR, "voices")
    browser = app.test_client()
    people.sign_in(browser, worker)
    return Stage(runtime, app, world, worker, contractor, browser)
