"""A dataset with files, a live grant, and the small application that serves them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask

from audit.event import Channel
from audit.leaf import decode
from gateway.delivery import service
from gateway.delivery.api import EXTENSION
from gateway.delivery.gate import Gate
from gateway.delivery.reconcile import snapshot
from gateway.delivery.service import Wanted
from gateway.journal import Actor, PartyKind, Place
from gateway.runtime import Runtime
from tests import world as made
from tests.logs import numbered
from tests.world import World

Issue = Callable[..., str]


@dataclass(frozen=True, slots=True)
class Logged:
    """An entry of the log, as these tests look at it."""

    index: int
    event_id: str
    action: str
    outcome: str
    person: str | None
    dataset: str | None
    reason: str | None
    detail: dict[str, Any]


@pytest.fixture
def logged(runtime: Runtime) -> Callable[..., list[Logged]]:
    """Every entry of the log, oldest first, or those of one action."""

    def read(action: str | None = None) -> list[Logged]:
        numbered(runtime)
        with snapshot(runtime) as opened:
            rows = opened.sql.all("SELECT leaf, idx, person, dataset FROM audit_entries")
        found = []
        for leaf, index, person, dataset in sorted(rows, key=lambda row: int(row[1])):
            one = decode(bytes(leaf))
            found.append(
                Logged(
                    int(index), one.event_id, one.action, one.outcome, person, dataset,
                    one.reason, dict(one.detail),
                )
            )  # fmt: skip
        return [one for one in found if action in {None, one.action}]

    return read


@pytest.fixture
def files() -> dict[str, bytes]:
    return {"a.txt": bytes(range(256)) * 4000, "empty.txt": b""}


@pytest.fixture
def place(runtime: Runtime, files: dict[str, bytes]) -> World:
    built = made.build(runtime)
    made.put_files(runtime, built, files)
    return built


@pytest.fixture
def small(runtime: Runtime) -> Flask:
    return made.small_app(runtime)


@pytest.fixture
def issue(small: Flask, place: World) -> Issue:
    """A signed address for a file, as a request target."""
    gate: Gate = small.extensions[EXTENSION]
    holder = Actor(PartyKind.PERSON, Place(channel=Channel.API), place.person)

    def spell(path: str = "a.txt", **wanted: Any) -> str:
        url = service.issue_item(gate, holder, Wanted("voices", path, **wanted)).url
        return url.removeprefix("http://localhost:8400")

    return spell
