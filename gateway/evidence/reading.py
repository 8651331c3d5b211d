"""Reads the log in one snapshot, through a driver connection that cannot write."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

from audit.dbapi import Dialect, Sql
from audit.note import Signer, Verifier
from audit.reader import LogReader
from audit.stores import store_for
from gateway.keys import Purpose
from gateway.runtime import Runtime


@contextmanager
def snapshot(runtime: Runtime) -> Iterator[tuple[Sql, LogReader]]:
    """Statements and the log's reader over the same state of the database."""
    dialect = Dialect(runtime.db.dialect)
    store = store_for(dialect)
    with closing(runtime.audit_db.connect_raw(writable=False)) as connection:
        sql = store.adopt(connection)
        store.begin_snapshot(sql)
        try:
            yield sql, LogReader(connection, dialect, runtime.vault)
        finally:
            with suppress(Exception):
                store.rollback(sql)


def signer(runtime: Runtime) -> Signer:
    """The log's own key, under its origin."""
    material = runtime.keys.current(Purpose.LOG).material
    return Signer(runtime.journal.log.origin, material)


def verifier(runtime: Runtime) -> Verifier:
    """The key that `/log/key` publishes."""
    return signer(runtime).verifier
