"""Durable appends to the audit log, against what one would write first.

The baselines make every event durable too, and write the same row into the same indexed table:
each thread has its own connection and a transaction for each row. Ours also encodes, seals,
hashes into the Merkle tree and writes tiles. What group commit gains depends on what a sync
costs, so the conditions say how many the disk takes a second.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
import tempfile
import time
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import psycopg
from sqlalchemy import make_url

from bench import beds
from bench.harness import RUNS, Comparison, judge
from gateway.config import Settings
from gateway.startup import prepare

SYNCS = 200
LEAF = b"x" * 700
INSERT = (
    "INSERT INTO audit_entries (idx, event_id, time_ms, action, outcome, person, dataset, version, "
    "item, leaf) VALUES (?, ?, ?, 'download.authorized', 'allow', ?, 'speech', 'v1', ?, ?)"
)

Bed = Callable[[], AbstractContextManager[Settings]]
Figures = tuple[float, float]
"""Events a second, and the 99th percentile of the wait in milliseconds."""


def run() -> list[Comparison]:
    """`audit.append.sqlite.c64` and its p99, `audit.append.pg.c1`, `.c16` and `.c64`."""
    found = list(_sqlite())
    with beds.server() as server:
        bed = partial(beds.postgresql, server)
        for clients, target in ((1, 0.8), (16, 1.0), (64, 1.5)):
            found.append(_postgresql(bed, clients, target))
    return found


def _sqlite() -> tuple[Comparison, Comparison]:
    mine, theirs = _alternate(beds.sqlite, 64)
    where = f"64 threads, WAL, synchronous=FULL, {syncs():,} syncs/s"
    name, than = "audit.append.sqlite.c64", "one connection per thread"
    rate = judge(
        name,
        "1/s",
        [one[0] for one in mine],
        [one[0] for one in theirs],
        baseline_name=than,
        target=20.0,
        conditions=where,
    )
    wait = judge(
        f"{name}.p99",
        "ms",
        [one[1] for one in mine],
        [one[1] for one in theirs],
        baseline_name=than,
        target=1.0,
        better="lower",
        conditions=where,
        limit=60.0,
    )
    return rate, wait


def _postgresql(bed: Bed, clients: int, target: float) -> Comparison:
    mine, theirs = _alternate(bed, clients)
    return judge(
        f"audit.append.pg.c{clients}",
        "1/s",
        [one[0] for one in mine],
        [one[0] for one in theirs],
        baseline_name="plain INSERT",
        target=target,
        conditions=f"threads: {clients}, PostgreSQL, fsync on, {syncs():,} syncs/s",
    )


def _alternate(bed: Bed, clients: int) -> tuple[list[Figures], list[Figures]]:
    mine, theirs = [], []
    for _ in range(RUNS):
        theirs.append(plain(bed, clients))
        mine.append(ours(bed, clients))
    return mine, theirs


def ours(bed: Bed, clients: int) -> Figures:
    """Append through the gateway's journal."""
    with bed() as settings, beds.gateway(settings) as runtime:
        entry = beds.entry()
        runtime.journal.append(entry)
        each = 400 if clients == 1 else 150
        return beds.crowd(clients, each, lambda: partial(runtime.journal.append, entry))


def plain(bed: Bed, clients: int) -> Figures:
    """Insert with a connection a thread and a transaction a row."""
    with bed() as settings:
        prepare(settings)
        numbers = iter(range(1, 10**9))
        return beds.crowd(clients, 400 if clients == 1 else 40, partial(_client, settings, numbers))


def _client(settings: Settings, numbers: Any) -> Callable[[], object]:
    url = make_url(settings.database)
    if url.get_backend_name() == "sqlite":
        connection: Any = _sqlite_connection(str(url.database))
        return partial(_insert, connection, INSERT, "BEGIN IMMEDIATE", numbers)
    plain_url = url.set(drivername="postgresql").render_as_string(hide_password=False)
    connection = psycopg.connect(plain_url, autocommit=True)
    return partial(_insert, connection, INSERT.replace("?", "%s"), "BEGIN", numbers)


def _insert(connection: Any, statement: str, begin: str, numbers: Any) -> None:
    person, item = secrets.token_hex(16), secrets.token_hex(16)
    now_ms = time.time_ns() // 10**6
    connection.execute(begin)
    connection.execute(statement, (next(numbers), str(uuid.uuid4()), now_ms, person, item, LEAF))
    connection.execute("COMMIT")


def _sqlite_connection(path: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, timeout=120)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    return connection


def syncs() -> int:
    """How many small durable writes a second the disk takes."""
    with tempfile.NamedTemporaryFile() as file:
        started = time.perf_counter()
        for _ in range(SYNCS):
            file.write(LEAF)
            file.flush()
            os.fdatasync(file.fileno())
        return round(SYNCS / (time.perf_counter() - started))
