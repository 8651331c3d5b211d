"""The worker's look at what is new in the log: counts it for charts, and applies the rules.

The position and what was found change in one transaction, so that a worker killed in the middle
looks again and nothing is counted twice; of two workers one gives way.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple, cast

from sqlalchemy import CursorResult, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

from audit import stats
from audit.errors import LeafMalformed
from audit.leaf import decode
from audit.stats import Line
from gateway.clock import to_ms
from gateway.journal import Act
from gateway.oversight.happenings import WATCHED, Days
from gateway.oversight.models import LogTally, LogWatch
from gateway.oversight.reading import Reading, reading
from gateway.oversight.service_anomalies import store
from gateway.oversight.service_reviews import open_due
from gateway.oversight.signs import Sign, signs, unfinished
from gateway.runtime import Runtime

CHUNK = 5000
# A log that was never looked at is counted from here; reviews cover every entry all the same.
FIRST_LOOK = timedelta(days=62)
HOUR_MS = 3_600_000
ACCESSES = frozenset(
    {
        Act.DOWNLOAD_AUTHORIZED, Act.DOWNLOAD_REFUSED, Act.URL_ISSUED, Act.URL_REFUSED,
        Act.MANIFEST_READ, Act.ACCESS_DECIDED, Act.ZONE_FILE_AUTHORIZED, Act.ZONE_FILE_REFUSED,
        Act.TASK_ITEM_AUTHORIZED, Act.TASK_ITEM_REFUSED,
    }
)  # fmt: skip


class Tally(NamedTuple):
    """The key of one figure of the charts."""

    hour_ms: int
    dimension: str
    value: str
    outcome: str


def look(runtime: Runtime) -> int:
    """Look at everything new; returns how many entries that were."""
    begin(runtime)
    seen = 0
    while step := _look_at_some(runtime):
        seen += step
    return seen


def look_and_open(runtime: Runtime) -> None:
    """What the worker does at intervals: the look, and then the reviews that are due."""
    look(runtime)
    open_due(runtime)


def begin(runtime: Runtime) -> None:
    """Decide where the first look begins; later calls change nothing."""
    with runtime.db.read() as session:
        if session.get(LogWatch, 1) is not None:
            return
    now = runtime.clock.now()
    with reading(runtime, runtime.db) as opened:
        start = stats.boundary(opened.sql, max(0, to_ms(now - FIRST_LOOK)))
    row = {"id": 1, "position": start, "looked_at": now}
    with runtime.db.write() as session:
        session.execute(_insert(session, LogWatch).values(row).on_conflict_do_nothing())


def tallies(lines: Iterable[Line]) -> Counter[Tally]:
    """The figures that some entries add to the charts."""
    found: Counter[Tally] = Counter()
    for line in lines:
        if line.action not in ACCESSES:
            continue
        hour = line.time_ms // HOUR_MS * HOUR_MS
        found[Tally(hour, "all", "", line.outcome)] += 1
        for dimension, value in (("dataset", line.dataset), ("organisation", line.organisation)):
            if value is not None:
                found[Tally(hour, dimension, value, line.outcome)] += 1
    return found


def _look_at_some(runtime: Runtime) -> int:
    with reading(runtime, runtime.db) as opened:
        watch = opened.session.get_one(LogWatch, 1)
        position = watch.position
        lines = stats.lines(opened.sql, position, position + CHUNK)
        if not lines:
            return 0
        end = lines[-1].idx + 1
        found = _found(runtime, opened, lines, end)
    with runtime.db.write() as session:
        if not _advance(session, runtime, position, end):
            return 0
        _count(session, tallies(lines))
        store(session, runtime, found, end)
    return len(lines)


def _found(runtime: Runtime, opened: Reading, lines: Sequence[Line], end: int) -> list[Sign]:
    days = Days(runtime, opened, end)
    touched: dict[tuple[str, date], None] = {}
    for line in lines:
        if line.person is not None and line.action in WATCHED:
            touched[(line.person, days.local(line.time_ms))] = None
    found = [sign for person, day in touched for sign in signs(days.of(person, day))]
    return found + _unfinished(opened, days, lines)


def _unfinished(opened: Reading, days: Days, lines: Sequence[Line]) -> list[Sign]:
    """Transfers declared unresolved, as signs of the person who was let through."""
    groups: dict[tuple[str | None, date], dict[int, int]] = {}
    for line in lines:
        intent = _intent(opened, line) if line.action == Act.DOWNLOAD_UNRESOLVED else None
        if intent is not None:
            behind = groups.setdefault((intent.person, days.local(intent.time_ms)), {})
            behind |= {intent.idx: intent.time_ms, line.idx: intent.time_ms}
    return [unfinished(person, day, times) for (person, day), times in groups.items()]


def _intent(opened: Reading, line: Line) -> Line | None:
    """The authorised transfer that an unresolved one names."""
    entry = opened.log.get(line.idx)
    try:
        named = decode(entry.leaf).detail.get("intent_index") if entry else None
    except LeafMalformed:
        return None  # damage is the verifier's to name
    found = stats.lines(opened.sql, named, named + 1) if isinstance(named, int) else []
    return found[0] if found else None


def _advance(session: Session, runtime: Runtime, old: int, new: int) -> bool:
    changed = session.execute(
        update(LogWatch)
        .where(LogWatch.id == 1, LogWatch.position == old)
        .values(position=new, looked_at=runtime.clock.now())
    )
    return cast(CursorResult[Any], changed).rowcount == 1


def _count(session: Session, found: Counter[Tally]) -> None:
    """Add the figures to the hours, so many rows to a statement."""
    rows = [{**key._asdict(), "entries": count} for key, count in found.items()]
    for start in range(0, len(rows), 500):
        statement = _insert(session, LogTally).values(rows[start : start + 500])
        more = {"entries": LogTally.entries + statement.excluded.entries}
        keys = ["hour_ms", "dimension", "value", "outcome"]
        session.execute(statement.on_conflict_do_update(index_elements=keys, set_=more))


def _insert(session: Session, table: type[Any]) -> Any:
    insert = sqlite_insert if session.get_bind().dialect.name == "sqlite" else postgresql_insert
    return insert(table)
