"""Searching page by page: candidates in a fixed order, each tried on the engine.

A token is a signed cursor bound to its search. It holds the page size of the first request and
the last candidate that was tried, so that a page may be short, even empty, before the end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Generic, TypeVar

from gateway.errors import Problem, ProblemCode
from gateway.web.paging import MAX_LIMIT, Cursors, Position, Window

T = TypeVar("T")
DEFAULT_LIMIT: Final = 50
TRIED: Final = 200
"""How many candidates one request tries at most."""


@dataclass(frozen=True, slots=True)
class Slice:
    """Which page is wanted; without a token the first, without a limit `DEFAULT_LIMIT` results."""

    token: str = ""
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """The results of one page; `next_token` is empty at the end."""

    results: tuple[T, ...]
    next_token: str


@dataclass(frozen=True, slots=True)
class Candidates(Generic[T]):
    """What is tried. `fetch` gives up to `window.limit` + 1 beyond `window.position`, in the order
    of their positions; `allowed` asks the engine."""

    fetch: Callable[[Window], Sequence[T]]
    position: Callable[[T], Position]
    allowed: Callable[[T], bool]


def walk(cursors: Cursors, scope: str, wanted: Slice, among: Candidates[T]) -> Found[T]:
    """One page of the candidates that are allowed.

    Raises Problem BAD_REQUEST for a token of another search, or with another limit.
    """
    limit, window = _window(cursors, scope, wanted)
    rows = among.fetch(window)
    results: list[T] = []
    tried = 0
    for row in rows[:TRIED]:
        if len(results) == limit:
            break
        tried += 1
        results += [row] if among.allowed(row) else []
    seen = replace(window, limit=tried)
    page = cursors.page(rows[: tried + 1], seen, lambda row: (limit, *among.position(row)))
    return Found(tuple(results), page.next or "")


def _window(cursors: Cursors, scope: str, wanted: Slice) -> tuple[int, Window]:
    window = cursors.window({"cursor": wanted.token}, scope)
    limit = DEFAULT_LIMIT if wanted.limit is None else min(wanted.limit, MAX_LIMIT)
    if window.position is None:
        return limit, replace(window, limit=TRIED)
    first, *position = window.position
    if wanted.limit is not None and limit != first:
        raise Problem(
            ProblemCode.BAD_REQUEST,
            "page.limit은 첫 요청과 같아야 합니다.",
            "page.limit must be the one of the first request.",
        )
    return int(str(first)), replace(window, limit=TRIED, position=tuple(position))
