"""Turns a period into a range of entries, through the times kept under each full tile.

Entries stand in the order in which they were numbered; their times come from the clocks of the
processes that acted and may go back a little. The range found here is never too narrow, so the
condition on the time itself still has to be checked inside it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from audit.dbapi import Sql
from audit.edge import FullTile
from audit.merkle import TILE_HEIGHT, TILE_WIDTH

TABLE = "audit_times"
_LEAVES = (
    "INSERT INTO audit_times (level, tile, low_ms, high_ms) "
    "SELECT 0, ?, MIN(time_ms), MAX(time_ms) FROM audit_entries WHERE idx >= ? AND idx < ?"
)
_TILES = (
    "INSERT INTO audit_times (level, tile, low_ms, high_ms) "
    "SELECT level + 1, ?, MIN(low_ms), MAX(high_ms) FROM audit_times "
    "WHERE level = ? AND tile >= ? AND tile < ? GROUP BY level"
)
_TOP = "SELECT MAX(level) FROM audit_times"
_COUNT = "SELECT MAX(tile) + 1 FROM audit_times WHERE level = ?"
_FIRST = (
    "SELECT tile FROM audit_times WHERE level = ? AND tile >= ? AND high_ms >= ? "
    "ORDER BY tile LIMIT 1"
)
_LAST = (
    "SELECT tile FROM audit_times WHERE level = ? AND tile >= ? AND tile < ? AND low_ms < ? "
    "ORDER BY tile DESC LIMIT 1"
)
_ROWS = (
    "SELECT tile, low_ms, high_ms FROM audit_times WHERE level = 0 AND tile >= ? AND tile < ? "
    "ORDER BY tile"
)
_LATE = "SELECT MAX(idx) FROM audit_entries WHERE idx >= ? AND time_ms < ?"


def add(sql: Sql, tiles: Sequence[FullTile]) -> None:
    """Note the times under tiles just completed, lowest level first, entries included."""
    for tile in tiles:
        first, end = tile.index * TILE_WIDTH, (tile.index + 1) * TILE_WIDTH
        if tile.level == 0:
            sql.run(_LEAVES, (tile.index, first, end))
        else:
            sql.run(_TILES, (tile.index, tile.level - 1, first, end))


def digest(sql: Sql, first: int, end: int) -> str:
    """Return the SHA-256 (hexadecimal) of the times of the full tiles from entry `first` to `end`.

    When the entries are archived the log keeps it, so that it can be checked without them.
    """
    rows = sql.all(_ROWS, (first >> TILE_HEIGHT, end >> TILE_HEIGHT))
    lines = "".join(f"{tile} {low} {high}\n" for tile, low, high in rows)
    return hashlib.sha256(lines.encode()).hexdigest()


def first_since(sql: Sql, since_ms: int) -> int:
    """Return an index before which no entry is of `since_ms` or later."""
    start = 0
    for level in range(_top(sql), -1, -1):
        shift = TILE_HEIGHT * (level + 1)
        row = sql.one(_FIRST, (level, start >> shift, since_ms))
        tile = _count(sql, level) if row is None else int(row[0])
        start = max(start, tile << shift)
    return start


def end_until(sql: Sql, until_ms: int) -> int:
    """Return an index from which on no entry is earlier than `until_ms`."""
    covered = _count(sql, 0) << TILE_HEIGHT
    row = sql.one(_LATE, (covered, until_ms))
    if row is not None and row[0] is not None:
        return int(row[0]) + 1
    return _end_in_tiles(sql, until_ms)


def _end_in_tiles(sql: Sql, until_ms: int) -> int:
    """Search the tiles that no higher tile covers, from the right, then below the one found."""
    for level in range(_top(sql) + 1):
        low = _count(sql, level + 1) << TILE_HEIGHT
        row = sql.one(_LAST, (level, low, 2**62, until_ms))
        if row is not None:
            return _descend(sql, level, int(row[0]), until_ms)
    return 0


def _descend(sql: Sql, level: int, tile: int, until_ms: int) -> int:
    while level > 0:
        level -= 1
        first = tile << TILE_HEIGHT
        row = sql.one(_LAST, (level, first, first + TILE_WIDTH, until_ms))
        # Levels agree unless rows were altered: then the whole parent stays in the range.
        tile = int(row[0]) if row is not None else first + TILE_WIDTH - 1
    return (tile + 1) << TILE_HEIGHT


def _top(sql: Sql) -> int:
    row = sql.one(_TOP)
    return -1 if row is None or row[0] is None else int(row[0])


def _count(sql: Sql, level: int) -> int:
    row = sql.one(_COUNT, (level,))
    return 0 if row is None or row[0] is None else int(row[0])
