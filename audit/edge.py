"""The growing right edge of the Merkle tree: partial tiles, and the peaks the root follows from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from audit.errors import ProofInvalid
from audit.merkle import (
    HASH_BYTES,
    TILE_HEIGHT,
    TILE_WIDTH,
    edge_levels,
    fold,
    partial_width,
    perfect_root,
    split_tile,
)


@dataclass(frozen=True, slots=True)
class FullTile:
    """A completed tile: 256 hashes, 8,192 bytes, never to change again."""

    level: int
    index: int
    data: bytes


class Edge:
    """The right edge of a tree of `size` leaves; appending costs one node hash, amortised.

    `levels` are the partial tiles, `peaks` the roots of the largest perfect subtrees, left to
    right, from which the root follows.
    """

    __slots__ = ("levels", "peaks", "size")

    def __init__(self, size: int = 0, levels: Iterable[Sequence[bytes]] = ()) -> None:
        self.size = size
        self.levels: list[list[bytes]] = [list(level) for level in levels]
        self.peaks = [peak for row in reversed(self.levels) for peak in _perfect_parts(row)]

    @classmethod
    def load(cls, size: int, rows: Mapping[int, bytes]) -> Edge:
        """Rebuild from stored partial tiles. Raises ProofInvalid if they do not fit `size`."""
        levels = [split_tile(rows.get(level, b"")) for level in range(edge_levels(size))]
        if len(rows) != len(levels) or any(
            len(rows[level]) != partial_width(size, level) * HASH_BYTES for level in rows
        ):
            raise ProofInvalid(f"the stored right edge does not belong to size {size}")
        return cls(size, levels)

    def copy(self) -> Edge:
        """Return an independent copy."""
        twin = Edge()
        twin.size = self.size
        twin.levels = [list(level) for level in self.levels]
        twin.peaks = list(self.peaks)
        return twin

    def extend(self, hashes: Iterable[bytes]) -> list[FullTile]:
        """Append leaf hashes and return the tiles this completed, lowest level first."""
        full: list[FullTile] = []
        rest, start = list(hashes), 0
        while start < len(rest):
            if self.size % TILE_WIDTH == 0 and len(rest) - start >= TILE_WIDTH:
                self._push_tile(rest[start : start + TILE_WIDTH], full)
                start += TILE_WIDTH
            else:
                self._push(rest[start], full)
                start += 1
        return full

    def _push(self, leaf: bytes, full: list[FullTile]) -> None:
        self._keep(0, leaf, full)
        self._join(leaf, 0, full)
        self.size += 1

    def _push_tile(self, row: list[bytes], full: list[FullTile]) -> None:
        """Add 256 leaves that fill a tile, which is quicker than one by one."""
        if not self.levels:
            self.levels.append([])
        full.append(FullTile(0, self.size >> TILE_HEIGHT, b"".join(row)))
        node = perfect_root(row)
        # Where the last of them stands: its trailing 1 bits are those of the whole tile.
        self.size += TILE_WIDTH - 1
        self._keep(1, node, full)
        self._join(node, TILE_HEIGHT, full)
        self.size += 1

    def _join(self, node: bytes, height: int, full: list[FullTile]) -> None:
        """Add a peak: each trailing 1 bit of its position joins it to the peak on its left."""
        position = self.size >> height
        while position & 1:
            node = sha256(b"\x01" + self.peaks.pop() + node).digest()
            position >>= 1
            height += 1
            if height % TILE_HEIGHT == 0:
                self._keep(height // TILE_HEIGHT, node, full)
        self.peaks.append(node)

    def _keep(self, level: int, one: bytes, full: list[FullTile]) -> None:
        if level == len(self.levels):
            self.levels.append([])
        row = self.levels[level]
        row.append(one)
        if len(row) == TILE_WIDTH:
            full.append(FullTile(level, self.size >> TILE_HEIGHT * (level + 1), b"".join(row)))
            row.clear()

    def partial(self, level: int) -> bytes:
        """Return the bytes of the partial tile at a level; empty if its width is 0."""
        return b"".join(self.levels[level])

    def root(self) -> bytes:
        """Return the Merkle tree hash of all leaves."""
        return fold(self.peaks)


def _perfect_parts(row: Sequence[bytes]) -> list[bytes]:
    """Roots of the largest perfect subtrees of a row, left to right."""
    parts, start = [], 0
    for bit in reversed(range(len(row).bit_length())):
        if len(row) >> bit & 1:
            parts.append(perfect_root(row[start : start + (1 << bit)]))
            start += 1 << bit
    return parts
