"""Durable appends to the audit log on SQLite at 64 threads, against a connection per thread.

Both make every event durable (WAL, synchronous=FULL) before they answer. The baseline is what one
would write first: each thread has its own connection and commits one row at a time. Ours also
seals, hashes into the Merkle tree and writes tiles.
"""

from __future__ import annotations

import sqlite3
import tempfile
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path

from bench.harness import Comparison, compare
from gateway.clock import SystemClock
from gateway.config import load
from gateway.journal import Act, Actor, Entry, PartyKind, Place
from gateway.startup import assemble, prepare

CLIENTS = 64
BASELINE_EVENTS = 10
OUR_EVENTS = 150
LEAF = b"x" * 700
TABLE = (
    "CREATE TABLE log (id INTEGER PRIMARY KEY, event TEXT, time INTEGER, action TEXT, "
    "person TEXT, dataset TEXT, leaf BLOB)"
)
INSERT = "INSERT INTO log (event, time, action, person, dataset, leaf) VALUES (?, ?, ?, ?, ?, ?)"


def run() -> list[Comparison]:
    """The comparison `audit.append.sqlite.c64`."""
    return [
        compare(
            "audit.append.sqlite.c64",
            "1/s",
            ours,
            baseline,
            baseline_name="one connection per thread",
            target=10.0,
            conditions=f"{CLIENTS} threads, durable, SQLite WAL synchronous=FULL",
        )
    ]


def ours() -> float:
    """Events a second through the gateway's journal."""
    with tempfile.TemporaryDirectory() as folder:
        settings = load({}, home=Path(folder))
        runtime = assemble(settings, prepare(settings), SystemClock())
        person = uuid.uuid4()
        actor = Actor(PartyKind.PERSON, Place(address="192.0.2.7"), person_id=person)
        entry = Entry(actor, Act.DOWNLOAD_AUTHORIZED, dataset="speech", version="v1", item="a/b")
        runtime.journal.append(entry)

        def work() -> None:
            for _ in range(OUR_EVENTS):
                runtime.journal.append(entry)

        rate = _rate(work, OUR_EVENTS)
        runtime.close()
        return rate


def baseline() -> float:
    """Events a second with a connection, a transaction and an fsync for each."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log.db"
        _connect(path).execute(TABLE)

        def work() -> None:
            connection = _connect(path)
            for _ in range(BASELINE_EVENTS):
                row = (str(uuid.uuid4()), time.time_ns(), "download", "p", "speech", LEAF)
                connection.execute(INSERT, row)
            connection.close()

        return _rate(work, BASELINE_EVENTS)


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, timeout=120)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    return connection


def _rate(work: Callable[[], None], each: int) -> float:
    threads = [threading.Thread(target=work) for _ in range(CLIENTS)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return CLIENTS * each / (time.perf_counter() - started)
