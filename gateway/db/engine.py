"""Two engines and the rules of transactions.

The read engine cannot write (`query_only` on SQLite, a read-only transaction on PostgreSQL).
A write session begins with `BEGIN IMMEDIATE`, on SQLite under one file lock shared by every
process: SQLite's own busy handler polls, and starves one process for another.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event, make_url
from sqlalchemy.orm import Session, sessionmaker

from gateway.db.hot import HotReads

BUSY_SECONDS = 5.0
_POLL_SECONDS = 0.001
# A server that is gone without a word, or a firewall that forgot the connection, must not be
# waited for as long as the kernel would. Seconds, but the user timeout, which is milliseconds.
_LIVENESS: dict[str, Any] = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}


class WriteBusy(Exception):
    """The write lock was not free within five seconds; the caller answers 503."""


class WriteLock:
    """Serialises writers of one SQLite file, over threads and processes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._threads = threading.Lock()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock. Raises WriteBusy after `BUSY_SECONDS`."""
        deadline = time.monotonic() + BUSY_SECONDS
        if not self._threads.acquire(timeout=BUSY_SECONDS):
            raise WriteBusy
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                _flock(descriptor, deadline)
                yield
            finally:
                os.close(descriptor)
        finally:
            self._threads.release()


def _flock(descriptor: int, deadline: float) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise WriteBusy from None
            time.sleep(_POLL_SECONDS)
        else:
            return


@contextmanager
def _unlocked() -> Iterator[None]:
    yield


class Database:
    """The read and write engines of one database, for web, worker and commands alike."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.sqlite = url.startswith("sqlite")
        self.dialect = "sqlite" if self.sqlite else "postgresql"
        self.path = Path(make_url(url).database or "") if self.sqlite else None
        self._lock = WriteLock(self.path.with_suffix(".lock")) if self.path else None
        self._state = threading.local()
        self.write_engine = self._engine(writable=True)
        self.read_engine = self._engine(writable=False)
        self._write_sessions = sessionmaker(self.write_engine, expire_on_commit=False)
        self._read_sessions = sessionmaker(self.read_engine, expire_on_commit=False)
        self.hot = HotReads(self)
        self.after_write: Callable[[], None] = lambda: None

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that cannot write; a consistent snapshot on SQLite."""
        with self._read_sessions() as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """One short write transaction: commit at the end, roll back on any exception.

        Raises WriteBusy when the lock is not free in time, AssertionError when nested.
        """
        self.assert_no_write("a write transaction inside another")
        with self.write_lock():
            self._state.writing = True
            try:
                with self._write_sessions.begin() as session:
                    yield session
            finally:
                self._state.writing = False
        self.after_write()

    def write_lock(self) -> Any:
        """The context manager under which every SQLite writer works; nothing on PostgreSQL."""
        return self._lock.held() if self._lock else _unlocked()

    def assert_no_write(self, what: str = "this") -> None:
        """Refuse slow or self-blocking work while this thread holds a write transaction."""
        assert not getattr(self._state, "writing", False), f"{what} within a write transaction"

    def connect_raw(self, *, writable: bool = True) -> Any:
        """A driver connection of the caller's own (autocommit), set up like the engines'."""
        if self.sqlite:
            return self._sqlite_connection(writable)
        import psycopg

        options = "" if writable else "-c default_transaction_read_only=on"
        target = make_url(self.url).set(drivername="postgresql")
        return psycopg.connect(
            target.render_as_string(hide_password=False),
            autocommit=True,
            options=options,
            **_LIVENESS,
        )

    def dispose(self) -> None:
        """Close every pooled connection, so that a fork or a restore starts clean."""
        self.hot.close()
        self.write_engine.dispose()
        self.read_engine.dispose()

    def _sqlite_connection(self, writable: bool) -> sqlite3.Connection:
        connection = sqlite3.connect(
            str(self.path), isolation_level=None, check_same_thread=False, timeout=BUSY_SECONDS
        )
        _prepare_sqlite(connection, writable)
        return connection

    def _engine(self, *, writable: bool) -> Engine:
        if self.sqlite:
            engine = create_engine(
                self.url,
                connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
                pool_size=32 if not writable else 4,
                max_overflow=256,
            )
            _sqlite_events(engine, writable)
            return engine
        options = {} if writable else {"options": "-c default_transaction_read_only=on"}
        return create_engine(
            self.url,
            connect_args={**_LIVENESS, **options},
            pool_size=16,
            max_overflow=32,
            pool_pre_ping=True,
        )


def _prepare_sqlite(connection: Any, writable: bool) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute(f"PRAGMA query_only={'OFF' if writable else 'ON'}")
    cursor.close()


def _sqlite_events(engine: Engine, writable: bool) -> None:
    begin = "BEGIN IMMEDIATE" if writable else "BEGIN"

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        _prepare_sqlite(connection, writable)

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        connection.exec_driver_sql(begin)
