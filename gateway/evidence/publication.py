"""Publishes the log to the store about every second while it grows.

Below `log/` stand the checkpoint and the hash tiles, which anybody may be given; below
`log-entries/` the entry bundles, for auditors only. Several workers may run: one at a time
publishes, and what a killed one left is written again.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import structlog
from prometheus_client import Counter, Gauge

from audit import minimum
from audit.errors import AuditError, LogUnavailable
from audit.publish import PublishedAltered, Shelves, publish
from gateway.db import Database, WriteBusy
from gateway.errors import OperatorError
from gateway.evidence.reading import history, snapshot
from gateway.journal import Act, Actor, Entry, Outcome
from gateway.observability.metrics import REGISTRY
from gateway.runtime import Runtime
from gateway.storage import StoreUnavailable
from gateway.storage.shelf import shelf
from gateway.witnessing import service as witnessing

PUBLIC, PRIVATE = "log", "log-entries"
INTERVAL_SECONDS = 1.0
FAULT_SECONDS = 60.0
# The advisory lock's number is "sumun" in ASCII.
_LOCK = 0x73756D756E
SIZE = Gauge("sumun_log_published_size", "Entries published as tiles", registry=REGISTRY)
FAULTS = Counter("sumun_log_publication_faults", "Publications that failed", registry=REGISTRY)
log = structlog.get_logger(__name__)


def shelves(runtime: Runtime) -> Shelves:
    """Where this gateway publishes."""
    return Shelves(shelf(runtime.store, PUBLIC), shelf(runtime.store, PRIVATE))


def publish_now(runtime: Runtime) -> int:
    """Publish everything there is up to now; returns the size.

    With a quorum of witnesses that is what they have cosigned. Raises PublishedAltered when other
    bytes than the log's are published already (they stay), LogUnavailable also while no
    checkpoint meets the quorum, StoreUnavailable, OperatorError.
    """
    runtime.journal.log.checkpoint(covering=runtime.journal.log.size())
    note = witnessing.published(runtime)
    if note is None:
        raise LogUnavailable("the witnesses have not yet cosigned any checkpoint")
    return publish_note(runtime, note, shelves(runtime))


def publish_note(runtime: Runtime, note: str, target: Shelves) -> int:
    """Publish up to a checkpoint of the log; raises as `publish_now`."""
    with snapshot(runtime, main=True) as (sql, reader):
        lowest, keys = minimum.current(sql), history(runtime, sql).keys
        return publish(reader, target, keys, note, lowest)


class Publisher:
    """Keeps the published log fresh; the worker calls `tick` about every second."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._note = ""
        self._rest_until = 0.0
        self._told: set[str] = set()

    def tick(self) -> None:
        """Publish if the log has grown and no other worker does it; rest after a fault."""
        if time.monotonic() < self._rest_until:
            return
        try:
            self._publish_if_grown()
        except (AuditError, OperatorError, StoreUnavailable, WriteBusy) as error:
            FAULTS.inc()
            self._rest_until = time.monotonic() + FAULT_SECONDS
            if isinstance(error, PublishedAltered):
                self._tell(error)
            else:
                log.warning("publication.failed", reason=str(error))

    def _publish_if_grown(self) -> None:
        note = witnessing.published(self._runtime)
        if note is None or note == self._note:
            return
        with elected(self._runtime.db) as mine:
            if mine:
                SIZE.set(publish_note(self._runtime, note, shelves(self._runtime)))
                self._note = note

    def _tell(self, error: PublishedAltered) -> None:
        """Say it loudly, in the log itself once for each path."""
        log.error("publication.altered", path=error.path, index=error.index, reason=str(error))
        if error.path in self._told:
            return
        self._told.add(error.path)
        detail = {"path": error.path, "index": error.index}
        try:
            self._runtime.journal.append(
                Entry(Actor.system(), Act.LOG_PUBLICATION_REFUSED, Outcome.FAILURE, detail=detail)
            )
        except AuditError:
            self._told.discard(error.path)


@contextmanager
def elected(db: Database) -> Iterator[bool]:
    """Whether this process may publish now: a lock on file or database that nobody waits for."""
    with _file_elected(db) if db.path is not None else _postgres_elected(db) as mine:
        yield mine


@contextmanager
def _file_elected(db: Database) -> Iterator[bool]:
    assert db.path is not None
    path = db.path.with_suffix(".publishing")
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)


@contextmanager
def _postgres_elected(db: Database) -> Iterator[bool]:
    """The lock ends with the connection, so a killed worker never keeps it."""
    with closing(db.connect_raw()) as connection:
        row = connection.execute("SELECT pg_try_advisory_lock(%s)", (_LOCK,)).fetchone()
        yield bool(row and row[0])
