"""A small world for the log's tests: keys, events, and a log on either database."""

from __future__ import annotations

import contextlib
import fcntl
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg

from audit.cosignature import Cosigner
from audit.cosigned import Cosigned, insert
from audit.dbapi import Dialect, Sql
from audit.event import Channel, Event, Party, Place
from audit.note import Signer, parse_note
from audit.ocsf import Outcome
from audit.schema import POSTGRES_DDL, SQLITE_DDL
from audit.sequencer import Log
from audit.stores import StoredCheckpoint, store_for
from audit.vault import KeyVault
from audit.verify import Report, verify

ORIGIN = "sumun.example/log"
LOOKUP_KEY, WRAP_KEY, SEED = b"l" * 32, b"w" * 32, b"s" * 32
SIGNER = Signer(ORIGIN, SEED)
VKEY = str(SIGNER.verifier)
WITNESS = Cosigner("witness.example/one", b"1" * 32)
NOW_MS = 1_795_000_000_000


def vault() -> KeyVault:
    return KeyVault(LOOKUP_KEY, WRAP_KEY)


def event(**changed: Any) -> Event:
    """An allowed download by Kim; each call is a new event."""
    given: dict[str, Any] = {
        "action": "download.authorized",
        "outcome": Outcome.ALLOW,
        "time_ms": NOW_MS,
        "event_id": str(uuid.uuid4()),
        "actor": Party("kim", "seoul-university"),
        "place": Place("192.0.2.7", "curl/8.0", Channel.API),
        "dataset": "chest-ct",
        "version": "1.0",
        "item": "patient/0001.dcm",
        "ref": "url:abc",
        "detail": {"bytes": 4096, "ranges": [[0, 4095]]},
        "personal": {"name": "김수문"},
    }
    return Event(**(given | changed))


class World:
    """One database that holds a log, and ways to open it."""

    def __init__(self, dialect: Dialect, connect: Callable[[], Any], lock: Any) -> None:
        self.dialect = dialect
        self.connect = connect
        self.lock = lock
        self.now_ms = NOW_MS
        self.logs: list[Log] = []
        self.path = Path()

    def log(self, **changed: Any) -> Log:
        given: dict[str, Any] = {
            "connect": self.connect,
            "write_lock": self.lock,
            "dialect": self.dialect,
            "vault": vault(),
            "signer": SIGNER,
            "clock_ms": lambda: self.now_ms,
            "guard": lambda: None,
        }
        log = Log(**(given | changed))
        self.logs.append(log)
        return log

    def execute(self, sql: str, *params: object) -> list[Any]:
        """Run one statement as an administrator would, committing it."""
        with contextlib.closing(self.connect()) as connection:
            cursor = connection.cursor()
            cursor.execute(sql if self.dialect is Dialect.SQLITE else _percent(sql), params)
            rows = cursor.fetchall() if cursor.description else []
            if self.dialect is Dialect.POSTGRES:
                connection.commit()
            return list(rows)

    def record(self, log: Log, *events: Event) -> None:
        """Record events in one committed transaction of a caller."""
        with self.transaction() as connection:
            for one in events:
                log.record(connection, one)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Any]:
        with contextlib.closing(self.connect()) as connection, self.lock():
            cursor = connection.cursor()
            cursor.execute("BEGIN IMMEDIATE" if self.dialect is Dialect.SQLITE else "SELECT 1")
            try:
                yield connection
            except BaseException:
                connection.rollback()
                raise
            connection.commit()

    def verify(self, **changed: Any) -> Report:
        given: dict[str, Any] = {"vault": vault(), "since": None} | changed
        with contextlib.closing(self.connect()) as connection:
            return verify(connection, self.dialect, VKEY, given["vault"], given["since"])

    def close(self) -> None:
        for log in self.logs:
            log.close()


def sqlite_world(path: Path, *, create: bool = True) -> World:
    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            path, isolation_level=None, check_same_thread=False, timeout=10
        )
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        return connection

    inside = threading.Lock()

    @contextlib.contextmanager
    def lock() -> Iterator[None]:
        with inside, Path(f"{path}.lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    world = World(Dialect.SQLITE, connect, lock)
    world.path = path
    if create:
        for statement in SQLITE_DDL:
            world.execute(statement)
    return world


def postgres_world(url: str) -> World:
    world = World(Dialect.POSTGRES, lambda: psycopg.connect(url), contextlib.nullcontext)
    for statement in POSTGRES_DDL:
        world.execute(statement)
    return world


def cosign(world: World, checkpoint: StoredCheckpoint, by: Cosigner = WITNESS) -> Cosigned:
    """Store a witness's cosignature of a checkpoint, a second after it was signed."""
    seconds = checkpoint.time_ms // 1000 + 1
    text = parse_note(checkpoint.note).text
    row = Cosigned.of(checkpoint.seq, by.cosign(text, seconds), seconds)
    with world.transaction() as connection:
        insert(store_for(world.dialect), Sql(connection, world.dialect), row)
    return row


def drop_triggers(world: World) -> None:
    """What an administrator does before editing."""
    if world.dialect is Dialect.SQLITE:
        rows = world.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        for (name,) in rows:
            world.execute(f"DROP TRIGGER {name}")
        return
    rows = world.execute(
        "SELECT DISTINCT tgname, relname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
        "WHERE NOT tgisinternal"
    )
    for name, table in rows:
        world.execute(f"DROP TRIGGER {name} ON {table}")


def eventually(holds: Callable[[], bool], seconds: float = 10.0) -> bool:
    """Wait until a condition holds."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if holds():
            return True
        time.sleep(0.005)
    return holds()


def _percent(sql: str) -> str:
    return sql.replace("?", "%s")
