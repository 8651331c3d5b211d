"""Patterns: what they mean, what they refuse, and that none can blow up."""

from __future__ import annotations

import time
import unicodedata

import pytest

from gateway.exports import patterns
from gateway.exports.patterns import PatternInvalid, parse


@pytest.mark.parametrize(
    ("pattern", "path", "meant"),
    [
        ("a.txt", "a.txt", True),
        ("*.txt", "a.txt", True),
        ("*.txt", "b/a.txt", False),
        ("**/*.txt", "a.txt", True),
        ("**/*.txt", "x/y/a.txt", True),
        ("x/**", "x/y/z", True),
        ("x/", "x/y/z", True),
        ("x/", "xy/z", False),
        ("x/**/z", "x/z", True),
        ("x/**/z", "x/a/b/z", True),
        ("x/**/z", "x/a/b/zz", False),
        ("**/a/**/b", "1/a/2/a/3/b", True),
        ("a?.txt", "a1.txt", True),
        ("a[12].txt", "a2.txt", True),
        ("a[12].txt", "a[12].txt", True),
        ("마음/*", "마음/글.txt", True),
        ("A.TXT", "a.txt", False),
    ],
)
def test_a_pattern_means_exactly_these_paths(pattern: str, path: str, meant: bool) -> None:
    assert parse(pattern).matches(path) is meant


def test_a_pattern_typed_on_a_mac_means_the_same_file() -> None:
    assert parse(unicodedata.normalize("NFD", "마음/글.txt")).matches("마음/글.txt")


@pytest.mark.parametrize(
    "text", ["", "/", "/a", "a//b", "../a", "a/..", "a\\b", "a\x00", "x" * 2000]
)
def test_what_can_match_no_path_is_refused(text: str) -> None:
    with pytest.raises(PatternInvalid):
        parse(text)


def test_prefixes_never_overlap() -> None:
    found = [parse(text) for text in ("a/b/*", "a/*", "c/d.txt", "a/b/c.txt")]
    assert patterns.prefixes(found) == ["a/", "c/d.txt"]


def test_a_pattern_full_of_stars_takes_no_time() -> None:
    hostile = parse("/".join(["**", "*a*a*a*a*b"] * 40))
    begun = time.perf_counter()
    assert not hostile.matches("/".join(["a" * 20] * 45))
    assert time.perf_counter() - begun < 5
