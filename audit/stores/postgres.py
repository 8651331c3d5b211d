"""The log on PostgreSQL: the head row is the lock that puts gateways in one order."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from typing import Any, cast

from audit.dbapi import Connection, Dialect, Sql, records
from audit.errors import HeadMoved
from audit.stores.base import ENTRY, GROW, QUEUED, SUBJECT, Step, Store

_UNIQUE_VIOLATION = "23505"
# Every row comes from the moved head, so nothing is written unless the head could be moved.
_ONE_STATEMENT = """
    WITH head AS ({move} AS queued),
    entries AS (
        INSERT INTO audit_entries ({entry})
        SELECT {entry} FROM head, json_populate_recordset(NULL::audit_entries, ?)),
    subjects AS (
        INSERT INTO audit_subjects ({subject})
        SELECT {subject} FROM head, json_populate_recordset(NULL::audit_subjects, ?)),
    edge AS (
        INSERT INTO audit_edge (level, data) SELECT 0, ? FROM head
        ON CONFLICT (level) DO UPDATE SET data = excluded.data)
    SELECT queued FROM head
"""
_ALONE = _ONE_STATEMENT.format(move=GROW + QUEUED, entry=ENTRY, subject=SUBJECT)


class PostgresStore(Store):
    """Works on psycopg 3 connections at READ COMMITTED."""

    for_update = " FOR UPDATE"
    cut_wakes = True

    def adopt(self, connection: Connection) -> Sql:
        """Switch to explicit transactions and bound every wait for a lock."""
        cast(Any, connection).autocommit = True
        sql = Sql(connection, Dialect.POSTGRES)
        sql.run("SET lock_timeout = '5s'")
        sql.run("SET synchronous_commit = on")
        # The default of a statement that is a transaction of its own.
        sql.run("SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED")
        return sql

    def cut(self, sql: Sql) -> None:
        """Shut the socket down: closing it would not wake the thread that waits."""
        with suppress(Exception), socket.socket(fileno=os.dup(_fileno(sql))) as twin:
            twin.shutdown(socket.SHUT_RDWR)

    def begin(self, sql: Sql) -> None:
        """Start a transaction in which each statement sees what others committed."""
        sql.run("BEGIN ISOLATION LEVEL READ COMMITTED")

    def begin_snapshot(self, sql: Sql) -> None:
        """Start a read-only snapshot."""
        sql.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")

    def is_duplicate(self, error: Exception) -> bool:
        """Tell whether a uniqueness constraint was violated (SQLSTATE 23505)."""
        return getattr(error, "sqlstate", None) == _UNIQUE_VIOLATION

    def _commit_alone(self, sql: Sql, step: Step) -> bool:
        """Use one statement unless a tile was completed: it is a transaction, and one trip."""
        if step.tiles:
            return super()._commit_alone(sql, step)
        entries = records(ENTRY, step.entries())
        subjects = records(SUBJECT, step.subjects())
        queued = sql.one(_ALONE, (*step.move, entries, subjects, step.new.partial(0)))
        if queued is None:
            raise HeadMoved("the log's head was moved by someone else")
        return bool(queued[0])


def _fileno(sql: Sql) -> int:
    number: int = cast(Any, sql.connection).fileno()
    return number
