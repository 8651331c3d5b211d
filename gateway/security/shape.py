"""The shape of JSON from outside: not so deep that a reader stumbles, no text that no database
stores. Without recursion, for the sender chooses the depth."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

DEEPEST = 64


def is_plain(data: bytes) -> bool:
    """Whether JSON in UTF-8 shows by its bytes alone that it is not too deep and has no half
    characters, which only an escape can write: nearly all of it, without looking at each value."""
    return data.count(b"{") + data.count(b"[") <= DEEPEST and b"\\u" not in data


def texts(value: Any) -> Iterator[str]:
    """Every text in a JSON value, names included. Raises ValueError for one that is too deep."""
    waiting = [(value, 0)]
    while waiting:
        one, depth = waiting.pop()
        if depth > DEEPEST:
            raise ValueError("nested too deeply")
        if isinstance(one, str):
            yield one
        elif isinstance(one, dict):
            yield from one
            waiting.extend((each, depth + 1) for each in one.values())
        elif isinstance(one, list):
            waiting.extend((each, depth + 1) for each in one)


def halved(text: str) -> bool:
    """Whether half a character is in it: a lone surrogate, which UTF-8 cannot carry."""
    if text.isascii():
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False
