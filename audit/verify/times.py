"""Recomputes the times kept under each full tile, in step with the entries.

Where entries were pruned, a row cannot be recomputed: it must be the union of the rows below it,
and must hold the times of whatever entries are left, so that no search can be led past them. The
rows of tiles that were pruned whole are compared with what the log says of their archive
(`audit.verify.pruned`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from audit.dbapi import Row, Sql
from audit.merkle import TILE_HEIGHT, TILE_WIDTH
from audit.times import TABLE
from audit.verify.findings import Findings


class Span(NamedTuple):
    """Earliest and latest time of the entries that are there (milliseconds), and whether all are.

    Without any entry low is above high.
    """

    low: int
    high: int
    whole: bool


_NOTHING = 2**63


class TimesCheck:
    """Takes the times of consecutive entries; each completed tile is compared with its row."""

    def __init__(self, sql: Sql, findings: Findings) -> None:
        self._sql = sql
        self._findings = findings
        self._size = 0
        self._pending: list[int] = []
        self._spans: list[list[Span]] = []

    def feed(self, stamps: Sequence[int | None]) -> None:
        """Add the times of the next entries; None for one that is missing or unreadable."""
        self._pending += [-1 if stamp is None else stamp for stamp in stamps]
        whole = len(self._pending) - len(self._pending) % TILE_WIDTH
        for start in range(0, whole, TILE_WIDTH):
            self._complete(self._pending[start : start + TILE_WIDTH])
        del self._pending[:whole]

    def finish(self) -> None:
        """Look for rows of tiles that the log does not have."""
        counts = [self._size >> (TILE_HEIGHT * level) for level in range(len(self._spans))]
        known = [f"(level = {n} AND tile >= {count})" for n, count in enumerate(counts)]
        outside = [f"level >= {len(counts)}", "level < 0", "tile < 0"]
        for level, tile in self._sql.all(_EXTRA.format(" OR ".join([*known, *outside]))):
            self._add(int(level), int(tile), "tile", "there is no such full tile")

    def _complete(self, stamps: list[int]) -> None:
        known = [one for one in stamps if one >= 0]
        low, high = min(known, default=_NOTHING), max(known, default=-_NOTHING)
        self._level(0, Span(low, high, len(known) == TILE_WIDTH))
        self._size += 1

    def _level(self, level: int, span: Span) -> None:
        """Compare one tile, then its parent if this was the parent's last."""
        if level == len(self._spans):
            self._spans.append([])
        tile = self._size >> (TILE_HEIGHT * level)
        self._compare(level, tile, span)
        row = self._spans[level]
        row.append(span)
        if len(row) == TILE_WIDTH:
            union = _union(row)
            row.clear()
            self._level(level + 1, union)

    def _compare(self, level: int, tile: int, span: Span) -> None:
        rows = self._sql.all(_ROW, (level, tile))
        if len(rows) != 1:
            self._add(level, tile, "tile", f"the times of a full tile stand {len(rows)} times")
            return
        right = (span.low, span.high) if span.whole else self._stored_below(level, tile)
        for name, stored, exact in zip(_NAMES, rows[0], right, strict=True):
            if exact is not None and stored != exact:
                self._add(level, tile, name, "not the time that the entries have")
        if not span.whole and not _holds(rows[0], span):
            self._add(level, tile, _NAMES[0], "it leaves out the times of entries that are there")

    def _stored_below(self, level: int, tile: int) -> Row:
        """The union of the rows below one; nothing below the lowest."""
        if level == 0:
            return (None, None)
        first = tile << TILE_HEIGHT
        return self._sql.all(_BELOW, (level - 1, first, first + TILE_WIDTH))[0]

    def _add(self, level: int, tile: int, column: str, what: str) -> None:
        sane = 0 <= level < _SANE_LEVEL and tile >= 0
        index = tile << (TILE_HEIGHT * (level + 1)) if sane else 0
        self._findings.add(index, TABLE, column, f"{what} (level {level}, tile {tile})")


_NAMES = ("low_ms", "high_ms")
_SANE_LEVEL = 7
_ROW = "SELECT low_ms, high_ms FROM audit_times WHERE level = ? AND tile = ?"
_EXTRA = "SELECT level, tile FROM audit_times WHERE {} LIMIT 100"


_BELOW = (
    "SELECT MIN(low_ms), MAX(high_ms) FROM audit_times WHERE level = ? AND tile >= ? AND tile < ?"
)


def _union(spans: Sequence[Span]) -> Span:
    return Span(
        min(one.low for one in spans),
        max(one.high for one in spans),
        all(one.whole for one in spans),
    )


def _holds(row: Row, span: Span) -> bool:
    low, high = row
    integers = isinstance(low, int) and isinstance(high, int)
    return integers and low <= span.low and span.high <= high
