"""Where the log's rows are kept: one store a dialect, the statements shared."""

from __future__ import annotations

from audit.dbapi import Dialect
from audit.stores.base import Head, Prepared, Store, StoredCheckpoint
from audit.stores.postgres import PostgresStore
from audit.stores.sqlite import SqliteStore

__all__ = ["Head", "Prepared", "Store", "StoredCheckpoint", "store_for"]


def store_for(dialect: Dialect) -> Store:
    """Return the store of a dialect."""
    return SqliteStore() if dialect is Dialect.SQLITE else PostgresStore()
