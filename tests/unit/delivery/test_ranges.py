"""Conditions and ranges, as RFC 9110 has them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.delivery import ranges

DIGEST = "ab" * 32
TAG = f'"{DIGEST}"'
SIZE = 100


def answer(method: str = "GET", size: int = SIZE, **headers: str) -> tuple[int, int, int]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    plan = ranges.plan(method, named, DIGEST, size)
    return int(plan.status), plan.start, plan.length


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-0", (206, 0, 1)),
        ("bytes=10-19", (206, 10, 10)),
        ("bytes=90-", (206, 90, 10)),
        ("bytes=90-1000", (206, 90, 10)),
        ("bytes=-10", (206, 90, 10)),
        ("bytes=-1000", (206, 0, 100)),
        ("Bytes=0-1", (206, 0, 2)),
        ("bytes=99-99", (206, 99, 1)),
        ("bytes=100-", (416, 0, 0)),
        ("bytes=100-200", (416, 0, 0)),
        ("bytes=-0", (416, 0, 0)),
        ("bytes=5-4", (200, 0, 100)),
        ("bytes=-", (200, 0, 100)),
        ("bytes=0-1,5-6", (200, 0, 100)),
        ("items=0-1", (200, 0, 100)),
        ("bytes=a-b", (200, 0, 100)),
        ("bytes=٠-١", (200, 0, 100)),
        ("bytes=0x1-2", (200, 0, 100)),
        ("bytes=+1-2", (200, 0, 100)),
        ("bytes=" + "9" * 30 + "-", (200, 0, 100)),
        ("", (200, 0, 100)),
    ],
)
def test_a_range(header: str, expected: tuple[int, int, int]) -> None:
    assert answer(Range=header) == expected


def test_a_range_of_nothing_cannot_be_satisfied() -> None:
    assert answer(size=0, Range="bytes=0-") == (416, 0, 0)
    assert answer(size=0) == (200, 0, 0)


def test_if_range_resumes_only_the_same_bytes() -> None:
    assert answer(Range="bytes=50-", If_Range=TAG) == (206, 50, 50)
    for other in ('"other"', f"W/{TAG}", "Mon, 23 Nov 2026 00:00:00 GMT", ""):
        assert answer(Range="bytes=50-", If_Range=other) == (200, 0, 100)


def test_if_match_demands_the_strong_tag() -> None:
    assert answer(If_Match=TAG)[0] == 200
    assert answer(If_Match=f'"other", {TAG}')[0] == 200
    assert answer(If_Match="*")[0] == 200
    for other in ('"other"', f"W/{TAG}", DIGEST, ""):
        assert answer(If_Match=other)[0] == 412


def test_if_none_match_saves_the_bytes() -> None:
    for known in (TAG, f"W/{TAG}", f'"x", {TAG}', "*"):
        assert answer(If_None_Match=known) == (304, 0, 0)
    assert answer(If_None_Match='"other"')[0] == 200


def test_a_head_request_has_no_bytes() -> None:
    assert answer("HEAD") == (200, 0, 0)
    assert answer("HEAD", Range="bytes=0-1") == (200, 0, 0)


@given(st.text(max_size=30), st.integers(0, 2**62))
def test_no_header_leads_outside_the_object(header: str, size: int) -> None:
    for text in (header, "bytes=" + header):
        _status, start, length = answer(size=size, Range=text)
        assert 0 <= start <= start + length <= size
