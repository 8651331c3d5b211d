"""Searching the log. Every look-up by an auditor or operator is an event of its own."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import islice
from typing import Any

from audit.event import Domain
from audit.search import Entry as Row
from audit.search import Filters
from gateway.clock import from_ms, to_ms
from gateway.identity.service_people import find_by_account
from gateway.journal import Act, Actor, Entry
from gateway.oversight.directory import Directory
from gateway.oversight.entries import Seen, see
from gateway.oversight.figures import SERIES, Values, series_of
from gateway.oversight.gaps import missing
from gateway.oversight.queries import Question, Resolved, resolve
from gateway.oversight.reading import Reading, reading
from gateway.runtime import Runtime
from gateway.web.paging import Direction, Window

CHART_DAYS = 31
# Every zone in use lies a whole number of quarter hours from UTC.
QUARTER_MS = 15 * 60 * 1000
EXPORT_PAGE = 200
# The log's indexes are 64-bit integers in both databases.
MAX_INDEX = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Desk:
    """Who reads the log, and with what."""

    runtime: Runtime
    directory: Directory
    actor: Actor


@dataclass(frozen=True, slots=True)
class Found:
    """The answer: opened rows in the order of the window, and counts by day and series."""

    rows: list[Seen]
    days: list[tuple[date, Values]]


def search(desk: Desk, question: Question, window: Window) -> Found:
    """Answer a question, and record that it was asked before anything is shown.

    Rows are up to `window.limit` + 1, in the order `Cursors.page` expects. Raises Problem 422
    for a condition that cannot be understood, LogUnavailable when asking cannot be recorded.
    """
    with reading(desk.runtime) as opened:
        resolved = understand(desk, opened, question)
        rows = [_see(desk, opened, row) for row in _rows(opened, resolved.filters, window)]
        days = _days(desk.runtime, opened, resolved.filters)
    desk.runtime.journal.append(_asked(desk, resolved, Act.LOG_SEARCHED, {"rows": len(rows)}))
    return Found(rows, days)


def take(desk: Desk, question: Question, limit: int) -> list[Seen]:
    """The newest `limit` answers to a question; recorded before any is given out."""
    with reading(desk.runtime) as opened:
        resolved = understand(desk, opened, question)
    index = desk.runtime.journal.append(_asked(desk, resolved, Act.LOG_SEARCHED, {"rows": limit}))
    return list(islice(_all(desk, resolved.filters, index), limit))


def export(desk: Desk, question: Question) -> Iterator[Seen]:
    """Every answer to a question, newest first; recorded before the first row is given out.

    Raises as `search` does. No database session stays open between pages.
    """
    with reading(desk.runtime) as opened:
        resolved = understand(desk, opened, question)
    index = desk.runtime.journal.append(_asked(desk, resolved, Act.LOG_EXPORTED, {}))
    return _all(desk, resolved.filters, index)


def entry(desk: Desk, index: int) -> tuple[Seen, Row]:
    """One entry, opened. Raises Problem 404."""
    with reading(desk.runtime) as opened:
        row = stored(opened, index)
        seen = _see(desk, opened, row)
    record_reading(desk, index)
    return seen, row


def some(desk: Desk, indexes: Sequence[int], ref: str) -> list[Seen]:
    """The entries behind something, recorded as one reading before they are shown."""
    with reading(desk.runtime) as opened:
        rows = [opened.log.get(index) for index in indexes]
        found = [_see(desk, opened, row) for row in rows if row is not None]
    detail = {"entries": len(found)}
    desk.runtime.journal.append(Entry(desk.actor, Act.LOG_ENTRY_READ, ref=ref, detail=detail))
    return found


def understand(desk: Desk, opened: Reading, question: Question) -> Resolved:
    """Find whom and when a question means; the token of somebody with an account means them.

    So a look-up by token is recorded with the person as one by account is. Raises as `resolve`.
    """
    known = _account_of(desk, opened, question.person or "")
    named = question if known is None else replace(question, person=known)
    return resolve(opened.session, named, desk.runtime.settings.zone)


def _account_of(desk: Desk, opened: Reading, token: str) -> str | None:
    """The account behind a token, as long as it is still this person's."""
    account = desk.directory.accounts(opened.session, [token]).get(token)
    person = account and find_by_account(opened.session, account)
    if not person or desk.runtime.vault.token(Domain.PERSON, str(person.id)) != token:
        return None
    return account


