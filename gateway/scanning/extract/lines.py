"""JSON Lines: every string value of every line, with the name of its field as a hint."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, BinaryIO

from gateway.scanning.extract import encoding, text
from gateway.scanning.extract.segment import Pieces, Problem, Unscannable
from gateway.scanning.model import Location, Reason

MAX_LINE = 1 << 20
_PREVIEW = 200


def read(file: BinaryIO) -> Pieces:
    """Yield a segment for each string or number, at `{"line": n, "field": path}`, n from 1.

    A line that is not JSON is searched as text and reported; one longer than `MAX_LINE`
    characters is searched through its escapes, at `{"line": n}`, without holding it.
    """
    try:
        name, errors = encoding.detect(file), "strict"
    except Unscannable as problem:
        yield Problem(problem.reason)
        name, errors = "utf-8", "replace"
    source = _Lines(encoding.chunks(file, name, errors))
    number = 0
    while (line := source.next(MAX_LINE)) is not None:
        number += 1
        if line.endswith("\n") or source.ended:
            yield from _line(number, line)
        else:
            yield from text.blocks(source.rest(line), {"line": number}, escaped=True)


def _line(number: int, line: str) -> Pieces:
    if not line.strip():
        return
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        yield Problem(Reason.MALFORMED_JSON, {"line": number})
        yield from text.blocks([line], {"line": number}, escaped=True)
        return
    for field, leaf in leaves(value):
        where: Location = {"line": number, "field": field} if field else {"line": number}
        yield from text.blocks([leaf], where, cue=_last_name(field))


def leaves(value: Any) -> Iterator[tuple[str, str]]:
    """Yield (field path, text) of every string and number in document order; keys as well.

    A key is yielded as text at its own path's parent, since a key may be the value to find.
    """
    stack: list[tuple[str, Any]] = [("", value)]
    while stack:
        path, node = stack.pop()
        if isinstance(node, dict):
            stack += [(_join(path, key), child) for key, child in reversed(node.items())]
            yield from ((path, key) for key in node if any(c.isdigit() or c == "@" for c in key))
        elif isinstance(node, list):
            stack += [(f"{path}[{i}]", child) for i, child in reversed(list(enumerate(node)))]
        elif node is not None and not isinstance(node, bool):
            yield path, node if isinstance(node, str) else repr(node)


def _join(path: str, key: str) -> str:
    return f"{path}.{key}"[-_PREVIEW:] if path else key[:_PREVIEW]


def _last_name(field: str) -> str:
    return field.rpartition(".")[2].partition("[")[0][:60]


class _Lines:
    """Lines of a stream of chunks, at most a given number of characters at once."""

    def __init__(self, chunks: Iterator[str]) -> None:
        self._chunks = chunks
        self._held = ""
        self.ended = False

    def next(self, limit: int) -> str | None:
        """Return the next line with its end, a longer line's head, or None at the end."""
        parts, size = [self._held], len(self._held)
        while "\n" not in parts[-1] and size < limit and not self.ended:
            chunk = next(self._chunks, None)
            self.ended = chunk is None
            parts.append(chunk or "")
            size += len(parts[-1])
        whole = "".join(parts)
        line, end, self._held = whole.partition("\n")
        return line + end or None

    def rest(self, head: str) -> Iterator[str]:
        """Yield `head` and what remains of its line."""
        yield head
        while (part := self.next(1)) is not None:
            yield part
            if part.endswith("\n"):
                return
