"""Keyset paging: opaque signed cursors, at most 200 rows a page.

A cursor holds the sort values of the row it continues from. It is bound to its list (`scope`),
so a cursor of one list, or one with other filters, is refused by another.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Generic, NoReturn, TypeVar

from sqlalchemy import ColumnElement, Select, literal, tuple_

from gateway.errors import Problem, ProblemCode

T = TypeVar("T")
DEFAULT_LIMIT = 50
MAX_LIMIT = 200
MAX_CURSOR = 2048
TAG_BYTES = 16
Value = str | int | datetime | uuid.UUID
Position = tuple[Value, ...]


class Direction(StrEnum):
    """Which way a cursor continues."""

    NEXT = "n"
    PREVIOUS = "p"


@dataclass(frozen=True, slots=True)
class Window:
    """What a list shall fetch: `limit` + 1 rows after (or before) `position`."""

    limit: int
    scope: str
    direction: Direction = Direction.NEXT
    position: Position | None = None


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """The rows of one page in display order, and the cursors beside it (None at an end)."""

    items: Sequence[T]
    next: str | None
    previous: str | None


class Cursors:
    """Makes and reads cursors with the key of purpose `cursor`."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def window(self, query: Mapping[str, str], scope: str, default: int = DEFAULT_LIMIT) -> Window:
        """The window of `?cursor=&limit=`. Raises Problem 400 for either being invalid."""
        limit = _limit(query.get("limit"), default)
        cursor = query.get("cursor")
        if not cursor:
            return Window(limit, scope)
        direction, position = self._decode(cursor, scope)
        return Window(limit, scope, direction, position)

    def page(self, rows: Sequence[T], window: Window, position: Callable[[T], Position]) -> Page[T]:
        """The page of `rows`: up to `limit` + 1 of them in the order `keyset` fetched them."""
        more = len(rows) > window.limit
        kept = list(rows[: window.limit])
        backwards = window.direction is Direction.PREVIOUS
        if backwards:
            kept.reverse()
        after = more or backwards
        before = more if backwards else window.position is not None
        return Page(
            kept,
            self._cursor(Direction.NEXT, kept, -1, window, position) if after else None,
            self._cursor(Direction.PREVIOUS, kept, 0, window, position) if before else None,
        )

    def _cursor(
        self,
        direction: Direction,
        rows: list[T],
        index: int,
        window: Window,
        position: Callable[[T], Position],
    ) -> str | None:
        return self._encode(direction, position(rows[index]), window.scope) if rows else None

    def _encode(self, direction: Direction, position: Position, scope: str) -> str:
        packed = [[_TAGS[type(value)], _plain(value)] for value in position]
        payload = json.dumps([direction, packed], separators=(",", ":")).encode()
        return base64.urlsafe_b64encode(self._tag(payload, scope) + payload).rstrip(b"=").decode()

    def _decode(self, cursor: str, scope: str) -> tuple[Direction, Position]:
        if len(cursor) > MAX_CURSOR:
            _bad_cursor()
        try:
            raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True)
        except (binascii.Error, ValueError):
            _bad_cursor()
        tag, payload = raw[:TAG_BYTES], raw[TAG_BYTES:]
        if not hmac.compare_digest(tag, self._tag(payload, scope)):
            _bad_cursor()
        # Signed by us for this very list, so its shape is known.
        direction, packed = json.loads(payload)
        return Direction(direction), tuple(_READERS[kind](value) for kind, value in packed)

    def _tag(self, payload: bytes, scope: str) -> bytes:
        framed = len(scope.encode()).to_bytes(4) + scope.encode() + payload
        return hmac.digest(self._key, framed, hashlib.sha256)[:TAG_BYTES]


_TAGS: dict[type, str] = {str: "s", int: "i", datetime: "t", uuid.UUID: "u"}
_READERS: dict[str, Callable[[Any], Value]] = {
    "s": str,
    "i": int,
    "t": datetime.fromisoformat,
    "u": uuid.UUID,
}


def _plain(value: Value) -> str | int:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, uuid.UUID) else value


def _limit(text: str | None, default: int) -> int:
    if not text:
        return default
    if text.isascii() and text.isdigit() and len(text) <= 3 and 1 <= int(text) <= MAX_LIMIT:
        return int(text)
    raise Problem(
        ProblemCode.BAD_REQUEST,
        f"limit은 1부터 {MAX_LIMIT}까지의 정수입니다.",
        f"limit is a whole number from 1 to {MAX_LIMIT}.",
    )


def _bad_cursor() -> NoReturn:
    raise Problem(
        ProblemCode.BAD_REQUEST,
        "cursor가 이 목록의 것이 아닙니다. 첫 쪽부터 다시 시작해 주십시오.",
        "The cursor does not belong to this list; start again from the first page.",
    )


def scope_of(name: str, filters: Mapping[str, Any]) -> str:
    """The scope of a list under its filters; `cursor`, `limit` and `lang` do not count."""
    kept = {key: str(value) for key, value in filters.items() if key not in _NOT_FILTERS}
    return name + json.dumps(kept, sort_keys=True, ensure_ascii=True)


_NOT_FILTERS = frozenset({"cursor", "limit", "lang"})


def keyset(
    statement: Select[Any],
    columns: Sequence[Any],
    window: Window,
    *,
    descending: bool = True,
) -> Select[Any]:
    """`statement` narrowed to `window` and ordered by `columns`, all in one direction.

    `columns` end with a unique one, and match the positions given to `Cursors.page`.
    """
    backwards = window.direction is Direction.PREVIOUS
    falling = descending is not backwards
    if window.position is not None:
        statement = statement.where(_beyond(columns, window.position, falling))
    order = [column.desc() if falling else column.asc() for column in columns]
    return statement.order_by(*order).limit(window.limit + 1)


def _beyond(columns: Sequence[Any], position: Position, falling: bool) -> ColumnElement[bool]:
    row = tuple_(*columns)
    # Typed by its column, so that moments and ids are bound the way they are stored.
    edge = tuple_(
        *(literal(value, column.type) for column, value in zip(columns, position, strict=True))
    )
    return row < edge if falling else row > edge
