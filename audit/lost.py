"""What a restored backup lost, as far as it was published.

Published tiles and checkpoint outlive the database. If they extend the restored log, the entries
beyond it were acknowledged and are gone from the database; published entry bundles still hold
them, and each is checked against the published tree before it is believed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from audit.checkpoint import Checkpoint
from audit.errors import LeafMalformed, TileMissing
from audit.leaf import decode
from audit.merkle import (
    HASH_BYTES,
    TILE_HEIGHT,
    TILE_WIDTH,
    consistency_proof,
    edge_levels,
    leaf_hash,
    verify_consistency,
)
from audit.note import Verifier
from audit.publish import CHECKPOINT, Shelves, full_tiles, partial_tiles, published
from audit.tiles import TilePath

ERASED = "subject.erased"


@dataclass(frozen=True, slots=True)
class LostEntry:
    """An entry that was published and is not in the restored log."""

    index: int
    leaf: bytes


@dataclass(frozen=True, slots=True)
class Lost:
    """Entries from `first` to `end` (half-open) under the published `checkpoint` (a note).

    `entries` are those whose leaves were found and lead to the published root.
    """

    first: int
    end: int
    checkpoint: str
    entries: tuple[LostEntry, ...]

    @property
    def erased(self) -> tuple[str, ...]:
        """Tokens of people whose erasure is among what was lost: they must be erased again."""
        leaves = [decode(one.leaf) for one in self.entries]
        return tuple(who for leaf in leaves if leaf.action == ERASED for who in leaf.subjects)


def find_lost(shelves: Shelves, keys: Sequence[Verifier], size: int, root: bytes) -> Lost | None:
    """Compare what is published with a restored log of `size` entries under `root`.

    None when nothing is published, or nothing beyond the restored log. Raises PublishedAltered
    for a checkpoint of another log, ProofInvalid or TileMissing when what is published does not
    extend the restored log.
    """
    checkpoint = published(shelves.public, keys)
    if checkpoint is None or checkpoint.size <= size:
        return None
    _check_growth(shelves, checkpoint, size, root)
    note = (shelves.public.get(CHECKPOINT) or b"").decode()
    found = tuple(_entries(shelves, size, checkpoint.size))
    return Lost(size, checkpoint.size, note, found)


def branch(old: int, new: int) -> Iterator[TilePath]:
    """Yield every tile and bundle that only the lost branch from `old` to `new` leaves has."""
    yield from full_tiles(old, new)
    yield from partial_tiles(new)


def edges(size: int) -> Iterator[TilePath]:
    """Yield the tiles at the right edge of `size` leaves: partial ones below them are stale."""
    for level in (None, *range(edge_levels(size) + 1)):
        yield TilePath(level, size >> TILE_HEIGHT * ((level or 0) + 1))


def split_bundle(data: bytes) -> list[bytes]:
    """Cut an entry bundle into leaves. Raises TileMissing if it is torn."""
    leaves, position = [], 0
    while position < len(data):
        start = position + 2
        end = start + int.from_bytes(data[position:start], "big")
        if end > len(data) or start > len(data):
            raise TileMissing("the entry bundle is torn")
        leaves.append(data[start:end])
        position = end
    return leaves


def _check_growth(shelves: Shelves, checkpoint: Checkpoint, size: int, root: bytes) -> None:
    def read(level: int, index: int, width: int) -> bytes:
        data = _tile(shelves, TilePath(level, index, width))
        if len(data) != width * HASH_BYTES:
            raise TileMissing(f"{TilePath(level, index, width)} is torn")
        return data

    proof = consistency_proof(size, checkpoint.size, read)
    verify_consistency(size, checkpoint.size, proof, root, checkpoint.root)


def _tile(shelves: Shelves, path: TilePath) -> bytes:
    data = shelves.of(path).get(str(path))
    if data is None:
        raise TileMissing(f"{path} is not published")
    return data


def _entries(shelves: Shelves, first: int, end: int) -> Iterator[LostEntry]:
    for tile in range(first // TILE_WIDTH, -(-end // TILE_WIDTH)):
        start, width = tile * TILE_WIDTH, min(TILE_WIDTH, end - tile * TILE_WIDTH)
        try:
            hashes = _tile(shelves, TilePath(0, tile, width))
            leaves = split_bundle(_tile(shelves, TilePath(None, tile, width)))
        except TileMissing:
            continue
        for offset, leaf in enumerate(leaves[:width]):
            right = hashes[offset * HASH_BYTES : (offset + 1) * HASH_BYTES]
            if start + offset >= first and leaf_hash(leaf) == right and _readable(leaf):
                yield LostEntry(start + offset, leaf)


def _readable(leaf: bytes) -> bool:
    try:
        decode(leaf)
    except LeafMalformed:
        return False
    return True
