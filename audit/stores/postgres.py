"""The log on PostgreSQL: the head row is the lock that puts gateways in one order."""

from __future__ import annotations

from typing import Any, cast

from audit.dbapi import Connection, Dialect, Sql
from audit.stores.base import Store

_UNIQUE_VIOLATION = "23505"


class PostgresStore(Store):
    """Works on psycopg 3 connections at READ COMMITTED."""

    for_update = " FOR UPDATE"

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

    def is_duplicate(self, error: Exception) -> bool:
        """Tell whether a uniqueness constraint was violated (SQLSTATE 23505)."""
        return getattr(error, "sqlstate", None) == _UNIQUE_VIOLATION
