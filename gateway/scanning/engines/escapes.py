r"""Read JSON text through its escapes (`\n`, `\ud64d`) and find the way back to its offsets."""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import lru_cache

_ESCAPE = re.compile(
    r"\\(?:u(?:[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|[0-9a-fA-F]{4})|[\"\\/bfnrt])"
)
_SIMPLE = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


def unescape(text: str) -> str:
    """Replace every JSON escape by the one character it stands for; leave the rest."""
    return _ESCAPE.sub(_character, text) if "\\" in text else text


def positions(text: str, at: int) -> int:
    """Return the offset in `text` of the character at `at` of `unescape(text)`."""
    ends, shrunk = _table(text)
    place = bisect_right(ends, at) - 1
    return at + (shrunk[place] if place >= 0 else 0)


@lru_cache(maxsize=4)
def _table(text: str) -> tuple[list[int], list[int]]:
    """List where the unescaped text goes on after each escape, and what was lost up to there."""
    ends, shrunk, lost = [], [], 0
    for match in _ESCAPE.finditer(text):
        ends.append(match.start() - lost + 1)
        lost += len(match[0]) - 1
        shrunk.append(lost)
    return ends, shrunk


def _character(match: re.Match[str]) -> str:
    body = match[0]
    if body[1] != "u":
        return _SIMPLE.get(body[1], body[1])
    code = int(body[2:6], 16)
    if len(body) > 6:
        code = 0x10000 + ((code & 0x3FF) << 10) + (int(body[8:12], 16) & 0x3FF)
    # A lone surrogate is no character and cannot be printed.
    return "\ufffd" if 0xD800 <= code <= 0xDFFF else chr(code)
