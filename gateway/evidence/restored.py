"""After a restore: reads published tiles back, so that nothing acknowledged is forgotten.

What was published beyond the restored log is kept in `HOME/restored-<time>/`, named in
`log.restored`, and then taken off the shelves: there the log goes on in a new epoch.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from audit.dbapi import Dialect, Sql
from audit.errors import AuditError
from audit.leaf import decode
from audit.log_keys import read_history
from audit.lost import Lost, branch, edges, find_lost
from audit.merkle import TILE_WIDTH
from audit.note import Signer, Verifier
from audit.publish import CHECKPOINT, Shelves, published
from audit.restoration import stored_restorations
from audit.stores import store_for
from audit.tiles import TilePath
from gateway.clock import Clock
from gateway.config import Settings
from gateway.db import Database
from gateway.errors import OperatorError
from gateway.evidence.publication import PRIVATE, PUBLIC
from gateway.storage import Store, StoreUnavailable
from gateway.storage.shelf import FolderShelf, shelf


@dataclass(frozen=True, slots=True)
class Kept:
    """What was lost and where it is kept; `detail` is what the log says of it."""

    folder: Path
    detail: Mapping[str, object]
    lost: Lost


@dataclass(frozen=True, slots=True)
class Published:
    """Where the log was published: the gateway's own storage, or what is left of a lost home."""

    shelves: Shelves
    own: bool


def published_at(settings: Settings, folder: Path | None) -> Published:
    """The shelves to read back; `folder` holds `log` and `log-entries` of a lost home."""
    if folder is not None:
        if not (folder / PUBLIC).is_dir():
            raise OperatorError(f"{folder} holds no published log (a folder called {PUBLIC})")
        left = Shelves(FolderShelf(folder / PUBLIC), FolderShelf(folder / PRIVATE))
        return Published(left, False)
    store = Store.open(settings)
    return Published(Shelves(shelf(store, PUBLIC), shelf(store, PRIVATE)), True)


def look(db: Database, signer: Signer, at: Published) -> Lost | None:
    """Find what was published beyond the restored log; finishes a restore that was cut short.

    Raises OperatorError when what is published is not of this log or does not extend it.
    """
    dialect = Dialect(db.dialect)
    try:
        with closing(db.connect_raw(writable=False)) as connection:
            sql = Sql(connection, dialect)
            head = store_for(dialect).head(sql)
            if head is None:
                return None
            keys = read_history(sql, str(signer.verifier))[0].keys
            _finish(sql, at, keys)
            return find_lost(at.shelves, keys, head.size, bytes(head.root))
    except StoreUnavailable as error:
        raise OperatorError(f"the published log cannot be read: {error}") from error
    except AuditError as error:
        raise OperatorError(
            f"what is published does not continue the restored log: {error}; restore a newer "
            "backup, or move the published log away"
        ) from error


def keep(settings: Settings, clock: Clock, lost: Lost) -> Kept:
    """Write the lost entries and their checkpoint into `HOME/restored-<time>/`."""
    folder = settings.home / f"restored-{clock.now():%Y%m%dT%H%M%SZ}"
    folder.mkdir(parents=True, mode=0o700, exist_ok=True)
    lines = [
        json.dumps({"index": one.index, "leaf": one.leaf.decode()}, ensure_ascii=False)
        for one in lost.entries
    ]
    data = "".join(f"{line}\n" for line in lines).encode()
    detail = {
        "known_checkpoint": lost.checkpoint,
        "lost_first": lost.first,
        "lost_end": lost.end,
        "lost_kept": len(lost.entries),
        "lost_sha256": hashlib.sha256(data).hexdigest(),
    }
    events = [decode(one.leaf).event_id for one in lost.entries]
    said = {**detail, "event_ids": events, "erase_again": list(lost.erased)}
    files = FolderShelf(folder)
    files.put("lost-entries.jsonl", data)
    files.put("lost.json", json.dumps(said, indent=2).encode())
    files.put(CHECKPOINT, lost.checkpoint.encode())
    return Kept(folder, detail, lost)


def set_aside(at: Published, kept: Kept) -> None:
    """Copy the lost branch's tiles to where its entries are kept, then take them off the shelves.

    A lost home is left as it is.
    """
    if not at.own:
        return
    target = FolderShelf(kept.folder / "published")
    for path in branch(kept.lost.first, kept.lost.end):
        data = at.shelves.of(path).get(str(path))
        if data is not None:
            target.put(str(path), data)
    _remove(at.shelves, kept.lost.first, kept.lost.end)


def _remove(shelves: Shelves, first: int, end: int) -> None:
    for path in branch(first, end):
        shelves.of(path).remove(str(path))
    for edge in (*edges(first), *edges(end)):
        shelves.of(edge).remove_below(f"{TilePath(edge.level, edge.index, TILE_WIDTH)}.p")
    # Last, so that a restore cut short in here is known by it.
    shelves.public.remove(CHECKPOINT)


def _finish(sql: Sql, at: Published, keys: Sequence[Verifier]) -> None:
    """Take off the shelves what an earlier restore has named but not removed any more."""
    done = stored_restorations(sql, keys)
    if at.own and done and done[-1].lost and published(at.shelves.public, keys) == done[-1].known:
        _remove(at.shelves, done[-1].size, done[-1].size + done[-1].lost)
