"""Archives old entries as Parquet with a signed manifest."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from audit import minimum, times
from audit.dbapi import Sql
from audit.merkle import HASH_BYTES, TILE_WIDTH, leaf_hash
from audit.note import Signer
from audit.reader import LogReader
from gateway.errors import OperatorError
from gateway.evidence import parquet
from gateway.evidence.reading import bundle_keys, signer, snapshot
from gateway.journal import Act, Actor, Entry
from gateway.runtime import Runtime

FORMAT = "sumun-log-archive-v1"
_TILES_AT_ONCE = 128
_PAGE = (
    "SELECT idx, event_id, time_ms, action, outcome, person, organisation, dataset, version, "
    "item, ref, leaf FROM audit_entries WHERE idx >= ? AND idx < ? ORDER BY idx"
)


class NothingToArchive(OperatorError):
    """No whole block of 256 entries is old enough; nothing was written."""


@dataclass(frozen=True, slots=True)
class Archived:
    """Entries from `first` to `end` (half-open) in one Parquet file of this SHA-256.

    `times_sha256` is the digest of the times kept for them in the database, which stay there.
    """

    first: int
    end: int
    rows: int
    file: str
    sha256: str
    times_sha256: str
    folder: Path


def archive(runtime: Runtime, actor: Actor, before_ms: int, folder: Path) -> Archived:
    """Write every block of 256 entries that is older than a moment into the new `folder`.

    Each block is compared with its hash tile first. The log tells of the archive before it has
    its name. Raises NothingToArchive when there is nothing that old, OperatorError when the folder
    exists or an entry is not the one its tile was built from; LogUnavailable, OSError.
    """
    if folder.exists():
        raise OperatorError(f"{folder} exists already; name a new folder")
    partial = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True, mode=0o700)
    try:
        made = _write(runtime, before_ms, partial)
        runtime.journal.append(_event(actor, made))
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return Archived(**(_fields(made) | {"folder": folder}))


def _write(runtime: Runtime, before_ms: int, folder: Path) -> Archived:
    with snapshot(runtime, main=True) as (sql, reader):
        first, end = minimum.current(sql), times.first_since(sql, before_ms)
        if end <= first:
            raise NothingToArchive("there is no block of 256 entries older than that to archive")
        name = f"entries-{first}-{end}.parquet"
        rows = parquet.write(folder / name, _pages(sql, reader, first, end))
        keys, stamps = bundle_keys(runtime, sql), times.digest(sql, first, end)
    with (folder / name).open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        os.fsync(file.fileno())
    made = Archived(first, end, rows, name, digest, stamps, folder)
    manifest = {
        "format": FORMAT,
        "origin": runtime.journal.log.origin,
        **{key: value for key, value in _fields(made).items() if key != "folder"},
        "checkpoint": runtime.journal.log.checkpoint().note,
        "keys": list(keys.keys),
        "handovers": list(keys.handovers),
    }
    _sign(folder, manifest, signer(runtime))
    return made


def _pages(sql: Sql, reader: LogReader, first: int, end: int) -> Iterator[list[list[Any]]]:
    step = _TILES_AT_ONCE * TILE_WIDTH
    for start in range(first, end, step):
        page = [
            [*row[:11], bytes(row[11]), leaf_hash(bytes(row[11]))]
            for row in sql.all(_PAGE, (start, min(start + step, end)))
        ]
        _check(reader, page, start, min(start + step, end))
        yield page


def _check(reader: LogReader, page: list[list[Any]], start: int, end: int) -> None:
    """Every entry is there, and is the one that its hash tile was built from."""
    found = {int(row[0]): row[12] for row in page}
    for first in range(start, end, TILE_WIDTH):
        tile = reader.tile(0, first // TILE_WIDTH)
        for offset in range(TILE_WIDTH):
            right = tile[offset * HASH_BYTES : (offset + 1) * HASH_BYTES]
            if found.get(first + offset) != right:
                raise OperatorError(
                    f"index {first + offset}: missing, or not what its tile was built from; "
                    "run: sumun audit verify"
                )


def _sign(folder: Path, manifest: dict[str, Any], key: Signer) -> None:
    data = json.dumps(manifest, indent=2, sort_keys=True).encode()
    digest = b64encode(hashlib.sha256(data).digest()).decode()
    note = str(key.sign_plainly(f"{FORMAT}\n{key.verifier.name}\n{digest}\n"))
    (folder / "manifest.json").write_bytes(data)
    (folder / "manifest.sig").write_text(note, "utf-8")
    with closing(_Folder(folder)) as opened:
        opened.sync()


class _Folder:
    """A folder whose entries can be made durable."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)

    def sync(self) -> None:
        os.fsync(self._descriptor)

    def close(self) -> None:
        os.close(self._descriptor)


def _fields(made: Archived) -> dict[str, Any]:
    return asdict(made)


def _event(actor: Actor, made: Archived) -> Entry:
    detail = {
        "first": made.first,
        "end": made.end,
        "rows": made.rows,
        "file": made.file,
        "sha256": made.sha256,
        "times_sha256": made.times_sha256,
    }
    return Entry(actor, Act.LOG_ARCHIVED, ref=f"archive:{made.sha256}", detail=detail)
