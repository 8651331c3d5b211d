"""Paths and bytes of C2SP tlog-tiles: hash tiles of height 8 and entry bundles."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from audit.errors import TilePathMalformed
from audit.event import MAX_LEAF_BYTES
from audit.merkle import TILE_WIDTH

ENTRIES = "entries"
_MAX_LEVEL = 63
_PATH = re.compile(
    r"tile/(?P<level>entries|0|[1-9][0-9]?)/(?P<groups>(?:x[0-9]{3}/)*)(?P<last>[0-9]{3})"
    r"(?:\.p/(?P<width>[1-9][0-9]{0,2}))?"
)
_MAX_GROUPS = 6


@dataclass(frozen=True, slots=True)
class TilePath:
    """One tile or, with `level` None, one entry bundle. `width` 256 means full."""

    level: int | None
    index: int
    width: int = TILE_WIDTH

    def __str__(self) -> str:
        """Return the path below the log's prefix, such as `tile/0/x001/067.p/12`."""
        level = ENTRIES if self.level is None else str(self.level)
        partial = "" if self.width == TILE_WIDTH else f".p/{self.width}"
        return f"tile/{level}/{encode_index(self.index)}{partial}"


def encode_index(index: int) -> str:
    """Return an index in three-digit elements: 1234067 is `x001/x234/067`."""
    text = f"{index % 1000:03d}"
    while index >= 1000:
        index //= 1000
        text = f"x{index % 1000:03d}/{text}"
    return text


def parse_path(path: str) -> TilePath:
    """Parse `tile/<L>/<N>[.p/<W>]` or `tile/entries/…`. Raises TilePathMalformed."""
    match = _PATH.fullmatch(path) if path.isascii() else None
    if match is None:
        raise TilePathMalformed("not the path of a tile or entry bundle")
    groups = match["groups"].replace("x", "").split("/")[:-1]
    if (groups and groups[0] == "000") or len(groups) > _MAX_GROUPS:
        raise TilePathMalformed("the tile index is not in its shortest form")
    level = None if match["level"] == ENTRIES else int(match["level"])
    width = int(match["width"] or TILE_WIDTH)
    if (level or 0) > _MAX_LEVEL or (match["width"] and width >= TILE_WIDTH):
        raise TilePathMalformed("the tile level or width is out of range")
    return TilePath(level, int("".join([*groups, match["last"]])), width)


def bundle(leaves: Sequence[bytes]) -> bytes:
    """Return an entry bundle: each leaf after its length as big-endian uint16.

    Raises ValueError for a leaf above 65,535 bytes.
    """
    if any(len(leaf) > MAX_LEAF_BYTES for leaf in leaves):
        raise ValueError("a leaf is too long for an entry bundle")
    return b"".join(len(leaf).to_bytes(2, "big") + leaf for leaf in leaves)
