"""The shape of JSON from outside: not so deep that a reader stumbles, no text that no database
stores. Without recursion, for the sender chooses the depth."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

DEEPEST = 64


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
    return any("\ud800" <= char <= "\udfff" for char in text)
