"""Backup and restore of a home.

The embedded default is copied online: the database first, through SQLite's own backup, then the
objects, which never change once they are named, so whatever the database speaks of is there.
Keys are copied too; a backup without them could open nothing, so keep it as safe as they are.
PostgreSQL is backed up with its own tools; `begin_epoch` is then what remains to be done.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from dataclasses import asdict, dataclass
from pathlib import Path

from audit.dbapi import Dialect
from audit.restore import restore_epoch
from audit.vault import KeyVault
from gateway import ids
from gateway.clock import Clock, to_ms
from gateway.config import Settings
from gateway.db import Database
from gateway.errors import OperatorError
from gateway.journal import Act, Actor, Entry
from gateway.keys import KeyStore, Purpose
from gateway.runtime import Runtime
from gateway.startup import current_signer

DATABASE, OBJECTS, KEYS, ABOUT = "sumun.db", "objects", "keys", "backup.json"


@dataclass(frozen=True, slots=True)
class Backup:
    """What a backup holds: the log's size and checkpoint when it was made, objects and bytes."""

    made_at: str
    log_size: int
    checkpoint: str
    objects: int
    bytes: int


def make(runtime: Runtime, target: Path) -> Backup:
    """Copy a running home into the new folder `target`.

    Raises OperatorError if `target` exists, or if the home is not the embedded default.
    """
    source = _embedded(runtime.settings, runtime.db)
    if target.exists():
        raise OperatorError(f"{target} exists already; name a new folder")
    runtime.journal.append(Entry(Actor.operator(), Act.BACKUP_MADE))
    checkpoint = runtime.journal.log.checkpoint()
    partial = target.with_name(target.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True, mode=0o700)
    _copy_database(source, partial / DATABASE)
    objects, size = _copy_objects(runtime.store.root, partial / OBJECTS)
    shutil.copytree(runtime.settings.keys, partial / KEYS)
    backup = Backup(
        runtime.clock.now().isoformat(), checkpoint.size, checkpoint.note, objects, size
    )
    (partial / ABOUT).write_text(json.dumps(asdict(backup), indent=2), "utf-8")
    partial.rename(target)
    return backup


def restore(settings: Settings, source: Path, clock: Clock) -> int:
    """Copy a backup into an empty home and begin a new epoch of its log; returns the epoch.

    Raises OperatorError when `source` is no backup or the home is not empty.
    """
    backup = _read(source)
    if settings.home.exists() and any(settings.home.iterdir()):
        raise OperatorError(f"{settings.home} is not empty; restore into a new home")
    partial = settings.home.with_name(settings.home.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    shutil.copytree(source, partial)
    (partial / ABOUT).unlink()
    if settings.home.exists():
        settings.home.rmdir()
    partial.rename(settings.home)
    return begin_epoch(settings, clock, backup.checkpoint)


def begin_epoch(settings: Settings, clock: Clock, known_checkpoint: str | None = None) -> int:
    """Mark a restored database as a new epoch of its log; returns the epoch's number.

    For PostgreSQL run this once after `pg_restore` and before the gateway starts.
    """
    db = Database(settings.database)
    keys = KeyStore(settings.keys)
    keys.ensure(data_exists=True)
    connection = db.connect_raw()
    try:
        with db.write_lock():
            return restore_epoch(
                connection,
                Dialect(db.dialect),
                vault=KeyVault(
                    keys.current(Purpose.LOOKUP).material, keys.current(Purpose.PERSON).material
                ),
                signer=current_signer(settings, db, keys),
                event_id=str(ids.new(clock)),
                time_ms=to_ms(clock.now()),
                actor=Actor.operator().party,
                known_checkpoint=known_checkpoint,
            )
    finally:
        connection.close()
        db.dispose()


def _embedded(settings: Settings, db: Database) -> Path:
    if db.path is None or settings.storage_url:
        raise OperatorError(
            "only the embedded default is backed up by this command; use pg_dump and your object "
            "store's own backup (see docs/backup.md)"
        )
    return db.path


def _copy_database(source: Path, target: Path) -> None:
    with sqlite3.connect(source) as reader, sqlite3.connect(target) as writer:
        reader.backup(writer)
    reader.close()
    writer.close()


def _copy_objects(root: Path | None, target: Path) -> tuple[int, int]:
    assert root is not None
    count = size = 0
    target.mkdir()
    for path in sorted((root / "sha256").rglob("*")):
        if path.is_file():
            copy = target / path.relative_to(root)
            copy.parent.mkdir(parents=True, exist_ok=True)
            _link_or_copy(path, copy)
            count, size = count + 1, size + path.stat().st_size
    return count, size


def _link_or_copy(source: Path, target: Path) -> None:
    # Objects are immutable, so on the same file system a second name is as good as a copy.
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _read(source: Path) -> Backup:
    try:
        return Backup(**json.loads((source / ABOUT).read_text("utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise OperatorError(f"{source} is not a backup made by `sumun backup`") from error
