"""Brings a database to the newest revision; several processes may try at once.

SQLite upgrades under the write lock, PostgreSQL under an advisory lock.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from gateway.db import Database

# Any constant serves, as long as nothing else in the database locks on it.
ADVISORY_LOCK = 0x53756D756E


def upgrade(db: Database) -> str:
    """Apply every missing migration in one transaction and return the revision reached."""
    with _exclusive(db) as connection:
        command.upgrade(_config(connection), "head")
    return head()


def current(db: Database) -> str | None:
    """The revision a database is at, None when it was never set up."""
    with db.read_engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def head() -> str:
    """The newest revision this program knows."""
    return ScriptDirectory.from_config(_config(None)).get_current_head() or ""


@contextmanager
def _exclusive(db: Database) -> Iterator[Connection]:
    with db.write_lock(), db.write_engine.begin() as connection:
        if not db.sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})
        yield connection


def _config(connection: Connection | None) -> Config:
    config = Config()
    config.set_main_option("script_location", "migrations:.")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
