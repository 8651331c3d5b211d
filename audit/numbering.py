"""One batch, one transaction: gives queued events and the outbox their numbers."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from contextlib import suppress

from audit import outbox
from audit.dbapi import Sql
from audit.edge import Edge
from audit.errors import AuditError, EventReplayed
from audit.outbox import Pending
from audit.stores import Head, Prepared, Store
from audit.vault import KeyVault

MAX_BATCH = 1024
_LOCK_FOR_S = 1.0


class Waiter:
    """One caller of `append`, blocked until its event is durable or refused."""

    __slots__ = ("abandoned", "done", "error", "index", "prepared")

    def __init__(self, prepared: Prepared) -> None:
        self.prepared = prepared
        self.index = -1
        self.error: AuditError | None = None
        self.abandoned = False
        # A bare lock wakes a thread in a third of the time that an Event takes.
        self.done = threading.Lock()
        self.done.acquire()


class Numbering:
    """Keeps the tree's right edge between transactions. Used by whoever has the batcher's turn."""

    def __init__(self, store: Store, vault: KeyVault) -> None:
        self._store = store
        self._vault = vault
        self._edge: Edge | None = None
        self._more = False
        self._lock_until = 0.0
        self._refused: set[tuple[int, str]] = set()

    def waits(self, sql: Sql) -> bool:
        """Tell, without any lock, whether outbox rows are there to be numbered."""
        return outbox.waiting(sql, self._refused)

    def forget(self) -> None:
        """Read the edge again next time: the connection is gone, or somebody else has moved on."""
        self._edge = None

    def hold(self) -> None:
        """Lock the head for a while: another gateway writes too, and was quicker."""
        self._lock_until = time.monotonic() + _LOCK_FOR_S

    def number(
        self, sql: Sql, epoch: int | None, batch: Sequence[Waiter], *, careful: bool
    ) -> bool:
        """Make a batch durable; tell whether outbox rows are left.

        Two rare things are left to the database to find: an event that is in the log already,
        and another gateway that was quicker. The batch is then to be repeated with care.
        Raises HeadMoved, LogFenced, LogUnavailable, and the driver's error of a duplicate.
        """
        edge = None if careful or time.monotonic() < self._lock_until else self._edge
        try:
            if edge is None or epoch is None or self._more or not batch:
                self._more = self._together(sql, epoch, batch, careful)
            else:
                self._more = self._alone(sql, edge, epoch, batch)
        except BaseException:
            with suppress(Exception):
                self._store.rollback(sql)
            raise
        return self._more

    def _alone(self, sql: Sql, edge: Edge, epoch: int, batch: Sequence[Waiter]) -> bool:
        """Number a batch after the edge as it is known, in the fewest words with the database."""
        rows = [waiter.prepared for waiter in batch]
        self._edge, more = self._store.append_alone(sql, edge, epoch, rows)
        _tell(batch, edge.size)
        return more

    def _together(
        self, sql: Sql, epoch: int | None, batch: Sequence[Waiter], careful: bool
    ) -> bool:
        """Number the outbox's rows and a batch after the head as it stands, locking it."""
        head, queued = self._store.begin_batch(sql, epoch)
        taken = outbox.take(sql, self._vault, self._refused, MAX_BATCH) if queued else []
        pending, callers = self._fresh(sql, taken, batch) if careful else (taken, batch)
        grown = self._append(sql, head, self._edge_at(sql, head), pending, callers)
        self._store.commit(sql)
        self._edge = grown
        return len(taken) == MAX_BATCH

    def _edge_at(self, sql: Sql, head: Head) -> Edge:
        """The right edge at the head, read again if somebody else has moved on."""
        if self._edge is not None and self._edge.size == head.size:
            return self._edge
        return self._store.load_edge(sql, head.size)

    def _append(
        self,
        sql: Sql,
        head: Head,
        edge: Edge,
        pending: Sequence[Pending],
        batch: Sequence[Waiter],
    ) -> Edge:
        rows = [row.prepared for row in pending] + [waiter.prepared for waiter in batch]
        if not rows:
            return edge
        grown = self._store.append(sql, head, edge, rows, None)
        outbox.remove(sql, pending)
        _tell(batch, head.size + len(pending))
        return grown

    def _fresh(
        self, sql: Sql, pending: Sequence[Pending], batch: Sequence[Waiter]
    ) -> tuple[list[Pending], list[Waiter]]:
        """Sort out events whose id is in the log, or twice in this batch."""
        ids = [row.event_id for row in pending]
        ids += [waiter.prepared.columns.event_id for waiter in batch]
        known = self._store.known_ids(sql, ids)
        rows, waiters = [], []
        for row in pending:
            if row.event_id in known:
                self._refused.add((row.queued_ns, row.event_id))
            else:
                known.add(row.event_id)
                rows.append(row)
        for waiter in batch:
            event_id = waiter.prepared.columns.event_id
            if event_id in known:
                waiter.error = EventReplayed(f"event {event_id} is in the log already")
            else:
                known.add(event_id)
                waiters.append(waiter)
        return rows, waiters


def _tell(batch: Sequence[Waiter], start: int) -> None:
    for index, waiter in enumerate(batch, start=start):
        waiter.index = index
