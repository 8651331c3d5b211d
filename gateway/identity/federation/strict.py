"""JSON from outside, read strictly: one object, no name twice, no NaN, no half characters, not too
deep."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from gateway.security.shape import halved, is_plain, texts


def parse_object(data: bytes) -> dict[str, Any]:
    """The JSON object in `data`. Raises ValueError for anything else."""
    try:
        found = json.loads(data.decode("utf-8"), object_pairs_hook=_once, parse_constant=_never)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not isinstance(found, dict):
        raise ValueError("not an object")
    if not is_plain(data) and any(map(halved, texts(found))):
        raise ValueError("half a character")
    return found


def text(value: Any, longest: int) -> str:
    """`value` if it is printable text of at most `longest` characters, else ""."""
    fits = isinstance(value, str) and len(value) <= longest and value.isprintable()
    return value if fits else ""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # Which of two values counts depends on the reader, so neither does.
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("repeated name")
    return found


def _never(name: str) -> NoReturn:
    raise ValueError(name)
