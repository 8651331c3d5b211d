"""Which files of a version a person asks for: glob patterns on canonical paths.

`*` and `?` stay within one part of a path, `[abc]` is one of these characters, a part `**` stands
for any number of parts, and a pattern that ends in `/` takes everything below. A pattern that is
itself the path of a file means that file, whatever characters it holds.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from gateway.catalog.paths import PathInvalid, canonical

MAX_PATTERNS = 50
ANY_DEPTH = "**"
_WILD = "*?["


class PatternInvalid(Exception):
    """A pattern that can match no canonical path."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """One parsed pattern; `prefix` is what every path it matches begins with."""

    text: str
    parts: tuple[str, ...]
    prefix: str

    def matches(self, path: str) -> bool:
        """Whether the canonical `path` is meant. Linear in parts times parts."""
        return path == self.text or _matches(self.parts, path.split("/"))


def parse(text: str) -> Pattern:
    """The pattern that `text` (any Unicode normal form) spells. Raises PatternInvalid."""
    spelt = unicodedata.normalize("NFC", text.strip())
    if spelt.endswith("/"):
        spelt += ANY_DEPTH
    try:
        canonical(spelt)
    except PathInvalid as error:
        raise PatternInvalid(str(error.fault)) from None
    parts = tuple(spelt.split("/"))
    if parts[-1] == ANY_DEPTH:
        parts = (*parts, "*")
    return Pattern(spelt, parts, _literal(spelt))


def prefixes(patterns: Sequence[Pattern]) -> list[str]:
    """The prefixes to look below, sorted, none within another: their ranges never overlap."""
    kept: list[str] = []
    for prefix in sorted({pattern.prefix for pattern in patterns}):
        if not kept or not prefix.startswith(kept[-1]):
            kept.append(prefix)
    return kept


def _literal(text: str) -> str:
    ends = [position for position, character in enumerate(text) if character in _WILD]
    return text[: ends[0]] if ends else text


def _matches(parts: Sequence[str], path: Sequence[str]) -> bool:
    """Wildcard matching with one step back to the last `**`, so that no pattern can blow up."""
    at, place, star, mark = 0, 0, -1, 0
    while place < len(path):
        if at < len(parts) and parts[at] == ANY_DEPTH:
            star, mark, at = at, place, at + 1
        elif at < len(parts) and fnmatchcase(path[place], parts[at]):
            at, place = at + 1, place + 1
        elif star >= 0:
            mark += 1
            at, place = star + 1, mark
        else:
            return False
    return all(part == ANY_DEPTH for part in parts[at:])
