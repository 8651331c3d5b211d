"""Verifies a home's log without opening the home: nothing is created, nothing is written."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import make_url

from audit.checkpoint import open_checkpoint
from audit.dbapi import Dialect, Sql
from audit.errors import AuditError
from audit.note import Signer
from audit.vault import KeyVault
from audit.verify import Report, verify
from gateway.config import Settings
from gateway.errors import OperatorError
from gateway.keys import KeyStore, Purpose

_NOTES = "SELECT note FROM audit_checkpoints ORDER BY seq DESC LIMIT 100"


def verify_home(settings: Settings) -> Report:
    """Re-read the log of a home, running or not, through a read-only connection.

    Raises OperatorError when there is no log, no key, or the database cannot be read.
    """
    keys = KeyStore(settings.keys)
    lookup, person = keys.current(Purpose.LOOKUP), keys.current(Purpose.PERSON)
    material = keys.current(Purpose.LOG).material
    with _connected(settings) as (connection, dialect):
        origin = _origin(Sql(connection, dialect), material)
        vkey = str(Signer(origin, material).verifier)
        return verify(connection, dialect, vkey, KeyVault(lookup.material, person.material))


def _origin(sql: Sql, material: bytes) -> str:
    """The name of the log: what its own key has signed, before what the head row says."""
    for (note,) in sql.all(_NOTES):
        name = str(note).partition("\n")[0]
        try:
            open_checkpoint(str(note), Signer(name, material).verifier)
        except AuditError:
            continue
        return name
    row = sql.one("SELECT origin FROM audit_head")
    if row is None:
        raise OperatorError("the log's head row is missing and no checkpoint names the log")
    return str(row[0])


@contextmanager
def _connected(settings: Settings) -> Iterator[tuple[Any, Dialect]]:
    url = settings.audit_database_url or settings.database
    sqlite = url.startswith("sqlite")
    connection, failures = _sqlite(url) if sqlite else _postgres(url)
    try:
        yield connection, Dialect.SQLITE if sqlite else Dialect.POSTGRES
    except failures as error:
        raise OperatorError(f"the log cannot be read: {error}".splitlines()[0]) from error
    finally:
        connection.close()


def _sqlite(url: str) -> tuple[Any, type[Exception]]:
    path = Path(make_url(url).database or "")
    if not path.is_file():
        raise OperatorError(f"there is no database at {path}")
    connection = _open(path, "")
    try:
        connection.execute("SELECT 1 FROM sqlite_master").fetchone()
    except sqlite3.OperationalError:
        # A copy on a medium that cannot be written: no other process can be writing it either.
        connection.close()
        connection = _open(path, "&immutable=1")
    # Bytes that are no UTF-8 are damage to be named, not a reason to stop.
    connection.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
    return connection, sqlite3.Error


def _open(path: Path, more: str) -> sqlite3.Connection:
    address = f"file:{quote(str(path))}?mode=ro{more}"
    return sqlite3.connect(address, uri=True, isolation_level=None, timeout=10)


def _postgres(url: str) -> tuple[Any, type[Exception]]:
    import psycopg

    target = make_url(url).set(drivername="postgresql")
    try:
        connection = psycopg.connect(
            target.render_as_string(hide_password=False),
            autocommit=True,
            options="-c default_transaction_read_only=on",
        )
    except psycopg.Error as error:
        raise OperatorError(f"the database cannot be reached: {error}".splitlines()[0]) from error
    return connection, psycopg.Error
