"""What changed between two texts, word by word."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.agreements.difference import Kind, Line, between, words

TEXTS = st.lists(st.text("가나 ab1", max_size=12), max_size=8).map("\n".join)


def said(line: Line, gone: Kind) -> str:
    """A line without its added or removed pieces."""
    return "".join(text for kind, text in line.pieces if kind is not gone)


def test_equal_texts_differ_in_nothing() -> None:
    assert between("가\n나", "가\n\n나 ") == []


def test_one_word_is_told_within_its_sentence() -> None:
    pieces = words("7일 안에 파기합니다.", "3일 안에 파기합니다.")

    assert pieces == ((Kind.REMOVED, "7일"), (Kind.ADDED, "3일"), (Kind.SAME, " 안에 파기합니다."))


def test_unchanged_paragraphs_are_counted_and_one_is_kept_on_each_side() -> None:
    old = [f"문단 {number}" for number in range(9)]
    new = [*old[:5], "새 문단", *old[5:]]

    found = between("\n".join(old), "\n".join(new))

    assert [said(line, Kind.REMOVED) for line in found] == ["문단 4", "새 문단", "문단 5"]
    assert [line.gap for line in found] == [4, 0, 0]


def test_marks_of_headings_are_not_shown() -> None:
    found = between("## 제1조\n가", "## 제1조\n나")

    assert said(found[0], Kind.REMOVED) == "제1조"


@pytest.mark.parametrize(("old", "new"), [("", "가"), ("가", "")])
def test_a_text_that_came_or_went_is_whole(old: str, new: str) -> None:
    (line,) = between(old, new)

    assert {kind for kind, _text in line.pieces} == {Kind.ADDED if new else Kind.REMOVED}


@given(TEXTS, TEXTS)
def test_both_texts_can_be_read_from_the_difference(old: str, new: str) -> None:
    found = between(old, new)
    before = [line.strip() for line in old.splitlines() if line.strip()]
    after = [line.strip() for line in new.splitlines() if line.strip()]

    changed = [line for line in found if line.changed]
    removed = [said(line, Kind.ADDED) for line in changed]
    added = [said(line, Kind.REMOVED) for line in changed]

    assert bool(changed) is (before != after)
    assert all(text in before for text in removed if text)
    assert all(text in after for text in added if text)
