"""Searching page by page: nothing is lost between pages, and a token serves its search only."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.decisions.walking import TRIED, Candidates, Found, Slice, walk
from gateway.errors import Problem, ProblemCode
from gateway.web.paging import Cursors, Window

CURSORS = Cursors(b"k" * 32)


def numbers(count: int, allowed: Callable[[int], bool]) -> Candidates[int]:
    """The numbers from 1 on, in their order."""

    def fetch(window: Window) -> list[int]:
        after = int(str(window.position[0])) if window.position else 0
        return list(range(after + 1, min(count, after + window.limit + 1) + 1))

    return Candidates(fetch, lambda number: (number,), allowed)


def pages(among: Candidates[int], limit: int) -> list[Found[int]]:
    found = [walk(CURSORS, "all", Slice("", limit), among)]
    while found[-1].next_token:
        found.append(walk(CURSORS, "all", Slice(found[-1].next_token), among))
    return found


@pytest.mark.parametrize("limit", [1, 3, 50, 200, 1000])
def test_every_allowed_candidate_comes_once_and_in_order(limit: int) -> None:
    among = numbers(450, lambda number: number % 3 == 0)

    found = pages(among, limit)

    results = [number for page in found for number in page.results]
    assert results == list(range(3, 451, 3))
    assert all(len(page.results) <= limit for page in found)


def test_one_request_tries_only_so_many() -> None:
    tried: list[int] = []
    among = numbers(1000, lambda number: bool(tried.append(number)))

    first = walk(CURSORS, "all", Slice(), among)

    assert (first.results, len(tried)) == ((), TRIED)
    assert first.next_token


def test_a_list_that_ends_with_a_full_page_ends_there() -> None:
    assert [len(page.results) for page in pages(numbers(4, lambda _n: True), 2)] == [2, 2]


def test_nothing_to_try_is_the_end() -> None:
    assert walk(CURSORS, "all", Slice(), numbers(0, lambda _n: True)) == Found((), "")


@pytest.mark.parametrize("wanted", [Slice("forged"), Slice("x" * 3000)])
def test_a_forged_token_is_refused(wanted: Slice) -> None:
    with pytest.raises(Problem) as refusal:
        walk(CURSORS, "all", wanted, numbers(9, lambda _n: True))

    assert refusal.value.code is ProblemCode.BAD_REQUEST


def test_a_token_serves_its_own_search_and_limit_only() -> None:
    among = numbers(9, lambda _n: True)
    token = walk(CURSORS, "all", Slice("", 2), among).next_token

    for scope, wanted in (("other", Slice(token)), ("all", Slice(token, 3))):
        with pytest.raises(Problem):
            walk(CURSORS, scope, wanted, among)
    assert walk(CURSORS, "all", Slice(token, 2), among).results == (3, 4)
