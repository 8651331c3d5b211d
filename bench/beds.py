"""Places to append to: a gateway on SQLite or PostgreSQL, and many clients at once."""

from __future__ import annotations

import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.clock import SystemClock
from gateway.config import Settings, load
from gateway.journal import Act, Actor, Entry, PartyKind, Place
from gateway.runtime import Runtime
from gateway.startup import assemble, prepare
from tests.parts import postgres


@contextmanager
def sqlite() -> Iterator[Settings]:
    """The settings of an empty home on SQLite."""
    with tempfile.TemporaryDirectory() as folder:
        yield load({}, home=Path(folder))


@contextmanager
def postgresql(server: str) -> Iterator[Settings]:
    """The settings of an empty home on a fresh PostgreSQL database."""
    database = postgres.fresh_database(server, "template1")
    with tempfile.TemporaryDirectory() as folder, database as url:
        yield load({"SUMUN_DATABASE_URL": url}, home=Path(folder))


@contextmanager
def server() -> Iterator[str]:
    """A PostgreSQL server of its own."""
    with postgres.server() as url:
        yield url


@contextmanager
def gateway(settings: Settings) -> Iterator[Runtime]:
    """A gateway's runtime, closed at the end."""
    runtime = assemble(settings, prepare(settings), SystemClock())
    try:
        yield runtime
    finally:
        runtime.close()


def entry() -> Entry:
    """An allowed download, as the gateway records it."""
    actor = Actor(PartyKind.PERSON, Place(address="192.0.2.7"), person_id=uuid.UUID(int=7))
    return Entry(actor, Act.DOWNLOAD_AUTHORIZED, dataset="speech", version="v1", item="a/b")


Client = Callable[[], Callable[[], object]]
"""Called once in each thread; returns what that thread repeats."""


def crowd(clients: int, each: int, client: Client) -> tuple[float, float]:
    """Let `clients` threads do `each` things; return things a second and the p99 in ms."""
    waits: list[float] = []
    threads = [threading.Thread(target=_work, args=(client, each, waits)) for _ in range(clients)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - started
    assert len(waits) == clients * each, "a client failed"
    return len(waits) / took, sorted(waits)[int(len(waits) * 0.99)] * 1000


def _work(client: Client, each: int, waits: list[float]) -> None:
    act = client()
    for _ in range(each):
        started = time.perf_counter()
        act()
        waits.append(time.perf_counter() - started)
