"""Publishes the log as C2SP tlog-tiles: tiles first, then the checkpoint that needs them.

What is published is a copy: everything can be written again from the database, so a publication
that was cut short is simply repeated. A full tile is written once and never changed; when other
bytes stand in its place, publication stops and says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from audit.checkpoint import Checkpoint, open_checkpoint
from audit.errors import AuditError, NoteMalformed, SignatureInvalid
from audit.merkle import TILE_HEIGHT, TILE_WIDTH, edge_levels, partial_width
from audit.note import Verifier
from audit.tiles import TilePath

CHECKPOINT = "checkpoint"


class PublishedAltered(AuditError):
    """Other bytes than the log's stand at a published path; `index` is the first entry below."""

    def __init__(self, path: str, index: int, what: str) -> None:
        super().__init__(f"{path}: {what}")
        self.path = path
        self.index = index


class Shelf(Protocol):
    """A place for published files. Paths are relative and use `/`."""

    def get(self, path: str) -> bytes | None:
        """Return the bytes at a path, or None."""
        ...

    def put(self, path: str, data: bytes) -> None:
        """Write bytes atomically, replacing what was there."""
        ...

    def put_absent(self, path: str, data: bytes) -> bool:
        """Write bytes unless something is there already; False if so."""
        ...

    def remove(self, path: str) -> None:
        """Remove one file; nothing happens if there is none."""
        ...

    def remove_below(self, folder: str) -> None:
        """Remove every file below a folder."""
        ...


class Source(Protocol):
    """Where tiles and bundles come from; `audit.reader.LogReader` is one."""

    def tile(self, level: int, index: int, width: int = ...) -> bytes:
        """Return `width` hashes. Raises TileMissing."""
        ...

    def entry_bundle(self, index: int, width: int = ...) -> bytes:
        """Return `width` leaves as an entry bundle. Raises TileMissing."""
        ...


@dataclass(frozen=True, slots=True)
class Shelves:
    """Hash tiles and checkpoint are public; entry bundles stand apart, for auditors."""

    public: Shelf
    entries: Shelf

    def of(self, path: TilePath) -> Shelf:
        """The shelf on which a tile or bundle belongs."""
        return self.entries if path.level is None else self.public


def first_entry(path: TilePath) -> int:
    """Return the index of the first entry that a tile or bundle covers."""
    return path.index << TILE_HEIGHT * ((path.level or 0) + 1)


def full_tiles(old: int, new: int) -> Iterator[TilePath]:
    """Yield the full tiles and bundles that a tree of `new` leaves has and one of `old` lacks."""
    for level in (None, *range(edge_levels(new))):
        shift = TILE_HEIGHT * ((level or 0) + 1)
        for index in range(old >> shift, new >> shift):
            yield TilePath(level, index)


def partial_tiles(size: int) -> Iterator[TilePath]:
    """Yield the partial tiles and the partial bundle of a tree of `size` leaves."""
    for level in (None, *range(edge_levels(size))):
        width = partial_width(size, level or 0)
        if width:
            yield TilePath(level, size >> TILE_HEIGHT * ((level or 0) + 1), width)


def tiles_of(size: int) -> Iterator[TilePath]:
    """Yield every tile and bundle that a reader of a tree of `size` leaves may ask for."""
    yield from full_tiles(0, size)
    yield from partial_tiles(size)


def content(source: Source, path: TilePath) -> bytes:
    """Return what belongs at a path. Raises TileMissing."""
    if path.level is None:
        return source.entry_bundle(path.index, path.width)
    return source.tile(path.level, path.index, path.width)


def published(shelf: Shelf, keys: Sequence[Verifier]) -> Checkpoint | None:
    """Return the checkpoint that is published, signed by one of the log's keys.

    Raises PublishedAltered if it is not the log's.
    """
    data = shelf.get(CHECKPOINT)
    if data is None:
        return None
    try:
        return open_signed(_text(data), keys)
    except AuditError as error:
        raise PublishedAltered(CHECKPOINT, 0, str(error)) from error


def open_signed(note: str, keys: Sequence[Verifier]) -> Checkpoint:
    """Verify a checkpoint by whichever of the log's keys signed it.

    Raises NoteMalformed or SignatureInvalid.
    """
    *others, last = keys
    for key in others:
        with suppress(SignatureInvalid):
            return open_checkpoint(note, key)[0]
    return open_checkpoint(note, last)[0]


def publish(
    source: Source, shelves: Shelves, keys: Sequence[Verifier], note: str, minimum: int = 0
) -> int:
    """Publish everything up to the checkpoint `note`, and the note last; return its size.

    Only what was not published before is written. `keys` are those of the log. Entries below
    `minimum` were pruned, so their bundles are not published. Raises PublishedAltered,
    TileMissing, and what the shelves raise.
    """
    new = open_signed(note, keys)
    before = published(shelves.public, keys)
    old = 0 if before is None else before.size
    if old > new.size:
        raise PublishedAltered(
            CHECKPOINT, new.size, f"{old} entries are published, the log has signed {new.size}"
        )
    if before is not None and old == new.size and before.root != new.root:
        raise PublishedAltered(CHECKPOINT, 0, "another root of this size is published")
    if before is None or old < new.size:
        _grow(source, shelves, (old, new.size), minimum)
    # Of the same size it may have more cosignatures by now.
    if shelves.public.get(CHECKPOINT) != note.encode():
        shelves.public.put(CHECKPOINT, note.encode())
    _sweep_partials(shelves, old, new.size)
    return new.size


def _grow(source: Source, shelves: Shelves, sizes: tuple[int, int], minimum: int) -> None:
    old, new = sizes
    for path in full_tiles(old, new):
        if path.level is not None or first_entry(path) >= minimum:
            _put_full(source, shelves, path)
    for path in partial_tiles(new):
        shelves.of(path).put(str(path), content(source, path))


def _put_full(source: Source, shelves: Shelves, path: TilePath) -> None:
    data, shelf = content(source, path), shelves.of(path)
    if not shelf.put_absent(str(path), data) and shelf.get(str(path)) != data:
        what = "other bytes than the log's are published, and are left as they are"
        raise PublishedAltered(str(path), first_entry(path), what)


def _sweep_partials(shelves: Shelves, old: int, new: int) -> None:
    """Remove partial tiles whose full tile is there now, as tlog-tiles allows."""
    for path in partial_tiles(old):
        end = (path.index + 1) << TILE_HEIGHT * ((path.level or 0) + 1)
        if end <= new:
            full = TilePath(path.level, path.index, TILE_WIDTH)
            shelves.of(path).remove_below(f"{full}.p")


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise NoteMalformed("not UTF-8") from error
