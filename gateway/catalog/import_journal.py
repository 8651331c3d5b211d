"""What an import has done so far, so that a killed one goes on where it stopped.

`<dataset>@<version>.jsonl` is only appended to: a line is written once the object it names is
durable. A torn last line is cut off. While a command runs, a scratch file beside it holds the
same sorted, so that memory stays flat; it is made anew from the lines each time.
"""

from __future__ import annotations

import fcntl
import json
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.catalog.items import Item, media_type
from gateway.errors import OperatorError

SYNC_LINES = 256
SCHEMA = (
    "CREATE TABLE files (source TEXT PRIMARY KEY, path TEXT, sha256 TEXT, size INTEGER,"
    " mtime INTEGER, ctime INTEGER, inode INTEGER, seen INTEGER) WITHOUT ROWID"
)
UPSERT = "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
SAME_PATH = "SELECT path FROM files WHERE seen GROUP BY path HAVING count(*) > 1"
CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Stamp:
    """What tells a changed file from the one that was read: size in bytes, times, inode."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int

    @classmethod
    def of(cls, status: os.stat_result) -> Stamp:
        return cls(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


@dataclass(frozen=True, slots=True)
class Done:
    """A file whose object is durable."""

    source: str
    path: str
    sha256: str
    stamp: Stamp


class ImportJournal:
    """The journal of one import. Use as a context manager: it is held by one process at a time."""

    def __init__(self, folder: Path, name: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"{name}.jsonl"
        self._scratch = folder / f"{name}.scratch"
        self._unsynced = 0

    def __enter__(self) -> ImportJournal:
        """Raises OperatorError while another process imports the same version."""
        self._file = self.path.open("a+b", buffering=0)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.close()
            raise OperatorError(f"another import of {self.path.stem} is running") from None
        self._scratch.unlink(missing_ok=True)
        self._table = _scratch_table(self._scratch)
        self._load()
        return self

    def __exit__(self, *_: object) -> None:
        self._table.close()
        self._scratch.unlink(missing_ok=True)
        self._file.close()

    def known(self, source: str, stamp: Stamp) -> str | None:
        """The sha256 of `source` if it was read before and has not changed since."""
        row = self._table.execute(
            "SELECT sha256, size, mtime, ctime, inode FROM files WHERE source = ?", (source,)
        ).fetchone()
        return row[0] if row and Stamp(*row[1:]) == stamp else None

    def keep(self, source: str) -> None:
        """Count a known file as part of this import."""
        self._table.execute("UPDATE files SET seen = 1 WHERE source = ?", (source,))

    def add(self, done: Done) -> None:
        """Note a file; it survives a kill at once, and a power cut after at most 256 more."""
        self._file.write(_line(done))
        self._unsynced += 1
        if self._unsynced >= SYNC_LINES:
            self.sync()
        self._table.execute(UPSERT, _row(done, seen=1))

    def sync(self) -> None:
        """Make every line so far durable."""
        os.fsync(self._file.fileno())
        self._unsynced = 0

    def refuse_same_paths(self) -> Iterator[str]:
        """Take out every file that shares its path with another; yields their sources."""
        self._table.execute("CREATE INDEX by_path ON files (path)")
        self._table.execute(f"CREATE TEMP TABLE same AS {SAME_PATH}")
        shared = "path IN (SELECT path FROM same) AND seen"
        for (source,) in self._table.execute(f"SELECT source FROM files WHERE {shared}"):  # noqa: S608
            yield source
        self._table.execute(f"UPDATE files SET seen = 0 WHERE {shared}")  # noqa: S608

    def items(self) -> Iterator[Item]:
        """The items of this import in order of path."""
        statement = "SELECT path, sha256, size FROM files WHERE seen ORDER BY path"
        for path, sha256, size in self._table.execute(statement):
            yield Item(path, sha256, size, media_type(path))

    def totals(self) -> tuple[int, int]:
        """How many items this import has, and their bytes."""
        statement = "SELECT count(*), coalesce(sum(size), 0) FROM files WHERE seen"
        count, size = self._table.execute(statement).fetchone()
        return count, size

    def forget(self) -> None:
        """Delete the journal of an import that is complete."""
        self.path.unlink(missing_ok=True)

    def _load(self) -> None:
        self._file.seek(0)
        whole = 0
        with os.fdopen(os.dup(self._file.fileno()), "rb") as lines:
            for line in lines:
                done = _parse(line)
                if done is None:
                    break
                whole += len(line)
                self._table.execute(UPSERT, _row(done, seen=0))
        self._file.truncate(whole)


def _scratch_table(path: Path) -> sqlite3.Connection:
    table = sqlite3.connect(path, isolation_level=None)
    table.execute("PRAGMA journal_mode=OFF")
    table.execute("PRAGMA synchronous=OFF")
    table.execute(SCHEMA)
    return table


def _row(done: Done, *, seen: int) -> tuple[Any, ...]:
    stamp = done.stamp
    times = (stamp.size, stamp.mtime_ns, stamp.ctime_ns, stamp.inode)
    return (done.source, done.path, done.sha256, *times, seen)


def _line(done: Done) -> bytes:
    stamp = done.stamp
    fields = [done.source, done.path, done.sha256]
    numbers = [stamp.size, stamp.mtime_ns, stamp.ctime_ns, stamp.inode]
    return json.dumps([*fields, *numbers], ensure_ascii=False).encode() + b"\n"


def _parse(line: bytes) -> Done | None:
    """The file a line notes; None for a line that a kill has torn."""
    try:
        source, path, sha256, *numbers = json.loads(line)
        stamp = Stamp(*numbers)
    except (ValueError, TypeError):
        return None
    return Done(source, path, sha256, stamp) if line.endswith(b"\n") else None
