"""Recomputes the times kept under each full tile, in step with the entries."""

from __future__ import annotations

from collections.abc import Sequence

from audit.dbapi import Sql
from audit.merkle import TILE_HEIGHT, TILE_WIDTH
from audit.verify.findings import Findings

TABLE = "audit_times"

Span = tuple[int, int]
"""Earliest and latest time, in milliseconds."""


class TimesCheck:
    """Takes the times of consecutive entries; each completed tile is compared with its row."""

    def __init__(self, sql: Sql, findings: Findings) -> None:
        self._sql = sql
        self._findings = findings
        self._size = 0
        self._pending: list[int] = []
        self._spans: list[list[Span | None]] = []

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
        low = min(stamps)
        self._level(0, None if low < 0 else (low, max(stamps)))
        self._size += 1

    def _level(self, level: int, span: Span | None) -> None:
        """Compare one tile, then its parent if this was the parent's last."""
        if level == len(self._spans):
            self._spans.append([])
        tile = self._size >> (TILE_HEIGHT * level)
        self._compare(level, tile, span)
        row = self._spans[level]
        row.append(span)
        if len(row) == TILE_WIDTH:
            known = [one for one in row if one is not None]
            whole = len(known) == TILE_WIDTH
            row.clear()
            self._level(level + 1, _union(known) if whole else None)

    def _compare(self, level: int, tile: int, span: Span | None) -> None:
        rows = self._sql.all(_ROW, (level, tile))
        if len(rows) != 1:
            self._add(level, tile, "tile", f"the times of a full tile stand {len(rows)} times")
        elif span is not None:
            for name, stored, right in zip(_NAMES, rows[0], span, strict=True):
                if stored != right:
                    self._add(level, tile, name, "not the time that the entries have")

    def _add(self, level: int, tile: int, column: str, what: str) -> None:
        sane = 0 <= level < _SANE_LEVEL and tile >= 0
        index = tile << (TILE_HEIGHT * (level + 1)) if sane else 0
        self._findings.add(index, TABLE, column, f"{what} (level {level}, tile {tile})")


_NAMES = ("low_ms", "high_ms")
_SANE_LEVEL = 7
_ROW = "SELECT low_ms, high_ms FROM audit_times WHERE level = ? AND tile = ?"
_EXTRA = "SELECT level, tile FROM audit_times WHERE {} LIMIT 100"


def _union(spans: Sequence[Span]) -> Span:
    return min(low for low, _ in spans), max(high for _, high in spans)
