"""Opens the log for reading: a read-only session, and the readers that work over it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy.orm import Session

from audit.dbapi import Dialect, Sql
from audit.reader import LogReader
from gateway.db import Database
from gateway.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Reading:
    """One read-only snapshot: the log's reader, plain statements, and the people's tables."""

    log: LogReader
    sql: Sql
    session: Session


@contextmanager
def reading(runtime: Runtime, db: Database | None = None) -> Iterator[Reading]:
    """Open the auditor's database (or `db`) read-only: nothing done in here can write."""
    db = db or runtime.audit_db
    with db.read() as session:
        # One snapshot for head, tiles and entries; on SQLite every read transaction is one.
        options = {} if db.sqlite else {"isolation_level": "REPEATABLE READ"}
        held = session.connection(execution_options=options)
        connection = held.connection.dbapi_connection
        assert connection is not None
        dialect = Dialect(db.dialect)
        yield Reading(
            LogReader(connection, dialect, runtime.vault), Sql(connection, dialect), session
        )


def verifier_key(runtime: Runtime) -> str:
    """The log's verifier key as `/log/key` publishes it (C2SP signed-note)."""
    return runtime.journal.log.vkey()