def record_view(desk: Desk, view: str, ref: str | None = None) -> None:
    """Record that a view which names people is looked at, before it is shown."""
    detail = {"view": view}
    desk.runtime.journal.append(Entry(desk.actor, Act.LOG_SEARCHED, ref=ref, detail=detail))


def record_reading(desk: Desk, index: int) -> None:
    """Record that an entry is read, before it is shown."""
    ref, detail = f"entry:{index}", {"index": index}
    desk.runtime.journal.append(Entry(desk.actor, Act.LOG_ENTRY_READ, ref=ref, detail=detail))


def stored(opened: Reading, index: int) -> Row:
    """The row of an index. Raises Problem 404, which says of a pruned one where it is."""
    row = opened.log.get(index) if 0 <= index <= MAX_INDEX else None
    if row is None:
        raise missing(opened.sql, index)
    return row


def own(desk: Desk, window: Window, action: str | None = None) -> list[Seen]:
    """What the reader did themselves, as `search` pages it. Data subjects need no event for it."""
    filters = Filters(actor=str(desk.actor.person_id), action=action)
    with reading(desk.runtime, desk.runtime.db) as opened:
        return [_see(desk, opened, row) for row in _rows(opened, filters, window)]


def is_own(desk: Desk, row: Row) -> bool:
    """Whether the reader is the one who acted."""
    token = desk.runtime.vault.token(Domain.PERSON, str(desk.actor.person_id))
    return row.columns.person == token


def edge_of(window: Window) -> int | None:
    """The index or sequence number that a window continues from."""
    first = window.position[0] if window.position else None
    return first if isinstance(first, int) else None


def _rows(opened: Reading, filters: Filters, window: Window) -> list[Row]:
    """The rows of a window: older ones newest first, newer ones oldest first."""
    edge = edge_of(window)
    if window.direction is Direction.PREVIOUS:
        newer = opened.log.search(filters, after=edge, limit=window.limit + 1)
        return newer[::-1]
    return opened.log.search(filters, before=edge, limit=window.limit + 1)


def _see(desk: Desk, opened: Reading, row: Row) -> Seen:
    return see(row, opened, desk.runtime.vault, desk.directory)


def _all(desk: Desk, filters: Filters, before: int) -> Iterator[Seen]:
    more = True
    while more:
        with reading(desk.runtime) as opened:
            found = opened.log.search(filters, before=before, limit=EXPORT_PAGE)
            page = [_see(desk, opened, row) for row in found]
        yield from page
        more = len(page) == EXPORT_PAGE
        before = page[-1].index if page else before


def _days(runtime: Runtime, opened: Reading, filters: Filters) -> list[tuple[date, Values]]:
    """Entries for each of at most 31 days in the gateway's zone, ending with the question's."""
    zone = runtime.settings.zone
    last = runtime.clock.now().astimezone(zone).date()
    if filters.until_ms is not None:
        last = min(last, from_ms(filters.until_ms - 1).astimezone(zone).date())
    first = last - timedelta(days=CHART_DAYS - 1)
    if filters.since_ms is not None:
        first = max(first, from_ms(filters.since_ms).astimezone(zone).date())
    begin = to_ms(datetime.combine(first, datetime.min.time(), zone))
    bounded = replace(filters, since_ms=max(begin, filters.since_ms or 0))
    counted: Counter[tuple[date, int]] = Counter()
    for bucket in opened.log.counts(bounded, QUARTER_MS):
        day = from_ms(bucket.start_ms).astimezone(zone).date()
        counted[day, series_of(bucket.outcome)] += bucket.entries
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    return [(day, tuple(counted[day, place] for place in range(len(SERIES)))) for day in days]


def _asked(desk: Desk, resolved: Resolved, act: Act, detail: Mapping[str, Any]) -> Entry:
    """The event of a question: the person it was about is a data subject handled.

    Dataset and item are not columns of this event: asking about a file is no access to it. Free
    text may name people, so it is sealed under the key of the one who asked; what names the
    person asked about is sealed under theirs, so that it is erased with them.
    """
    sought = {f"sought_{name}": value for name, value in resolved.free().items()}
    about: dict[uuid.UUID, dict[str, str]] = {}
    if resolved.person_id is not None:
        about[resolved.person_id] = {"account": sought.pop("sought_person")}
    return Entry(
        replace(desk.actor, personal={**desk.actor.personal, **sought}),
        act,
        subjects=list(about),
        detail={**resolved.plain(), **detail},
        about=about,
    )
