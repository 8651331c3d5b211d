"""What readers yield: segments of text with a place, and problems that are never 'clean'."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from gateway.scanning.model import Location, Reason


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of text at `location`.

    `offset` is where `text[0]` stands, in code points of the whole text at `location`.
    Findings that begin in the first `lead` or the last `tail` characters belong to a neighbour.
    `cue` is a column's or a field's name, read as a hint. `escaped` marks raw JSON text.
    """

    location: Location
    text: str
    offset: int = 0
    lead: int = 0
    tail: int = 0
    cue: str = ""
    escaped: bool = False


@dataclass(frozen=True, slots=True)
class Problem:
    """A part of the file that could not be inspected, and why."""

    reason: Reason
    location: Location = field(default_factory=dict)


Piece = Segment | Problem
Pieces = Iterator[Piece]


class Unscannable(Exception):
    """The file cannot be inspected in the form in which it was being read."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(str(reason))
        self.reason = reason
