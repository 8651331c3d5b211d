"""Compares tiles, stored and published, with the entries; rebuilds them; copies the log out."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from audit.dbapi import Dialect
from audit.errors import LogUnavailable
from audit.fsck import Fsck, fsck
from audit.publish import Shelves
from audit.repair import repair_database, repair_published
from gateway.errors import OperatorError
from gateway.evidence.publication import publish_note, shelves
from gateway.evidence.reading import signer, snapshot
from gateway.journal import Act, Actor, Entry, Outcome
from gateway.runtime import Runtime
from gateway.storage.shelf import FolderShelf


@dataclass(frozen=True, slots=True)
class Repaired:
    """What was put back, and what a second look found."""

    database: int
    published: int
    before: Fsck
    after: Fsck


def check(runtime: Runtime, target: Shelves | None = None) -> Fsck:
    """Compare every tile with the entries. Nothing is changed; a clean result is recorded."""
    found = _look(runtime, target)
    if found.clean:
        detail = {"entries": found.size, "published": found.published or 0, "findings": 0}
        runtime.journal.append(Entry(Actor.operator(), Act.LOG_TILES_CHECKED, detail=detail))
    return found


def repair(runtime: Runtime, target: Shelves | None = None) -> Repaired:
    """Rebuild tiles from entries that lead to the signed root; the entries stay as they are.

    Raises OperatorError when the entries do not, or when only the tables' owner could.
    """
    found = _look(runtime, target)
    if found.faults and not found.proved:
        raise OperatorError(
            "the entries do not lead to the root that was signed, so nothing can be rebuilt from "
            "them; run: sumun audit verify"
        )
    database = _in_database(runtime, found)
    published = _on_shelves(runtime, found, target or shelves(runtime))
    if found.faults:
        detail = {"database": database, "published": published}
        runtime.journal.append(
            Entry(Actor.operator(), Act.LOG_TILES_REPAIRED, Outcome.SUCCESS, detail=detail)
        )
    return Repaired(database, published, found, _look(runtime, target))


def copy_out(runtime: Runtime, folder: Path) -> int:
    """Write the whole log as tlog-tiles, entry bundles included, into `folder`; its size.

    A folder that holds an earlier copy of this log is continued. Raises PublishedAltered.
    """
    runtime.journal.append(Entry(Actor.operator(), Act.LOG_EXPORTED, detail={"form": "tlog-tiles"}))
    checkpoint = runtime.journal.log.checkpoint(covering=runtime.journal.log.size())
    return publish_note(runtime, checkpoint.note, folder_shelves(folder))


def folder_shelves(folder: Path) -> Shelves:
    """A copy made by `copy_out`, to be checked."""
    both = FolderShelf(folder)
    return Shelves(both, both)


def _look(runtime: Runtime, target: Shelves | None) -> Fsck:
    dialect = Dialect(runtime.db.dialect)
    with closing(runtime.db.connect_raw(writable=False)) as connection:
        return fsck(connection, dialect, str(signer(runtime).verifier), target or shelves(runtime))


def _in_database(runtime: Runtime, found: Fsck) -> int:
    try:
        with runtime.db.write_lock(), closing(runtime.db.connect_raw()) as connection:
            return repair_database(connection, Dialect(runtime.db.dialect), found.faults)
    except LogUnavailable as error:
        raise OperatorError(
            f"{error}; connect as the owner of the tables and run the command again"
        ) from error


def _on_shelves(runtime: Runtime, found: Fsck, target: Shelves) -> int:
    with snapshot(runtime, main=True) as (_sql, reader):
        return repair_published(found.faults, target, reader)
