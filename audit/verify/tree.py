"""Rebuilds the tree from leaf hashes and compares every tile, the edge and the head with it."""

from __future__ import annotations

from audit.dbapi import Sql
from audit.edge import Edge, FullTile
from audit.merkle import HASH_BYTES, TILE_HEIGHT, TILE_WIDTH, split_tile
from audit.verify.findings import Findings

TILES = "audit_tiles"
EDGE = "audit_edge"
_MAX_LEVEL = 63


def _first_leaf(level: int, position: int) -> int:
    """The first entry below hash number `position` of a level; 0 for nonsense."""
    return position << (TILE_HEIGHT * level) if 0 <= level <= _MAX_LEVEL and position >= 0 else 0


class TreeCheck:
    """Feeds leaf hashes in order; each completed tile is compared with the stored one."""

    def __init__(self, sql: Sql, findings: Findings) -> None:
        self._sql = sql
        self._findings = findings
        self.edge = Edge()

    def feed(self, hashes: list[bytes]) -> None:
        """Add the hashes of the next leaves."""
        for tile in self.edge.extend(hashes):
            self._compare_tile(tile)

    def stored_hashes(self, index: int, end: int) -> list[bytes]:
        """What the level 0 tile or the edge holds for leaves whose entries are missing.

        From `index` up to `end` or the end of the tile; empty if nothing is stored for `index`.
        """
        tile, offset = divmod(index, TILE_WIDTH)
        stored = self._stored_tiles(0, tile)
        if not stored and tile == self._last_tile():
            stored = self._edge_rows(0)
        until = min(TILE_WIDTH, end - tile * TILE_WIDTH)
        cut = stored[0][offset * HASH_BYTES : until * HASH_BYTES] if stored else b""
        return split_tile(cut[: len(cut) // HASH_BYTES * HASH_BYTES])

    def finish(self) -> None:
        """Compare the edge and look for tiles that the tree does not have."""
        for level in range(len(self.edge.levels)):
            self._compare_edge(level)
        levels = len(self.edge.levels)
        query = "SELECT level FROM audit_edge WHERE level < 0 OR level >= ? LIMIT 100"
        for row in self._sql.all(query, (levels,)):
            self._findings.add(self.edge.size, EDGE, "level", f"level {row[0]} does not exist")
        self._extra_tiles()

    def _last_tile(self) -> int:
        """The number of full level 0 tiles stored, so the one that the edge holds."""
        row = self._sql.one("SELECT MAX(tile) FROM audit_tiles WHERE level = 0")
        return 0 if row is None or row[0] is None else int(row[0]) + 1

    def _stored_tiles(self, level: int, tile: int) -> list[bytes]:
        query = "SELECT data FROM audit_tiles WHERE level = ? AND tile = ?"
        return [bytes(row[0]) for row in self._sql.all(query, (level, tile))]

    def _edge_rows(self, level: int) -> list[bytes]:
        query = "SELECT data FROM audit_edge WHERE level = ?"
        return [bytes(row[0]) for row in self._sql.all(query, (level,))]

    def _compare_tile(self, tile: FullTile) -> None:
        stored = self._stored_tiles(tile.level, tile.index)
        self._compare(TILES, stored, tile.data, tile.level, tile.index * TILE_WIDTH)

    def _compare_edge(self, level: int) -> None:
        first = (self.edge.size >> (TILE_HEIGHT * (level + 1))) * TILE_WIDTH
        self._compare(EDGE, self._edge_rows(level), self.edge.partial(level), level, first)

    def _compare(
        self, table: str, stored: list[bytes], right: bytes, level: int, first: int
    ) -> None:
        name = f"the hashes of level {level} from {first}"
        if len(stored) != 1:
            what = f"{name} are stored {len(stored)} times"
            self._findings.add(_first_leaf(level, first), table, "data", what)
        elif stored[0] != right:
            at = _first_difference(stored[0], right)
            what = f"{name} are not those of what lies below: one of the two was altered"
            self._findings.add(_first_leaf(level, first + at), table, "data", what)

    def _extra_tiles(self) -> None:
        size, levels = self.edge.size, len(self.edge.levels)
        known = [f"level = {n} AND tile >= {size >> (8 * (n + 1))}" for n in range(levels)]
        outside = f"level < 0 OR level >= {levels} OR tile < 0"
        conditions = " OR ".join(f"({one})" for one in [*known, outside])
        query = _EXTRA.format(conditions)
        for level, tile in self._sql.all(query):
            what = f"tile {tile} of level {level} does not exist in a tree of {size} entries"
            index = _first_leaf(int(level), int(tile) * TILE_WIDTH)
            self._findings.add(index, TILES, "tile", what)


_EXTRA = "SELECT level, tile FROM audit_tiles WHERE {} LIMIT 100"


def _first_difference(stored: bytes, right: bytes) -> int:
    """The position of the first hash that differs."""
    pairs = zip(split_tile(stored), split_tile(right), strict=False)
    differing = (at for at, (one, other) in enumerate(pairs) if one != other)
    shorter = min(len(stored), len(right)) // HASH_BYTES
    return next(differing, max(0, min(shorter, len(right) // HASH_BYTES - 1)))
