"""Faults of the database below the log, of its clock, and of nothing at all."""

from __future__ import annotations

import contextlib
import random
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

from audit.clockwatch import FLAG
from audit.dbapi import Dialect
from audit.errors import LogUnavailable
from audit.event import Party
from audit.leaf import decode
from tests.parts.postgres import Stoppable, plain_stoppable
from tests.parts.silent_link import SilentLink, silent_link
from tests.unit.audit import kills
from tests.unit.audit.clean import clean_run
from tests.unit.audit.world import (
    NOW_MS,
    World,
    event,
    eventually,
    postgres_world,
    sqlite_world,
)

SQLITE_RUNS, POSTGRES_RUNS = 20, 10
BIG = {"padding": "x" * 60_000}
"""More than fits into the pages that a full database still has."""


class Failing:
    """A world's connections, which fail as a full or broken disk lets them fail."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._opened: list[Any] = []
        self._full = False

    def connect(self) -> Any:
        connection = self._world.connect()
        self._opened.append(connection)
        if self._full:
            self._limit(connection, 1)
        return connection

    @contextlib.contextmanager
    def disk(self, state: str) -> Iterator[None]:
        """On PostgreSQL by the server's own error codes, on SQLite by its limit of pages."""
        if self._world.dialect is Dialect.POSTGRES:
            self._world.execute(
                "CREATE FUNCTION failing() RETURNS trigger LANGUAGE plpgsql AS "
                f"$$ BEGIN RAISE EXCEPTION 'disk' USING ERRCODE = '{state}'; END $$"
            )
            self._world.execute(
                "CREATE TRIGGER failing BEFORE INSERT ON audit_entries "
                "FOR EACH ROW EXECUTE FUNCTION failing()"
            )
            yield
            self._world.execute("DROP TRIGGER failing ON audit_entries")
            return
        self._full = True
        self._each(1)
        yield
        self._full = False
        self._each(2**30)

    def _each(self, pages: int) -> None:
        for connection in self._opened:
            with contextlib.suppress(Exception):
                self._limit(connection, pages)

    def _limit(self, connection: Any, pages: int) -> None:
        # Less than the file has is taken as what it has: then it cannot grow.
        connection.execute(f"PRAGMA max_page_count = {pages}")


@pytest.mark.parametrize("state", ["53100", "58030"], ids=["disk full", "I/O error"])
def test_a_disk_that_fails_loses_nothing_and_is_got_over_without_help(
    world: World, state: str
) -> None:
    failing = Failing(world)
    log = world.log(connect=failing.connect)
    log.append(event())

    with failing.disk(state):
        for _ in range(3):
            with pytest.raises(LogUnavailable):
                log.append(event(detail=BIG))
    after = [log.append(event(detail=BIG)) for _ in range(2)]

    assert after == [1, 2]
    assert kills.is_gap_free(world)
    assert world.verify().findings == ()


