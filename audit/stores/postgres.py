"""The log on PostgreSQL: the head row is the lock that puts gateways in one order."""

from __future__ import annotations

from typing import Any, cast

from audit.dbapi import Connection, Dialect, Sql
from audit.stores.base import LOCK_HEAD, SELECT_HEAD, Head, Store

_UNIQUE_VIOLATION = "23505"


class PostgresStore(Store):
    """Works on psycopg 3 connections at READ COMMITTED."""

    lock_statement = LOCK_HEAD + " FOR UPDATE"

    def adopt(self, connection: Connection) -> Sql:
        """Switch to explicit transactions and bound every wait for a lock."""
        cast(Any, connection).autocommit = True
        sql = Sql(connection, Dialect.POSTGRES)
        sql.run("SET lock_timeout = '5s'")
        sql.run("SET synchronous_commit = on")
        return sql

    def begin(self, sql: Sql) -> None:
        """Start a transaction in which each statement sees what others committed."""
        sql.run("BEGIN ISOLATION LEVEL READ COMMITTED")

    def begin_snapshot(self, sql: Sql) -> None:
        """Start a read-only snapshot."""
        sql.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")

    def lock_head(self, sql: Sql) -> Head | None:
        """Read the head row and lock it until the transaction ends."""
        row = sql.one(SELECT_HEAD + " FOR UPDATE")
        return None if row is None else Head(*row)

    def is_duplicate(self, error: Exception) -> bool:
        """Tell whether a uniqueness constraint was violated (SQLSTATE 23505)."""
        return getattr(error, "sqlstate", None) == _UNIQUE_VIOLATION
