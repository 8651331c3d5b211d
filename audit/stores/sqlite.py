"""The log on SQLite: one writer at a time, by BEGIN IMMEDIATE under the caller's write lock."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from typing import cast

from audit.dbapi import Connection, Dialect, Sql
from audit.stores.base import Store


class SqliteStore(Store):
    """Works on sqlite3 connections in autocommit mode (`isolation_level=None`)."""

    cut_wakes = False

    def adopt(self, connection: Connection) -> Sql:
        """Return the connection ready; its settings are the caller's (WAL, synchronous=FULL)."""
        return Sql(connection, Dialect.SQLITE)

    def cut(self, sql: Sql) -> None:
        """Stop the statement that runs; there is no server that could be silent."""
        with suppress(sqlite3.Error):
            cast(sqlite3.Connection, sql.connection).interrupt()

    def begin(self, sql: Sql) -> None:
        """Take SQLite's write lock at once: upgrading later could deadlock."""
        sql.run("BEGIN IMMEDIATE")

    def begin_snapshot(self, sql: Sql) -> None:
        """Start a WAL snapshot."""
        sql.run("BEGIN")

    def is_duplicate(self, error: Exception) -> bool:
        """Tell whether a uniqueness constraint was violated."""
        return isinstance(error, sqlite3.IntegrityError) and "UNIQUE" in str(error)
