"""Filtered search of the log by keyset, and counts for charts.

People, organisations and items are given as plain ids and looked up by their tokens. Nothing
here writes, so a read-only connection is enough.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from audit import times
from audit.dbapi import Row, Sql
from audit.event import Domain
from audit.leaf import Columns
from audit.ocsf import Outcome
from audit.vault import KeyVault

MAX_LIMIT = 500

Condition = tuple[str, object]
Run = tuple[str, list[Condition]]
"""A source and the conditions on it, that one index serves in order."""

_COLUMNS = (
    "e.idx, e.event_id, e.time_ms, e.action, e.outcome, e.person, e.organisation, e.dataset, "
    "e.version, e.item, e.ref, e.leaf"
)
_NEXT_ACTION = "SELECT MIN(action) FROM audit_entries WHERE action > ? AND action < ?"
_ENTRIES = "audit_entries e"
_ABOUT = "audit_subjects s JOIN audit_entries e ON e.idx = s.idx"


@dataclass(frozen=True, slots=True)
class Filters:
    """What to look for; all given conditions must hold.

    `person` matches the actor and the people whose data was handled, `actor` and `subject` only
    the one or the other; `person_token` is `person` as the log names them, for somebody whose id
    is known no more. `action` matches exactly, or every action below it when it ends in a
    dot. Times are milliseconds, half-open.
    """

    person: str | None = None
    person_token: str | None = None
    actor: str | None = None
    subject: str | None = None
    organisation: str | None = None
    dataset: str | None = None
    version: str | None = None
    item: str | None = None
    action: str | None = None
    outcome: Outcome | None = None
    ref: str | None = None
    event_id: str | None = None
    since_ms: int | None = None
    until_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the log: its index, the searchable columns and the exact leaf."""

    index: int
    columns: Columns
    leaf: bytes


class Bucket(NamedTuple):
    """How many entries of an outcome fall into the bucket beginning at `start_ms`."""

    start_ms: int
    outcome: Outcome
    entries: int


