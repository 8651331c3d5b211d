"""Opening a home: folders, keys, database, log, store, in the order that fails closed."""

from __future__ import annotations

from contextlib import closing
from urllib.parse import urlsplit

from sqlalchemy import text

from audit.dbapi import Dialect, Sql
from audit.errors import LogUnavailable
from audit.log_keys import current_vkey
from audit.note import Signer
from audit.sequencer import Log
from audit.vault import KeyVault
from gateway import schema
from gateway.clock import Clock, SystemClock, to_ms
from gateway.config import Settings
from gateway.db import Database
from gateway.errors import OperatorError
from gateway.journal import Journal
from gateway.journal.folding import Folding
from gateway.journal.log_key import log_signer
from gateway.keys import KeyStore, Purpose
from gateway.runtime import Runtime
from gateway.storage import Store


def prepare(settings: Settings) -> Database:
    """Make what a home needs (folders, keys, tables), or find that it is all there already.

    Raises OperatorError when a key is missing although data exists, or when the database was
    made by a newer program.
    """
    settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    db = Database(settings.database)
    known = schema.current(db)
    KeyStore(settings.keys).ensure(data_exists=known is not None)
    schema.upgrade(db)
    return db


def open_runtime(settings: Settings, clock: Clock | None = None) -> Runtime:
    """The runtime of a home that `prepare` has set up; nothing is created.

    Raises OperatorError when the home is not set up or not up to date.
    """
    db = Database(settings.database)
    try:
        if db.path is not None and not db.path.exists():
            raise OperatorError(f"there is no home at {settings.home}; run: sumun db upgrade")
        if schema.current(db) != schema.head():
            raise OperatorError("the database is not up to date; run: sumun db upgrade")
        return assemble(settings, db, clock or SystemClock())
    except BaseException:
        db.dispose()
        raise


def assemble(settings: Settings, db: Database, clock: Clock) -> Runtime:
    """Put the parts together on a database that is up to date."""
    keys = KeyStore(settings.keys)
    keys.ensure(data_exists=True)
    vault = KeyVault(
        keys.current(Purpose.LOOKUP).material,
        keys.current(Purpose.PERSON).material,
    )
    log = _log(settings, db, keys, vault, clock)
    db.after_write = log.kick
    # Begins a new log, and numbers what a killed process left in the outbox.
    log.kick()
    journal = Journal(log, clock)
    store, folding = Store.open(settings), Folding(journal, clock)
    return Runtime(settings, clock, db, keys, journal, store, vault, folding)


def log_origin(settings: Settings, db: Database) -> str:
    """The origin line of the checkpoints: what the log was begun with, or else `HOST/log`.

    It stays for the life of the log, so a later change of the public address does not fork it.
    """
    with db.read() as session:
        known = session.scalar(text("SELECT origin FROM audit_head"))
    return known or f"{urlsplit(settings.public_url).netloc}/log"


def current_signer(settings: Settings, db: Database, keys: KeyStore) -> Signer:
    """The key that signs the log. Raises OperatorError when it is not among those kept."""
    with closing(db.connect_raw(writable=False)) as connection:
        vkey = current_vkey(Sql(connection, Dialect(db.dialect)))
    try:
        return log_signer(keys, log_origin(settings, db), vkey)
    except LogUnavailable as error:
        raise OperatorError(f"{error}; restore the keys folder from its backup") from error


def _log(settings: Settings, db: Database, keys: KeyStore, vault: KeyVault, clock: Clock) -> Log:
    return Log(
        connect=db.connect_raw,
        write_lock=db.write_lock,
        dialect=Dialect(db.dialect),
        vault=vault,
        signer=current_signer(settings, db, keys),
        clock_ms=lambda: to_ms(clock.now()),
        guard=lambda: db.assert_no_write("audit.append"),
        load_signer=lambda vkey: log_signer(keys, log_origin(settings, db), vkey),
    )