class Load:
    """Threads that append, through failures, until told to stop."""

    def __init__(self, append: Callable[[Any], object], threads: int = 6) -> None:
        self._append = append
        self._over = threading.Event()
        self._lock = threading.Lock()
        self.acknowledged: set[str] = set()
        self.failures = 0
        self._threads = [threading.Thread(target=self._run) for _ in range(threads)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def more(self, count: int = 100) -> None:
        """Until so many more are acknowledged."""
        before = len(self.acknowledged)
        assert eventually(lambda: len(self.acknowledged) >= before + count, 60)

    def _run(self) -> None:
        while not self._over.is_set():
            one = event()
            try:
                self._append(one)
            except LogUnavailable:
                self._count(None)
                self._over.wait(0.05)
            else:
                self._count(one.event_id)

    def _count(self, event_id: str | None) -> None:
        with self._lock:
            if event_id is None:
                self.failures += 1
            else:
                self.acknowledged.add(event_id)


@pytest.fixture
def server() -> Iterator[Stoppable]:
    with plain_stoppable() as found:
        yield found


def test_a_database_that_stops_and_crashes_under_load_loses_nothing_acknowledged(
    server: Stoppable,
) -> None:
    world = postgres_world(server.url)
    log = world.log(timeout_s=5.0)
    with Load(log.append) as load:
        load.more()
        for end in (server.stop, server.crash):
            end()
            before = load.failures
            assert eventually(lambda before=before: load.failures > before, 30)
            server.start()
            load.more()
    world.close()

    assert load.acknowledged <= kills.logged(world)
    assert kills.is_gap_free(world)
    assert world.verify().findings == ()


def test_a_clock_that_goes_back_keeps_the_order_and_flags_the_event(world: World) -> None:
    log = world.log()
    for at in (NOW_MS, NOW_MS - 900, NOW_MS - 5_000):
        log.append(event(time_ms=at))
    world.record(log, event(time_ms=NOW_MS - 7_000))
    log.append(event(time_ms=NOW_MS + 1))
    world.close()

    rows = world.execute("SELECT leaf FROM audit_entries ORDER BY time_ms")
    flagged = [decode(bytes(leaf)).detail.get(FLAG) for (leaf,) in rows]
    assert flagged == [7_000, 5_000, None, None, None]
    assert world.verify().findings == ()


def test_a_clock_that_went_back_while_nothing_ran_is_flagged_too(world: World) -> None:
    first = world.log()
    first.append(event(time_ms=NOW_MS))
    first.close()
    second = world.log()
    second.append(event(time_ms=NOW_MS - 60_000))

    (leaf,) = world.execute("SELECT leaf FROM audit_entries WHERE idx = 1")[0]
    assert decode(bytes(leaf)).detail[FLAG] == 60_000


@pytest.mark.parametrize("seed", range(SQLITE_RUNS))
def test_a_clean_log_on_sqlite_raises_no_false_alarm(tmp_path: Path, seed: int) -> None:
    world = sqlite_world(tmp_path / "log.db")

    assert clean_run(world, random.Random(seed)).findings == ()


@pytest.mark.parametrize("seed", range(POSTGRES_RUNS))
def test_a_clean_log_on_postgresql_raises_no_false_alarm(postgres_log: World, seed: int) -> None:
    assert clean_run(postgres_log, random.Random(1000 + seed)).findings == ()


def test_an_event_id_comes_into_the_log_once_whatever_way_it_takes(world: World) -> None:
    log, twin = world.log(), event(event_id=str(uuid.uuid4()))
    world.record(log, twin)
    log.kick()
    assert eventually(lambda: log.size() == 1)

    for attempt in (lambda: log.append(twin), lambda: world.record(log, twin)):
        with pytest.raises(Exception, match="in the log already"):
            attempt()
    assert log.size() == 1


def test_a_lost_connection_is_replaced_without_help(postgres_log: World) -> None:
    log = postgres_log.log()
    log.append(event())
    with contextlib.closing(postgres_log.connect()) as connection:
        connection.autocommit = True
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )

    def appends() -> bool:
        try:
            return log.append(event()) > 0
        except (LogUnavailable, psycopg.Error):
            return False

    assert eventually(appends)
    assert kills.is_gap_free(postgres_log)


@contextlib.contextmanager
def behind_a_link(server: Stoppable) -> Iterator[tuple[World, SilentLink]]:
    """A log whose connections go over a link that can fall silent."""
    postgres_world(server.url)
    folder = Path(parse_qs(urlsplit(server.url).query)["host"][0])
    with silent_link(folder) as link:
        url = f"postgresql://postgres@127.0.0.1:{link.port}/postgres"
        yield World(Dialect.POSTGRES, lambda: psycopg.connect(url), contextlib.nullcontext), link


def test_a_link_that_falls_silent_costs_one_refusal(server: Stoppable) -> None:
    with behind_a_link(server) as (world, link):
        log = world.log(timeout_s=1)
        log.append(event())

        link.cut()
        with pytest.raises(LogUnavailable):
            log.append(event())
        after = log.append(event())

        assert after == 1
        log.close()


def test_a_silent_link_never_leaves_a_new_persons_event_without_an_answer(
    server: Stoppable,
) -> None:
    with behind_a_link(server) as (world, link), ThreadPoolExecutor(3) as several:
        log = world.log(timeout_s=1)
        log.head()

        link.cut()
        waiting = [several.submit(log.append, event(actor=Party(f"person-{n}"))) for n in range(3)]
        refused = [one.exception(timeout=30) for one in waiting]

        assert any(isinstance(one, LogUnavailable) for one in refused)
        assert log.append(event(actor=Party("person-3"))) >= 0
        log.close()


@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
def test_two_gateways_append_whatever_the_databases_own_isolation(
    server: Stoppable, level: str
) -> None:
    world = postgres_world(server.url)
    world.execute(f"ALTER DATABASE postgres SET default_transaction_isolation = '{level}'")
    logs = [world.log() for _ in range(2)]

    with ThreadPoolExecutor(6) as several:
        indexes = list(several.map(lambda at: logs[at % 2].append(event()), range(120)))

    assert sorted(indexes) == list(range(120))
    for log in logs:
        log.close()
