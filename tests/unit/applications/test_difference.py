"""What a resubmission changed, line by line, in bounded time."""

from __future__ import annotations

from gateway.applications.service_revisions import (
    MAX_COMPARED,
    Change,
    Line,
    Part,
    difference,
)

LONGEST_PLAN = 20_000


def plans(old: str, new: str) -> Change:
    """The change of a plan, which is the only one."""
    (change,) = difference({"plan": old, "title": "t"}, {"plan": new, "title": "t"})
    assert change.part is Part.PLAN
    return change


def test_lines_that_stay_are_told_from_lines_that_change() -> None:
    change = plans("first\nsecond\nthird", "first\nother\nthird\nfourth")

    assert list(change.lines) == [
        (Line.SAME, "first"),
        (Line.REMOVED, "second"),
        (Line.ADDED, "other"),
        (Line.SAME, "third"),
        (Line.ADDED, "fourth"),
    ]


def test_lists_are_compared_one_by_one() -> None:
    (change,) = difference({"team": ["kim", "lee"]}, {"team": ["lee", "park"]})

    assert list(change.lines) == [
        (Line.REMOVED, "kim"),
        (Line.SAME, "lee"),
        (Line.ADDED, "park"),
    ]


def test_the_longest_plans_of_similar_lines_are_compared() -> None:
    count = MAX_COMPARED
    width = LONGEST_PLAN // count - 1
    old = [f"{place:04}a".ljust(width, "x") for place in range(count)]
    new = [f"{place:04}b".ljust(width, "x") for place in range(count)]

    change = plans("\n".join(old), "\n".join(new))

    assert [line for kind, line in change.lines if kind is Line.REMOVED] == old
    assert [line for kind, line in change.lines if kind is Line.ADDED] == new


def test_a_plan_of_very_many_equal_lines_is_shown_old_and_new_as_a_whole() -> None:
    old, new = "x\n" * (LONGEST_PLAN // 2), "x\n" * (LONGEST_PLAN // 2 - 1)

    kinds = [kind for kind, _line in plans(old, new).lines]

    assert kinds == [Line.REMOVED] * (LONGEST_PLAN // 2) + [Line.ADDED] * (LONGEST_PLAN // 2 - 1)
