"""Durable appends to the audit log on SQLite at 64 threads, against a connection per thread.

Both make every event durable (WAL, synchronous=FULL) before they answer, and write the same row
into the same indexed table. The baseline is what one would write first: each thread has its own
connection and a transaction for each row. Ours also encodes, seals, hashes into the Merkle tree
and writes tiles.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
import tempfile
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path

from audit.schema import SQLITE_DDL
from bench.harness import Comparison, compare
from gateway.clock import SystemClock
from gateway.config import load
from gateway.journal import Act, Actor, Entry, PartyKind, Place
from gateway.startup import assemble, prepare

CLIENTS = 64
BASELINE_EVENTS = 40
OUR_EVENTS = 150
SYNCS = 200
LEAF = b"x" * 700
INSERT = (
    "INSERT INTO audit_entries (idx, event_id, time_ms, action, outcome, person, dataset, version, "
    "item, leaf) VALUES (NULL, ?, ?, 'download.authorized', 'allow', ?, 'speech', 'v1', ?, ?)"
)


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
            conditions=f"{CLIENTS} threads, SQLite WAL synchronous=FULL, {syncs():,} fsync/s",
        )
    ]


def syncs() -> int:
    """How many small durable writes a second the disk takes: what group commit saves."""
    with tempfile.NamedTemporaryFile() as file:
        started = time.perf_counter()
        for _ in range(SYNCS):
            file.write(LEAF)
            file.flush()
            os.fdatasync(file.fileno())
        return round(SYNCS / (time.perf_counter() - started))


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
        for statement in SQLITE_DDL:
            _connect(path).execute(statement)

        def work() -> None:
            connection = _connect(path)
            for _ in range(BASELINE_EVENTS):
                person, item = secrets.token_hex(16), secrets.token_hex(16)
                row = (str(uuid.uuid4()), time.time_ns() // 10**6, person, item, LEAF)
                connection.execute("BEGIN IMMEDIATE")
                connection.execute(INSERT, row)
                connection.execute("COMMIT")
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
