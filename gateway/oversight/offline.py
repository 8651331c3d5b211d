"""Verifies a home's log without opening the home: nothing is created, nothing is written.

What is read is the main database, whatever copy the auditors' pages read: this verification speaks
of the log that the gateway writes, and is recorded there.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import make_url

from audit.checkpoint import Checkpoint, open_checkpoint
from audit.dbapi import Dialect, Sql
from audit.errors import AuditError, NoteMalformed
from audit.note import Verifier
from audit.vault import KeyVault
from audit.verify import Report, verify
from gateway.config import Settings
from gateway.errors import OperatorError
from gateway.evidence.anchor import Anchor, find_anchor
from gateway.journal.log_key import log_signer, log_signers
from gateway.keys import KeyStore, Purpose
from gateway.witnessing import policy_file

_NOTES = "SELECT note FROM audit_checkpoints ORDER BY seq DESC LIMIT 100"


def verify_home(settings: Settings, since: str | None = None) -> Report:
    """Re-read the log of a home, running or not, through a read-only connection.

    `since` is a signed checkpoint trusted from earlier: the log must extend it. Without one the
    newest published checkpoint takes its place. Raises OperatorError when there is no log, no
    key, the database or what is published cannot be read, or `since` is no checkpoint of this log.
    """
    keys = KeyStore(settings.keys)
    lookup, person = keys.current(Purpose.LOOKUP), keys.current(Purpose.PERSON)
    vault = KeyVault(lookup.material, person.material)
    with _connected(settings) as (connection, dialect):
        vkey = str(_verifier(Sql(connection, dialect), keys))
        witnesses = policy_file.witness_keys(settings)
        anchor = _anchor(Sql(connection, dialect), settings, keys, since)
        trusted = anchor.checkpoint if since is None else _trusted(since, keys)
        report = verify(connection, dialect, vkey, vault, trusted, witnesses=witnesses)
        return anchor.judge(report)


def database_name(settings: Settings) -> str:
    """The URL of the database that is verified, without its password and options."""
    url = make_url(settings.database)
    place = {name: url.query[name] for name in ("host", "port") if name in url.query}
    named = url.set(drivername=url.get_backend_name(), query=place)._replace(password=None)
    return named.render_as_string()


def _anchor(sql: Sql, settings: Settings, keys: KeyStore, since: str | None) -> Anchor:
    """What was published; with a checkpoint of one's own a store that is away is no hindrance."""
    try:
        return find_anchor(sql, settings, keys)
    except OperatorError:
        if since is None:
            raise
        return Anchor()


def _trusted(note: str, keys: KeyStore) -> Checkpoint:
    """A checkpoint from outside, signed by a key that this log has or had."""
    try:
        for signer in log_signers(keys, note.partition("\n")[0]):
            if _signed(note, signer.verifier):
                return open_checkpoint(note, signer.verifier)[0]
    except NoteMalformed as error:
        raise OperatorError(f"the checkpoint given is not a signed note: {error}") from error
    raise OperatorError("the checkpoint given is not signed by a key of this log")


def _verifier(sql: Sql, keys: KeyStore) -> Verifier:
    """The kept key that signed last, under the name it signed, before what the head row says.

    A key that was made and never came to sign is passed over.
    """
    for (note,) in sql.all(_NOTES):
        try:
            for signer in log_signers(keys, str(note).partition("\n")[0]):
                if _signed(str(note), signer.verifier):
                    return signer.verifier
        except NoteMalformed:
            continue
    row = sql.one("SELECT origin FROM audit_head")
    if row is None:
        raise OperatorError("the log's head row is missing and no checkpoint names the log")
    return log_signer(keys, str(row[0]), None).verifier


def _signed(note: str, verifier: Verifier) -> bool:
    try:
        open_checkpoint(note, verifier)
    except AuditError:
        return False
    return True


@contextmanager
def _connected(settings: Settings) -> Iterator[tuple[Any, Dialect]]:
    url = settings.database
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
        # On a medium that cannot be written: no other process can be writing it either.
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
