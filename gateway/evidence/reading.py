"""Reads the log in one snapshot, through a driver connection that cannot write."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

from audit.bundle import Keys
from audit.dbapi import Dialect, Sql
from audit.errors import LogUnavailable
from audit.log_keys import KeyHistory, read_history
from audit.note import Signer
from audit.reader import LogReader
from audit.stores import store_for
from gateway.runtime import Runtime
from gateway.startup import current_signer

_WAIT_SECONDS, _PAUSE_SECONDS = 5.0, 0.01
_NEWEST = "SELECT COALESCE(MAX(queued_ns), 0) FROM audit_outbox"
_WAITING = "SELECT 1 FROM audit_outbox WHERE queued_ns <= ? LIMIT 1"


@contextmanager
def snapshot(runtime: Runtime, *, main: bool = False) -> Iterator[tuple[Sql, LogReader]]:
    """Statements and the log's reader over the same state of the database.

    That is the auditors' database; with `main` the gateway's own, which never lags behind.
    """
    dialect = Dialect(runtime.db.dialect)
    store = store_for(dialect)
    db = runtime.db if main else runtime.audit_db
    with closing(db.connect_raw(writable=False)) as connection:
        sql = store.adopt(connection)
        store.begin_snapshot(sql)
        try:
            yield sql, LogReader(connection, dialect, runtime.vault)
        finally:
            with suppress(Exception):
                store.rollback(sql)


def settle(runtime: Runtime) -> None:
    """Wait until everything committed before this call has its number, and so is found.

    Who decides by what the log holds calls this first; `record` numbers shortly after its commit.
    Raises LogUnavailable when the queue does not empty, as when a row in it was tampered with.
    """
    with closing(runtime.db.connect_raw(writable=False)) as connection:
        sql = store_for(Dialect(runtime.db.dialect)).adopt(connection)
        (newest,) = sql.all(_NEWEST)
        until = time.monotonic() + _WAIT_SECONDS
        while sql.all(_WAITING, newest):
            if time.monotonic() > until:
                raise LogUnavailable(
                    "events wait for their number and do not get it: run `sumun audit verify`"
                )
            runtime.journal.log.kick()
            time.sleep(_PAUSE_SECONDS)


def signer(runtime: Runtime) -> Signer:
    """The key that signs the log now. Raises OperatorError when it is not among those kept."""
    return current_signer(runtime.settings, runtime.db, runtime.keys)


def history(runtime: Runtime, sql: Sql) -> KeyHistory:
    """The log's keys, each vouched for by the one before."""
    return read_history(sql, str(signer(runtime).verifier))[0]


def bundle_keys(runtime: Runtime, sql: Sql) -> Keys:
    """The same for an evidence bundle."""
    known = history(runtime, sql)
    notes = tuple(one.handover for one in known.rotations)
    return Keys(tuple(str(key) for key in known.keys), notes)
