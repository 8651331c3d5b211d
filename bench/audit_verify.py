"""`verify`: every entry read, hashed into the tree and compared with its columns.

The baseline reads the same rows, parses each leaf and hashes it, and compares nothing: about the
least that any verifier in Python does. The limit is for one core.
"""

from __future__ import annotations

import sqlite3
import tempfile
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import orjson

from audit.dbapi import Dialect, Sql
from audit.verify import verify
from bench.big_log import build
from bench.harness import Comparison, compare
from tests.unit.audit.world import VKEY, sqlite_world, vault

ENTRIES = 100_000


def run() -> list[Comparison]:
    """The comparison `audit.verify.sqlite`."""
    with tempfile.TemporaryDirectory() as folder:
        world = sqlite_world(Path(folder) / "log.db")
        log = world.log()
        build(log, vault(), Sql(world.connect(), Dialect.SQLITE), ENTRIES)
        log.checkpoint()
        log.close()
        return [
            compare(
                "audit.verify.sqlite",
                "1/s",
                lambda: _per_second(world.connect, _verify),
                lambda: _per_second(world.connect, _read),
                baseline_name="read, parse and hash",
                target=0.5,
                conditions=f"{ENTRIES:,} entries, one core, processor time",
                limit=100_000.0,
            )
        ]


def _per_second(
    connect: Callable[[], sqlite3.Connection], work: Callable[[sqlite3.Connection], None]
) -> float:
    connection = connect()
    started = time.process_time()
    work(connection)
    took = time.process_time() - started
    connection.close()
    return ENTRIES / took


def _verify(connection: sqlite3.Connection) -> None:
    report = verify(connection, Dialect.SQLITE, VKEY, vault())
    assert report.clean
    assert report.size == ENTRIES


def _read(connection: sqlite3.Connection) -> None:
    cursor = connection.execute("SELECT * FROM audit_entries ORDER BY idx")
    while rows := cursor.fetchmany(1024):
        for row in rows:
            orjson.loads(row[-1])
            sha256(b"\x00" + row[-1]).digest()
