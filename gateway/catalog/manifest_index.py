"""Point look-ups and listings of a version's items, from a small file derived from its manifest.

The file is SQLite, sorted by path, and stands in the object store under its digest. It is read
where it lies on local disk; from S3 it is copied once to `HOME/cache/index/`. The web process
needs nothing else: the Parquet manifest is for machines and for building the file anew.
"""

from __future__ import annotations

import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from gateway.catalog.items import Item
from gateway.catalog.models import DatasetVersion
from gateway.errors import Problem, ProblemCode
from gateway.runtime import Runtime
from gateway.storage import ObjectMissing, Store, StoreUnavailable
from gateway.web.paging import Direction, Window

OPEN_FILES = 64
LAST_CHARACTER = "\U0010ffff"
COLUMNS = "path, sha256, size, media_type"
BY_PATH = f"SELECT {COLUMNS} FROM items WHERE path = ?"  # noqa: S608
SCHEMA = (
    "CREATE TABLE items (path TEXT PRIMARY KEY, sha256 BLOB NOT NULL, size INTEGER NOT NULL,"
    " media_type TEXT NOT NULL) WITHOUT ROWID"
)


class IndexMissing(Exception):
    """The version has no index in the store; a new scan builds it again from the manifest."""


def lookup(runtime: Runtime, version: DatasetVersion, path: str) -> Item | None:
    """The item at the canonical `path`, or None.

    Raises Problem STORAGE_UNAVAILABLE when the index cannot be read.
    """
    rows = _query(runtime, version, BY_PATH, (path,))
    return rows[0] if rows else None


def listing(
    runtime: Runtime, version: DatasetVersion, prefix: str, window: Window
) -> Sequence[Item]:
    """Up to `window.limit` + 1 items whose paths begin with `prefix`, in the order of `window`.

    Raises Problem STORAGE_UNAVAILABLE when the index cannot be read.
    """
    backwards = window.direction is Direction.PREVIOUS
    conditions, values = ["path >= ?", "path < ?"], [prefix, prefix + LAST_CHARACTER]
    if window.position is not None:
        conditions.append("path < ?" if backwards else "path > ?")
        values.append(str(window.position[0]))
    statement = (
        f"SELECT {COLUMNS} FROM items WHERE {' AND '.join(conditions)}"  # noqa: S608
        f" ORDER BY path {'DESC' if backwards else 'ASC'} LIMIT ?"
    )
    return _query(runtime, version, statement, (*values, window.limit + 1))


def build(target: Path, items: Iterable[Item]) -> None:
    """Write the index of `items`, which come sorted by path and without repeats, to `target`."""
    connection = sqlite3.connect(target, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode=OFF")
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute(SCHEMA)
        connection.execute("BEGIN")
        connection.executemany("INSERT INTO items VALUES (?, ?, ?, ?)", map(_to_row, items))
        connection.execute("COMMIT")
    finally:
        connection.close()


def _query(
    runtime: Runtime, version: DatasetVersion, statement: str, values: tuple[object, ...]
) -> list[Item]:
    try:
        path = _local_file(runtime, version.index_sha256)
        with _opened.borrowed(path) as connection:
            return [_to_item(row) for row in connection.execute(statement, values)]
    except (IndexMissing, StoreUnavailable, ObjectMissing, sqlite3.Error) as error:
        raise Problem(
            ProblemCode.STORAGE_UNAVAILABLE,
            "이 버전의 항목 목록을 읽을 수 없습니다.",
            "The list of items of this version cannot be read.",
        ) from error


def _local_file(runtime: Runtime, digest: str | None) -> Path:
    if digest is None:
        raise IndexMissing
    stored = runtime.store.local_path(digest)
    if stored is not None:
        return stored
    cached = runtime.settings.home / "cache" / "index" / f"{digest}.idx"
    if not cached.exists():
        _copy(runtime.store, digest, cached)
    return cached


def _copy(store: Store, digest: str, cached: Path) -> None:
    """Copy an index from the store, and name it only if it is what its digest says."""
    with store.stage() as staging:
        store.fetch(digest, store.size(digest), staging)
        staged = staging.finish()
        if staged.sha256 != digest:
            raise StoreUnavailable(f"object {digest} does not have its digest")
        cached.parent.mkdir(parents=True, exist_ok=True)
        staged.path.replace(cached)


class _Connections:
    """Open indexes, shared by all threads, the least recently used closed first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: OrderedDict[Path, tuple[sqlite3.Connection, threading.Lock]] = OrderedDict()

    @contextmanager
    def borrowed(self, path: Path) -> Iterator[sqlite3.Connection]:
        """The connection to `path`, for this thread alone until the block ends."""
        connection, lock = self._get(path)
        with lock:
            yield connection

    def _get(self, path: Path) -> tuple[sqlite3.Connection, threading.Lock]:
        with self._lock:
            if path not in self._open:
                # An evicted connection closes itself once its last borrower lets it go.
                if len(self._open) >= OPEN_FILES:
                    self._open.popitem(last=False)
                self._open[path] = (_connect(path), threading.Lock())
            self._open.move_to_end(path)
            return self._open[path]


_opened = _Connections()


def _connect(path: Path) -> sqlite3.Connection:
    # The file never changes, so SQLite needs neither locks nor change checks.
    address = f"file:{quote(str(path))}?mode=ro&immutable=1"
    return sqlite3.connect(address, uri=True, check_same_thread=False, isolation_level=None)


def _to_item(row: tuple[str, bytes, int, str]) -> Item:
    path, digest, size, kind = row
    return Item(path, digest.hex(), size, kind)


def _to_row(item: Item) -> tuple[str, bytes, int, str]:
    return item.path, bytes.fromhex(item.sha256), item.size, item.media_type
