"""Authorised transfers of which nobody has said how they ended.

`download.authorized` is durable before the first byte, `download.completed` follows the last or
the broken connection. A process that was killed in between leaves an intent without an outcome:
after a grace time that is said in the log too, as `download.unresolved`. Whatever bytes such a
transfer may have sent, its intent says which ones they can have been at most.
"""

from __future__ import annotations

import heapq
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from prometheus_client import Counter
from sqlalchemy import select, update

from audit.dbapi import Dialect, Sql
from audit.errors import EventReplayed
from audit.leaf import decode
from audit.ocsf import Outcome
from audit.reader import LogReader
from audit.search import Entry as Row
from audit.search import Filters
from audit.stores import store_for
from gateway.clock import from_ms
from gateway.delivery import pairs
from gateway.delivery.models import Reconciliation
from gateway.journal import Act, Actor, Entry
from gateway.observability.metrics import REGISTRY
from gateway.runtime import Runtime

UNRESOLVED = Counter(
    "sumun_transfers_unresolved", "Transfers whose outcome nobody reported", registry=REGISTRY
)
# The longest transfer that is left alone while it may still be under way.
GRACE = timedelta(hours=6)
INTERVAL_SECONDS = 300.0
PAGE = 500
# What leaves the gateway, what is read inside a safe zone, and what a crowd worker works on.
INTENTS = (Act.DOWNLOAD_AUTHORIZED, Act.ZONE_FILE_AUTHORIZED, Act.TASK_ITEM_AUTHORIZED)


@dataclass(frozen=True, slots=True)
class Intent:
    """An authorised transfer: `length` bytes from `first`, promised with `status`."""

    index: int
    event_id: uuid.UUID
    at: datetime
    dataset: str | None
    version: str | None
    ref: str | None
    status: int
    first: int
    length: int


@dataclass(frozen=True, slots=True)
class Settled:
    """What one pass found without an outcome: declared `unresolved` now, or still `waiting`."""

    unresolved: tuple[Intent, ...]
    waiting: tuple[Intent, ...]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One read-only session on the log."""

    reader: LogReader
    sql: Sql

    def intent(self, event_id: uuid.UUID) -> Intent | None:
        """The authorised transfer with this id, or None. Raises LeafMalformed."""
        found = self.reader.search(Filters(event_id=str(event_id)), limit=1)
        known = [row for row in found if row.columns.action in INTENTS]
        return _intent(known[0]) if known else None

    def known(self, *event_ids: uuid.UUID) -> set[str]:
        """Those of the ids that are in the log."""
        return store_for(self.sql.dialect).known_ids(self.sql, [str(one) for one in event_ids])


@contextmanager
def snapshot(runtime: Runtime) -> Iterator[Snapshot]:
    """The log, through a session that cannot write."""
    with runtime.db.read() as session:
        connection = session.connection().connection.dbapi_connection
        assert connection is not None, "the session has lost its connection"
        dialect = Dialect(runtime.db.dialect)
        reader = LogReader(connection, dialect, runtime.vault)
        yield Snapshot(reader, Sql(connection, dialect))


def without_outcome(runtime: Runtime, begin: int) -> Iterator[Intent]:
    """Transfers from index `begin` on without any outcome, oldest first.

    No session stays open between pages. Raises audit.errors.LeafMalformed for a damaged entry.
    """
    each = (_of(runtime, act, begin) for act in INTENTS)
    yield from heapq.merge(*each, key=lambda intent: intent.index)


def _of(runtime: Runtime, act: Act, begin: int) -> Iterator[Intent]:
    after: int | None = begin - 1
    while after is not None:
        found, after = _page(runtime, act, after)
        yield from found


def settle(runtime: Runtime, actor: Actor, begin: int, grace: timedelta = GRACE) -> Settled:
    """Declare every transfer from `begin` on unresolved whose outcome is missing after `grace`.

    Raises audit.errors.LogUnavailable, LeafMalformed. Doing it twice, or at once, changes nothing.
    """
    late, waiting = [], []
    for intent in without_outcome(runtime, begin):
        if _may_be_under_way(runtime, intent, grace):
            waiting.append(intent)
        else:
            _declare(runtime, actor, intent)
            late.append(intent)
    return Settled(tuple(late), tuple(waiting))


def sweep(runtime: Runtime) -> Settled:
    """What the worker does at intervals: settle up to the first transfer that may be under way.

    The next pass begins there, so an entry is looked at about once however many follow it.
    """
    size = runtime.journal.log.size()
    late: list[Intent] = []
    for intent in without_outcome(runtime, position(runtime).next_index):
        if _may_be_under_way(runtime, intent, GRACE):
            _move(runtime, intent.index)
            return Settled(tuple(late), (intent,))
        _declare(runtime, Actor.system(), intent)
        late.append(intent)
    _move(runtime, size)
    return Settled(tuple(late), ())


def _may_be_under_way(runtime: Runtime, intent: Intent, grace: timedelta) -> bool:
    """An intent of the future does not count: the clock has gone back since."""
    now = runtime.clock.now()
    return now - grace < intent.at <= now


def position(runtime: Runtime) -> Reconciliation:
    """How far the passes have come."""
    with runtime.db.read() as session:
        return session.scalars(select(Reconciliation)).one()


def _move(runtime: Runtime, next_index: int) -> None:
    with runtime.db.write() as session:
        session.execute(
            update(Reconciliation).values(next_index=next_index, at=runtime.clock.now())
        )


def _page(runtime: Runtime, act: Act, after: int) -> tuple[list[Intent], int | None]:
    """The unresolved of one page of intents, and the index of its last row, None at the end."""
    with snapshot(runtime) as opened:
        wanted = Filters(action=act, outcome=Outcome.SUCCESS)
        rows = opened.reader.search(wanted, after=after, limit=PAGE)[::-1]
        intents = [intent for intent in map(_intent, rows) if intent is not None]
        closing = [closes for intent in intents for closes in _closed_by(intent)]
        known = opened.known(*closing)
    left = [i for i in intents if not any(str(closes) in known for closes in _closed_by(i))]
    return left, rows[-1].index if len(rows) == PAGE else None


def _closed_by(intent: Intent) -> tuple[uuid.UUID, uuid.UUID]:
    return pairs.outcome_id(intent.event_id), pairs.unresolved_id(intent.event_id)


def _intent(row: Row) -> Intent | None:
    """The intent of a row; None when it promised no byte (HEAD, 304, 412, 416, an empty file)."""
    detail = decode(row.leaf).detail
    if not detail.get("length"):
        return None
    columns = row.columns
    return Intent(
        row.index,
        uuid.UUID(columns.event_id),
        from_ms(columns.time_ms),
        columns.dataset,
        columns.version,
        columns.ref,
        int(detail["status"]),
        int(detail["first"]),
        int(detail["length"]),
    )


def _declare(runtime: Runtime, actor: Actor, intent: Intent) -> None:
    entry = Entry(
        actor,
        Act.DOWNLOAD_UNRESOLVED,
        Outcome.FAILURE,
        dataset=intent.dataset,
        version=intent.version,
        ref=intent.ref,
        reason="no_outcome",
        detail={
            "intent": str(intent.event_id),
            "intent_index": intent.index,
            "first": intent.first,
            "length": intent.length,
        },
        event_id=pairs.unresolved_id(intent.event_id),
    )
    # Another worker may say so at this moment.
    with suppress(EventReplayed):
        runtime.journal.append(entry)
        UNRESOLVED.inc()
