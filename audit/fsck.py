"""Rebuilds the tree from the entries and compares every tile with it, stored and published.

The entries are what counts: tiles follow from them. `fsck` names each tile, bundle or checkpoint
that is missing, torn or altered. What it names can be rebuilt (`audit.repair`) if the entries
lead to the root that the log has signed; entries themselves are never repaired.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

from audit import minimum
from audit.checkpoint import Checkpoint
from audit.dbapi import Connection, Dialect, Sql
from audit.edge import Edge
from audit.errors import AuditError
from audit.log_keys import read_history
from audit.merkle import HASH_BYTES, TILE_WIDTH, leaf_hash, partial_width
from audit.note import Verifier
from audit.publish import (
    CHECKPOINT,
    PublishedAltered,
    Shelves,
    first_entry,
    open_signed,
    published,
)
from audit.stores import store_for
from audit.tiles import TilePath, bundle
from audit.verify.findings import Findings, VerifyFinding

_PAGE = 1024
_QUERY = "SELECT idx, leaf FROM audit_entries WHERE idx > ? ORDER BY idx LIMIT ?"
_TILE = "SELECT data FROM audit_tiles WHERE level = ? AND tile = ?"
_MAX_FAULTS = 1000


class Place(StrEnum):
    """Where a tile stands."""

    DATABASE = "audit_tiles"
    EDGE = "audit_edge"
    PUBLISHED = "published"


@dataclass(frozen=True, slots=True)
class Fault:
    """A tile or bundle that is not what follows from the entries; `right` is what belongs there.

    For bundles `right` is empty: they are read again when they are repaired.
    """

    place: Place
    path: TilePath
    right: bytes


@dataclass(frozen=True, slots=True)
class Fsck:
    """What was found. `size` and `root` follow from the entries, `published` is the size that is
    published (None: nothing). `proved` tells that the entries lead to the newest signed root."""

    findings: tuple[VerifyFinding, ...]
    faults: tuple[Fault, ...]
    size: int
    root: bytes
    published: int | None
    proved: bool
    more: int

    @property
    def clean(self) -> bool:
        """True if nothing was found."""
        return not self.findings


def fsck(
    connection: Connection, dialect: Dialect, vkey: str, shelves: Shelves | None = None
) -> Fsck:
    """Compare tiles in the database, and on `shelves` if given, with the entries.

    The connection may be read-only and has no transaction open; one snapshot is read. Memory is
    constant. Raises NoteMalformed for a bad `vkey`; damage is never an exception.
    """
    store = store_for(dialect)
    sql = store.adopt(connection)
    store.begin_snapshot(sql)
    try:
        return _Check(sql, read_history(sql, vkey)[0].keys, shelves).run()
    finally:
        with suppress(Exception):
            store.rollback(sql)


class _Check:
    def __init__(self, sql: Sql, keys: Sequence[Verifier], shelves: Shelves | None) -> None:
        self._sql = sql
        self._shelves = shelves
        self._findings = Findings()
        self._faults: list[Fault] = []
        self._edge = Edge()
        self._leaves: list[bytes | None] = []
        self._minimum = minimum.current(sql)
        self._signed = self._newest(keys)
        self._public = self._published(keys)
        self._proved = self._signed is None

    def run(self) -> Fsck:
        self._milestone()
        for index, leaf in self._entries():
            if not self._bridge(index):
                break
            self._grow(leaf_hash(leaf), leaf)
        self._partials_in_database()
        self._beyond()
        return Fsck(
            tuple(sorted(self._findings.kept)),
            tuple(self._faults),
            self._edge.size,
            self._edge.root(),
            None if self._public is None else self._public.size,
            self._proved,
            self._findings.more,
        )

    def _newest(self, keys: Sequence[Verifier]) -> Checkpoint | None:
        row = self._sql.one("SELECT note, size FROM audit_checkpoints ORDER BY seq DESC LIMIT 1")
        if row is None:
            return None
        try:
            return open_signed(str(row[0]), keys)
        except AuditError as error:
            self._findings.add(max(0, int(row[1]) - 1), "audit_checkpoints", "note", str(error))
            return Checkpoint(keys[-1].name, -1, b"")

    def _published(self, keys: Sequence[Verifier]) -> Checkpoint | None:
        if self._shelves is None:
            return None
        try:
            return published(self._shelves.public, keys)
        except PublishedAltered as error:
            self._findings.add(0, Place.PUBLISHED, CHECKPOINT, str(error))
            return None

    def _entries(self) -> Iterator[tuple[int, bytes]]:
        last = -1
        while page := self._sql.all(_QUERY, (last, _PAGE)):
            yield from ((int(index), bytes(leaf)) for index, leaf in page)
            last = int(page[-1][0])

    def _bridge(self, index: int) -> bool:
        """Pass over pruned or missing entries with the hashes that the tiles hold."""
        if index > max(self._edge.size, self._minimum):
            what = f"entries are missing before {index}"
            self._findings.add(max(self._edge.size, self._minimum), "audit_entries", "idx", what)
        while self._edge.size < index:
            hash_ = self._stored_hash(self._edge.size)
            if hash_ is None:
                self._findings.add(index, "audit_entries", "idx", "does not follow on the log")
                return False
            self._grow(hash_, None)
        return True

    def _stored_hash(self, index: int) -> bytes | None:
        tile, offset = divmod(index, TILE_WIDTH)
        data = self._stored(0, tile) or b""
        cut = data[offset * HASH_BYTES : (offset + 1) * HASH_BYTES]
        return cut if len(cut) == HASH_BYTES else None

    def _stored(self, level: int, tile: int) -> bytes | None:
        row = self._sql.one(_TILE, (level, tile))
        return None if row is None else bytes(row[0])

    def _grow(self, hash_: bytes, leaf: bytes | None) -> None:
        self._leaves.append(leaf)
        for tile in self._edge.extend([hash_]):
            path = TilePath(tile.level, tile.index)
            stored = self._stored(tile.level, tile.index)
            self._compare(Place.DATABASE, path, stored, tile.data)
            self._compare_published(path, tile.data)
        if len(self._leaves) == TILE_WIDTH:
            self._compare_bundle(TilePath(None, (self._edge.size - 1) // TILE_WIDTH))
            self._leaves.clear()
        self._milestone()

    def _milestone(self) -> None:
        """At the sizes that were signed or published, compare what was said about them."""
        size, root = self._edge.size, self._edge.root
        if self._signed is not None and self._signed.size == size:
            self._proved = self._signed.root == root()
            if not self._proved:
                what = "the entries do not have the root that was signed"
                self._findings.add(max(0, size - 1), "audit_checkpoints", "root", what)
        if self._public is not None and self._public.size == size:
            if self._public.root != root():
                what = "the published checkpoint has another root than the entries"
                self._findings.add(max(0, size - 1), Place.PUBLISHED, CHECKPOINT, what)
            self._published_partials(size)

    def _published_partials(self, size: int) -> None:
        for level in range(len(self._edge.levels)):
            width = partial_width(size, level)
            if width:
                path = TilePath(level, size >> 8 * (level + 1), width)
                self._compare_published(path, self._edge.partial(level))
        if self._leaves:
            self._compare_bundle(TilePath(None, size // TILE_WIDTH, len(self._leaves)))

    def _compare_bundle(self, path: TilePath) -> None:
        leaves = [leaf for leaf in self._leaves if leaf is not None]
        if first_entry(path) >= self._minimum and len(leaves) == path.width:
            self._compare_published(path, bundle(leaves))

    def _compare_published(self, path: TilePath, right: bytes) -> None:
        if self._shelves is None:
            return
        stored = self._shelves.of(path).get(str(path))
        due = self._public is not None and _end(path) <= self._public.size
        if stored is not None or due:
            self._compare(Place.PUBLISHED, path, stored, right)

    def _partials_in_database(self) -> None:
        rows = {int(level): bytes(data) for level, data in self._sql.all(_EDGE)}
        for level in range(len(self._edge.levels)):
            path = TilePath(level, self._edge.size >> 8 * (level + 1), TILE_WIDTH)
            right = self._edge.partial(level)
            self._compare(Place.EDGE, path, rows.get(level), right)

    def _beyond(self) -> None:
        for what, one in (("signed", self._signed), ("published", self._public)):
            if one is not None and one.size > self._edge.size:
                text = f"{one.size} entries were {what}, {self._edge.size} are there"
                self._findings.add(self._edge.size, "audit_entries", "idx", text)

    def _compare(self, place: Place, path: TilePath, stored: bytes | None, right: bytes) -> None:
        what = _difference(stored, right)
        if what is None:
            return
        index = first_entry(path) + _first_different(path, stored or b"", right)
        self._findings.add(index, place, "data", f"{path}: {what}")
        if len(self._faults) < _MAX_FAULTS:
            self._faults.append(Fault(place, path, b"" if path.level is None else right))


_EDGE = "SELECT level, data FROM audit_edge"


def _end(path: TilePath) -> int:
    """The size of the tree from which on this tile is needed."""
    return (path.index * TILE_WIDTH + path.width) << 8 * (path.level or 0)


def _difference(stored: bytes | None, right: bytes) -> str | None:
    if stored == right:
        return None
    if stored is None:
        return "missing"
    if len(stored) < len(right) and right.startswith(stored):
        return f"torn: {len(stored)} of {len(right)} bytes"
    return "altered: not what follows from the entries"


def _first_different(path: TilePath, stored: bytes, right: bytes) -> int:
    """How many entries after the tile's first one the first difference concerns."""
    pairs = zip(stored, right, strict=False)
    shorter = min(len(stored), len(right))
    at = next((n for n, (one, other) in enumerate(pairs) if one != other), shorter)
    if path.level is not None:
        return min(at // HASH_BYTES, path.width - 1) << 8 * path.level
    position = entry = 0
    while entry < path.width - 1:
        position += 2 + int.from_bytes(right[position : position + 2], "big")
        if position > at:
            break
        entry += 1
    return entry
