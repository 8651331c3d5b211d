"""What changed between two texts, word by word, with the unchanged parts cut short."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from typing import Final

CONTEXT: Final = 1
_HEADING = re.compile(r"^#+ ")
_WORDS = re.compile(r"\s+|[^\s]+")


class Kind(StrEnum):
    """What happened to a piece of text."""

    SAME = "same"
    ADDED = "added"
    REMOVED = "removed"


Piece = tuple[Kind, str]


@dataclass(frozen=True, slots=True)
class Line:
    """One paragraph, its pieces in reading order; `gap` unchanged paragraphs were left out before
    it."""

    pieces: tuple[Piece, ...]
    gap: int = 0

    @property
    def changed(self) -> bool:
        """Whether anything in it was added or removed."""
        return any(kind is not Kind.SAME for kind, _text in self.pieces)


def between(old: str, new: str) -> list[Line]:
    """The paragraphs that changed with one unchanged around each; empty for equal texts."""
    return list(_short(list(_lines(_paragraphs(old), _paragraphs(new)))))


def words(old: str, new: str) -> tuple[Piece, ...]:
    """One paragraph against another, word by word; blanks belong to the word before them."""
    before, after = _tokens(old), _tokens(new)
    found: list[Piece] = []
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    for _tag, i, j, k, m in matcher.get_opcodes():
        removed, added = "".join(before[i:j]), "".join(after[k:m])
        if removed == added:
            found.append((Kind.SAME, added))
            continue
        found += [(kind, text) for kind, text in _pair(removed, added) if text]
    return tuple(found)


def _pair(removed: str, added: str) -> tuple[Piece, Piece]:
    return (Kind.REMOVED, removed), (Kind.ADDED, added)


def _paragraphs(text: str) -> list[str]:
    """Lines of Markdown without the marks of headings, which readers are not shown either."""
    return [_HEADING.sub("", line.strip()) for line in text.splitlines() if line.strip()]


def _tokens(text: str) -> list[str]:
    return _WORDS.findall(text)


def _lines(old: Sequence[str], new: Sequence[str]) -> Iterator[Line]:
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    for tag, i, j, k, m in matcher.get_opcodes():
        if tag == "equal":
            yield from (Line(((Kind.SAME, text),)) for text in new[k:m])
        else:
            yield from _replaced(old[i:j], new[k:m])


def _replaced(old: Sequence[str], new: Sequence[str]) -> Iterator[Line]:
    """Paragraphs that took each other's place, compared in pairs; the rest came or went whole."""
    paired = min(len(old), len(new))
    for before, after in zip(old, new, strict=False):
        yield Line(words(before, after))
    yield from (Line(((Kind.REMOVED, text),)) for text in old[paired:])
    yield from (Line(((Kind.ADDED, text),)) for text in new[paired:])


def _short(lines: Sequence[Line]) -> Iterator[Line]:
    changed = [place for place, line in enumerate(lines) if line.changed]
    kept = {near for place in changed for near in range(place - CONTEXT, place + CONTEXT + 1)}
    gap = 0
    for place, line in enumerate(lines):
        if place in kept:
            yield Line(line.pieces, gap)
            gap = 0
        else:
            gap += 1