class Search:
    """Look-ups over one connection; not safe to share between threads."""

    def __init__(self, sql: Sql, vault: KeyVault) -> None:
        self._sql = sql
        self._vault = vault

    def page(
        self, filters: Filters, before: int | None, after: int | None, limit: int
    ) -> list[Entry]:
        """Return at most `limit` (1 to 500) entries, newest first, by keyset."""
        count = max(1, min(limit, MAX_LIMIT))
        period = self._period(filters)
        found: dict[int, Entry] = {}
        for source, conditions in self._runs(filters):
            for entry in self._page(source, [*conditions, *period], before, after, count):
                found[entry.index] = entry
        nearest = sorted(found, reverse=after is None)[:count]
        return [found[index] for index in sorted(nearest, reverse=True)]

    def get(self, index: int) -> Entry | None:
        """Return one entry, or None."""
        row = self._sql.one(_select(_ENTRIES, "e.idx = ?"), (index,))
        return None if row is None else _entry(row)

    def counts(self, filters: Filters, bucket_ms: int, offset_ms: int = 0) -> list[Bucket]:
        """Count entries by outcome in buckets of `bucket_ms`, oldest first.

        `offset_ms` is the offset of local time from UTC, so that days begin at local midnight.
        """
        found: dict[tuple[int, str], int] = {}
        period = self._period(filters)
        for position, (source, given) in enumerate(self._sources(filters)):
            conditions = [*given, *period]
            if position:
                # The actor's own entries were counted already.
                conditions.append(("(e.person IS NULL OR e.person <> ?)", given[0][1]))
            for bucket, outcome, count in self._grouped(source, conditions, bucket_ms, offset_ms):
                key = (int(bucket) * bucket_ms - offset_ms, str(outcome))
                found[key] = found.get(key, 0) + int(count)
        return [Bucket(at, Outcome(outcome), n) for (at, outcome), n in sorted(found.items())]

    def _runs(self, filters: Filters) -> list[Run]:
        """The sources, cut into runs that an index holds in the order of the page.

        Look-up columns are indexed with the outcome before the entry's index, and actions each
        for itself: so a run has one outcome, and one action when a group of them was asked for.
        """
        runs = self._sources(filters)
        if _looks_up(filters):
            return runs if filters.outcome else _cut(runs, "e.outcome = ?", list(Outcome))
        if filters.action is not None and filters.action.endswith("."):
            return _cut(runs, "e.action = ?", self._actions_below(filters.action))
        return runs

    def _actions_below(self, prefix: str) -> list[str]:
        """The actions in the log with this prefix, by hopping from one to the next."""
        found: list[str] = []
        last, end = prefix, prefix[:-1] + "/"
        while True:
            row = self._sql.one(_NEXT_ACTION, (last, end))
            if row is None or row[0] is None:
                return found
            last = str(row[0])
            found.append(last)

    def _sources(self, filters: Filters) -> list[Run]:
        """The tables to search and their conditions: two when `person` may be either role."""
        rest = self._conditions(filters)
        token = filters.person_token
        if filters.person is not None:
            token = self._vault.token(Domain.PERSON, filters.person)
        if token is not None:
            sources = [(_ENTRIES, [("e.person = ?", token)]), (_ABOUT, [("s.person = ?", token)])]
            return [(source, [*own, *rest]) for source, own in sources]
        if filters.subject is not None:
            token = self._vault.token(Domain.PERSON, filters.subject)
            return [(_ABOUT, [("s.person = ?", token), *rest])]
        return [(_ENTRIES, rest)]

    def _conditions(self, filters: Filters) -> list[Condition]:
        def token(domain: Domain, value: str | None) -> str | None:
            return None if value is None else self._vault.token(domain, value)

        given: list[Condition] = [
            ("e.person = ?", token(Domain.PERSON, filters.actor)),
            ("e.organisation = ?", token(Domain.ORGANISATION, filters.organisation)),
            ("e.item = ?", token(Domain.ITEM, filters.item)),
            ("e.dataset = ?", filters.dataset),
            ("e.version = ?", filters.version),
            ("e.outcome = ?", filters.outcome and filters.outcome.value),
            ("e.ref = ?", filters.ref),
            ("e.event_id = ?", filters.event_id),
            *_action_conditions(filters.action),
        ]
        return [(text, value) for text, value in given if value is not None]

    def _period(self, filters: Filters) -> list[Condition]:
        """The conditions on time, with the range of entries to which they can apply."""
        conditions: list[Condition] = []
        if filters.since_ms is not None:
            conditions.append(("e.time_ms >= ?", filters.since_ms))
            conditions.append(("e.idx >= ?", times.first_since(self._sql, filters.since_ms)))
        if filters.until_ms is not None:
            conditions.append(("e.time_ms < ?", filters.until_ms))
            conditions.append(("e.idx < ?", times.end_until(self._sql, filters.until_ms)))
        return conditions

    def _page(
        self,
        source: str,
        given: Sequence[Condition],
        before: int | None,
        after: int | None,
        limit: int,
    ) -> list[Entry]:
        column = "s.idx" if source is _ABOUT else "e.idx"
        bounds = [(f"{column} < ?", before), (f"{column} > ?", after)]
        conditions = [*given, *((text, value) for text, value in bounds if value is not None)]
        where = " AND ".join(text for text, _ in conditions) or "1 = 1"
        order = "DESC" if after is None else "ASC"
        query = f"{_select(source, where)} ORDER BY {column} {order} LIMIT ?"
        return [_entry(row) for row in self._sql.all(query, [*(v for _, v in conditions), limit])]

    def _grouped(
        self,
        source: str,
        conditions: Sequence[Condition],
        bucket_ms: int,
        offset_ms: int,
    ) -> list[Row]:
        where = " AND ".join(text for text, _ in conditions) or "1 = 1"
        bucket = f"(e.time_ms + {int(offset_ms)}) / {int(bucket_ms)}"
        query = _GROUPED.format(bucket=bucket, source=source, where=where)
        return self._sql.all(query, [value for _, value in conditions])


_PAGE = "SELECT {columns} FROM {source} WHERE {where}"
_GROUPED = (
    "SELECT {bucket} AS bucket, e.outcome, COUNT(*) FROM {source} WHERE {where} "
    "GROUP BY 1, e.outcome"
)


def _select(source: str, where: str) -> str:
    return _PAGE.format(columns=_COLUMNS, source=source, where=where)


def _cut(runs: list[Run], text: str, values: Sequence[str]) -> list[Run]:
    """Repeat each run over the entries once for each value of a condition."""
    entries = [one for one in runs if one[0] == _ENTRIES]
    return [one for one in runs if one[0] != _ENTRIES] + [
        (source, [*given, (text, str(value))]) for source, given in entries for value in values
    ]


def _looks_up(filters: Filters) -> bool:
    """Tell whether a column is asked for that is indexed with the outcome."""
    people = (filters.person, filters.person_token, filters.actor)
    columns = (*people, filters.organisation, filters.dataset, filters.item)
    return any(column is not None for column in columns)


def _action_conditions(action: str | None) -> list[Condition]:
    """An exact match, or a range over every action with this prefix: '/' follows '.'."""
    if action is None or not action.endswith("."):
        return [("e.action = ?", action)]
    return [("e.action >= ?", action), ("e.action < ?", action[:-1] + "/")]


def _entry(row: Row) -> Entry:
    return Entry(int(row[0]), Columns(*row[1:11]), bytes(row[11]))
