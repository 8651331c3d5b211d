"""Plain text in overlapping blocks that end at line ends where they can."""

from __future__ import annotations

from collections.abc import Iterable
from typing import BinaryIO

from gateway.scanning.extract import encoding
from gateway.scanning.extract.segment import Pieces, Problem, Segment, Unscannable
from gateway.scanning.model import WHOLE_FILE, Location

CORE = 16_384
# Longer than any pattern may match plus the reach of its cue words: a finding near the edge of a
# block is seen whole, with all that scores it, by the one block it begins in.
MARGIN = 1_536


def read(file: BinaryIO, escaped: bool = False) -> Pieces:
    """Yield the whole file as segments at `{}`; `escaped` reads through JSON escapes.

    A file in no known encoding is still searched, as UTF-8 with replacements, and reported.
    """
    try:
        name, errors = encoding.detect(file), "strict"
    except Unscannable as problem:
        yield Problem(problem.reason)
        name, errors = "utf-8", "replace"
    yield from blocks(encoding.chunks(file, name, errors), escaped=escaped)


def blocks(
    chunks: Iterable[str], location: Location = WHOLE_FILE, cue: str = "", escaped: bool = False
) -> Pieces:
    """Cut a stream of text into segments of about `CORE` characters with `MARGIN` on either side.

    Holds at most `CORE + 2 * MARGIN` characters and one chunk, however long a line is.
    """
    held, offset, lead = "", 0, 0
    for chunk in chunks:
        held += chunk
        while len(held) >= lead + CORE + MARGIN:
            cut = _cut(held, lead)
            tail = min(MARGIN, len(held) - cut)
            yield Segment(location, held[: cut + tail], offset, lead, tail, cue, escaped)
            keep = max(0, cut - MARGIN)
            held, offset, lead = held[keep:], offset + keep, cut - keep
    if len(held) > lead:
        yield Segment(location, held, offset, lead, 0, cue, escaped)


def _cut(held: str, lead: int) -> int:
    line_end = held.rfind("\n", lead + CORE // 2, lead + CORE)
    return line_end + 1 if line_end >= 0 else lead + CORE
