"""Backup and restore of a home.

The embedded default is copied online: the database first, through SQLite's own backup, then the
objects, which never change once they are named, so whatever the database speaks of is there.
Keys are copied too; a backup without them could open nothing, so keep it as safe as they are. So is
the list of witnesses: without it a restored log would ask nobody, and seem to need nobody. What an
earlier restore set aside is named in the log by its hash, so it goes along. PostgreSQL is backed up
with its own tools; `begin_epoch` is then what remains to be done.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from audit.dbapi import Dialect
from audit.errors import NoteMalformed
from audit.restore import restore_epoch
from audit.vault import KeyVault
from gateway import ids
from gateway.clock import Clock, to_ms
from gateway.config import Settings
from gateway.db import Database
from gateway.errors import OperatorError
from gateway.evidence import restored
from gateway.evidence.restored import Kept
from gateway.journal import Act, Actor, Entry
from gateway.keys import KeyStore, Purpose
from gateway.runtime import Runtime
from gateway.startup import current_signer
from gateway.witnessing import policy_file

DATABASE, OBJECTS, KEYS, ABOUT = "sumun.db", "objects", "keys", "backup.json"
SET_ASIDE = "restored-*"


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
    _copy_rest(runtime.settings, partial)
    backup = Backup(
        runtime.clock.now().isoformat(), checkpoint.size, checkpoint.note, objects, size
    )
    (partial / ABOUT).write_text(json.dumps(asdict(backup), indent=2), "utf-8")
    partial.rename(target)
    return backup


@dataclass(frozen=True, slots=True)
class Restored:
    """The new epoch. `lost` counts entries that were acknowledged and published after the backup,
    of which `kept` could be read back into `folder`; `erase_again` are tokens of people whose
    erasure was among them."""

    epoch: int
    lost: int = 0
    kept: int = 0
    folder: str | None = None
    erase_again: tuple[str, ...] = ()


def restore(
    settings: Settings, source: Path, clock: Clock, published: Path | None = None
) -> Restored:
    """Copy a backup into an empty home and begin a new epoch of its log.

    `published` is the `objects` folder of the lost home, where its log was published.
    Raises OperatorError when `source` is no backup, the home is not empty, or what is published
    does not continue the backup.
    """
    backup = _read(source)
    if settings.home.exists() and any(settings.home.iterdir()):
        raise OperatorError(f"{settings.home} is not empty; restore into a new home")
    partial = settings.home.with_name(settings.home.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    shutil.copytree(source, partial)
    (partial / ABOUT).unlink()
    aside = settings.model_copy(update={"home": partial})
    done = begin_epoch(aside, clock, backup.checkpoint, published)
    if settings.home.exists():
        settings.home.rmdir()
    partial.rename(settings.home)
    folder = done.folder and str(settings.home / Path(done.folder).name)
    return replace(done, folder=folder)


def begin_epoch(
    settings: Settings,
    clock: Clock,
    known_checkpoint: str | None = None,
    published: Path | None = None,
) -> Restored:
    """Mark a restored database as a new epoch of its log.

    For PostgreSQL run this once after `pg_restore` and before the gateway starts. What was
    published beyond the restored log is kept and named. Raises OperatorError as `restore` does.
    """
    at, actor = restored.published_at(settings, published), Actor.operator()
    db = Database(settings.database)
    keys = KeyStore(settings.keys)
    keys.ensure(data_exists=True)
    try:
        signer = current_signer(settings, db, keys)
        lost = restored.look(db, signer, at)
        kept = None if lost is None else restored.keep(settings, clock, lost)
        with db.write_lock(), closing(db.connect_raw()) as connection:
            epoch = restore_epoch(
                connection,
                Dialect(db.dialect),
                vault=KeyVault(
                    keys.current(Purpose.LOOKUP).material, keys.current(Purpose.PERSON).material
                ),
                signer=signer,
                event_id=str(ids.new(clock)),
                time_ms=to_ms(clock.now()),
                actor=actor.party,
                personal=actor.personal,
                place=actor.place,
                known_checkpoint=known_checkpoint,
                lost=None if kept is None else kept.detail,
            )
        if kept is None:
            return Restored(epoch)
        restored.set_aside(at, kept)
        return _told(epoch, kept)
    except NoteMalformed as error:
        raise OperatorError(f"the checkpoint of the backup is not of its log: {error}") from error
    finally:
        db.dispose()


def next_steps(settings: Settings, done: Restored) -> list[str]:
    """What is to be done now, here and by those who hold the log to one history."""
    steps, witnesses = [], []
    try:
        witnesses = [one.name for one in policy_file.load(settings).witnesses]
    except OperatorError as error:
        steps.append(f"put the list of witnesses in its place: {error}")
    if done.erase_again:
        steps.append("erase again whoever was erased after the backup: sumun audit erase TOKEN…")
    if witnesses:
        steps.append(
            f"each witness ({', '.join(witnesses)}) looks at the restore and forgets the log: "
            "sumun audit witness forget ORIGIN; until a quorum has, nothing new is published"
        )
    steps.append(
        "each monitor accepts the restore: sumun audit monitor … --accept"
        + ("; until a quorum has forgotten it says rolled_back" if witnesses else "")
    )
    return steps


def _told(epoch: int, kept: Kept) -> Restored:
    lost = kept.lost
    count = lost.end - lost.first
    return Restored(epoch, count, len(lost.entries), str(kept.folder), lost.erased)


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


def _copy_rest(settings: Settings, target: Path) -> None:
    witnesses = policy_file.path_of(settings)
    if witnesses.exists():
        shutil.copy2(witnesses, target / policy_file.NAME)
    for folder in settings.home.glob(SET_ASIDE):
        shutil.copytree(folder, target / folder.name)


def by_hand(settings: Settings) -> list[str]:
    """What a restored gateway needs and a backup does not hold or cannot put in its place."""
    elsewhere = [
        f"{where}: put {name} of the backup there before restoring"
        for where, name in (
            (settings.keys_dir, f"{KEYS}/"),
            (settings.witnesses_file, policy_file.NAME),
        )
        if where is not None
    ]
    return [
        "the settings: sumun.toml, the SUMUN_ variables, and what stands in front for TLS",
        "archives of pruned entries, written by sumun audit archive",
        "key and state of a witness or monitor that runs on this host",
        *elsewhere,
    ]


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
