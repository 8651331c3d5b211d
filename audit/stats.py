"""Reads the searchable columns in bulk: where a period begins, what happened, how often.

Nothing here opens a leaf. The columns are a projection that `audit.verify` compares with the
leaves, so figures made from them are as trustworthy as the last verification.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from audit import times
from audit.dbapi import Sql, places

_FIRST = "SELECT idx FROM audit_entries WHERE idx >= ? AND time_ms >= ? ORDER BY idx LIMIT 1"
_ROWS = (
    "SELECT idx, time_ms, action, outcome, person, organisation, dataset, item, ref "
    "FROM audit_entries WHERE idx >= ? AND idx < ? ORDER BY idx"
)
# An index on what is joined to an empty text cannot be taken: the other one is far narrower.
_OF_PERSON = (
    "SELECT idx, leaf FROM audit_entries WHERE person = ? AND outcome = ? AND idx >= ? "
    "AND idx < ? AND action || '' IN ({}) ORDER BY idx DESC LIMIT ?"
)
_OF_ACTION = (
    "SELECT idx, leaf FROM audit_entries WHERE action = ? AND idx >= ? AND idx < ? ORDER BY idx"
)
# The action is no condition here: the index on it would be taken instead of the person's.
_PACE = (
    "SELECT time_ms / ?, action, COUNT(*) FROM audit_entries WHERE person = ? AND outcome = ? "
    "AND idx >= ? AND idx < ? GROUP BY 1, action"
)
_GROUPS = (
    "SELECT ref, person, dataset, COUNT(*), MIN(idx), MAX(idx) FROM audit_entries "
    "WHERE action = ? AND idx >= ? AND idx < ? GROUP BY ref, person, dataset"
)
_TOTALS = (
    "SELECT action, outcome, COUNT(*) FROM audit_entries WHERE idx >= ? AND idx < ? "
    "GROUP BY action, outcome ORDER BY action, outcome"
)
_TOUCHED = (
    "SELECT person, action, outcome, COUNT(*), MIN(time_ms), MAX(time_ms) FROM audit_entries "
    "WHERE item = ? AND dataset || '' = ? GROUP BY person, action, outcome"
)
_DID = (
    "SELECT dataset, action, outcome, COUNT(*), MIN(time_ms), MAX(time_ms) FROM audit_entries "
    "WHERE person = ? AND outcome = ? AND idx >= ? AND idx < ? AND time_ms >= ? AND time_ms < ? "
    "GROUP BY dataset, action, outcome"
)


class Line(NamedTuple):
    """The searchable columns of one entry."""

    idx: int
    time_ms: int
    action: str
    outcome: str
    person: str | None
    organisation: str | None
    dataset: str | None
    item: str | None
    ref: str | None


class Group(NamedTuple):
    """Entries of one action with the same reference, person and dataset."""

    ref: str | None
    person: str | None
    dataset: str | None
    entries: int
    first: int
    last: int


class Use(NamedTuple):
    """How often something was done; `about` is a person's token or a dataset's slug."""

    about: str | None
    action: str
    outcome: str
    entries: int
    first_ms: int
    last_ms: int


def boundary(sql: Sql, time_ms: int) -> int:
    """Return the index of the first entry of `time_ms` or later, or the size of the log."""
    row = sql.one(_FIRST, (times.first_since(sql, time_ms), time_ms))
    return size(sql) if row is None else int(row[0])


def ending(sql: Sql, until_ms: int) -> int:
    """Return an index from which on no entry is earlier, however clocks went."""
    return min(times.end_until(sql, until_ms), size(sql))


def size(sql: Sql) -> int:
    """Return the number of entries."""
    row = sql.one("SELECT size FROM audit_head WHERE id = 1")
    return 0 if row is None else int(row[0])


def lines(sql: Sql, first: int, end: int) -> list[Line]:
    """Return the columns of the entries first ≤ index < end, in order."""
    return [Line(*row) for row in sql.all(_ROWS, (first, end))]


def of_person(
    sql: Sql,
    person: str,
    span: tuple[int, int],
    *,
    outcomes: Sequence[str],
    actions: Sequence[str],
    limit: int,
) -> list[tuple[int, bytes]]:
    """Return (index, leaf) of a person's newest `limit` entries for each outcome, in order."""
    query = _OF_PERSON.format(places(len(actions)))
    found = [
        (int(index), bytes(leaf))
        for outcome in outcomes
        for index, leaf in sql.all(query, (person, outcome, *span, *actions, limit))
    ]
    return sorted(found)


def of_action(sql: Sql, action: str, first: int, end: int) -> list[tuple[int, bytes]]:
    """Return (index, leaf) of the entries of one action in a range, in order."""
    return [(int(index), bytes(leaf)) for index, leaf in sql.all(_OF_ACTION, (action, first, end))]


def pace(
    sql: Sql, person: str, span: tuple[int, int], *, outcome: str, action: str, step_ms: int
) -> dict[int, int]:
    """Return how often a person did something, by the start in milliseconds of each step."""
    rows = sql.all(_PACE, (step_ms, person, outcome, *span))
    return {int(step) * step_ms: int(count) for step, known, count in rows if known == action}


def groups(sql: Sql, action: str, first: int, end: int) -> list[Group]:
    """Return the entries of one action in a range by reference, person and dataset."""
    return [Group(*row) for row in sql.all(_GROUPS, (action, first, end))]


def totals(sql: Sql, first: int, end: int) -> list[tuple[str, str, int]]:
    """Return (action, outcome, entries) of a range, in order."""
    return [(str(a), str(o), int(n)) for a, o, n in sql.all(_TOTALS, (first, end))]


def touched(sql: Sql, item: str, dataset: str) -> list[Use]:
    """Return who did what with an item, whose token is given."""
    return [Use(*row) for row in sql.all(_TOUCHED, (item, dataset))]


def did(sql: Sql, person: str, outcomes: Sequence[str], since_ms: int, until_ms: int) -> list[Use]:
    """Return what a person did with each dataset in a period."""
    span = (times.first_since(sql, since_ms), times.end_until(sql, until_ms))
    return [
        Use(*row)
        for outcome in outcomes
        for row in sql.all(_DID, (person, outcome, *span, since_ms, until_ms))
    ]
