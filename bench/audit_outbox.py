"""How soon an event recorded in a transaction has its number, against a relay that polls."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from bench import beds
from bench.harness import Comparison, compare
from gateway.config import Settings
from gateway.runtime import Runtime

EVENTS = 150
POLL_SECONDS = 0.05
LOOK_SECONDS = 0.0005
OUTBOX, LOG = "bench_outbox", "bench_log"
_DDL = (
    f"CREATE TABLE {OUTBOX} (id INTEGER PRIMARY KEY, leaf TEXT NOT NULL)",
    f"CREATE TABLE {LOG} (id INTEGER PRIMARY KEY, leaf TEXT NOT NULL)",
)


def run() -> list[Comparison]:
    """On SQLite and on PostgreSQL: milliseconds from the caller's commit to the number."""
    with beds.sqlite() as settings:
        found = [_compared("sqlite", settings)]
    with beds.server() as server, beds.postgresql(server) as settings:
        return [*found, _compared("pg", settings)]


def _compared(kind: str, settings: Settings) -> Comparison:
    with beds.gateway(settings) as runtime:
        execute(runtime, *_DDL)
        return compare(
            f"audit.outbox.latency.{kind}",
            "ms",
            lambda: _ours(runtime),
            lambda: _relayed(runtime),
            baseline_name=f"relay that polls an outbox every {POLL_SECONDS * 1000:g} ms",
            target=1.0,
            better="lower",
            conditions=f"median of {EVENTS} events, one after the other",
        )


def _ours(runtime: Runtime) -> float:
    def record(_number: int) -> None:
        with runtime.db.write() as session:
            runtime.journal.record(session, beds.entry())

    return _latency(runtime, record, "SELECT size FROM audit_head")


def _relayed(runtime: Runtime) -> float:
    execute(runtime, f"DELETE FROM {LOG}")

    def record(number: int) -> None:
        execute(runtime, f"INSERT INTO {OUTBOX} (id, leaf) VALUES ({number}, '{'x' * 490}')")

    with _relaying(runtime):
        return _latency(runtime, record, f"SELECT COUNT(*) FROM {LOG}")


def _latency(runtime: Runtime, record: Callable[[int], None], count: str) -> float:
    """The median milliseconds from a commit until the count has grown."""
    connection = runtime.db.connect_raw(writable=False)
    seen = []
    for number in range(EVENTS):
        before = _value(connection, count)
        record(number)
        began = time.perf_counter()
        while _value(connection, count) == before:
            time.sleep(LOOK_SECONDS)
        seen.append((time.perf_counter() - began) * 1000)
    connection.close()
    return statistics.median(seen)


@contextmanager
def _relaying(runtime: Runtime) -> Iterator[None]:
    """A thread that moves what waits, as transactional outboxes are usually emptied."""
    over = threading.Event()

    def relay() -> None:
        while not over.wait(POLL_SECONDS):
            execute(
                runtime,
                f"INSERT INTO {LOG} SELECT id, leaf FROM {OUTBOX}",
                f"DELETE FROM {OUTBOX}",
            )

    thread = threading.Thread(target=relay)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def execute(runtime: Runtime, *statements: str) -> None:
    """Run statements in one transaction."""
    with runtime.db.write() as session:
        for statement in statements:
            session.connection().exec_driver_sql(statement)


def _value(connection: Any, query: str) -> int:
    return int(connection.execute(query).fetchone()[0])
