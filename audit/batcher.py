"""Numbers the events of a process: group commit of its queue and the outbox by one thread.

Whoever comes alone numbers their event themselves: handing it to another thread and waiting to be
woken takes longer than all the rest but the database's own work.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress

from audit.dbapi import Connection, Sql
from audit.errors import HeadMoved, LogFenced, LogUnavailable
from audit.numbering import MAX_BATCH, Numbering, Waiter
from audit.stores import Head, Prepared, Store
from audit.vault import KeyVault

_IDLE_S = 0.25
_EXPECTING_S = 0.05
_GATHER_S = 0.005
_EXPECT_FOR_S = 2.0

_log = logging.getLogger(__name__)


class Batcher:
    """Owns a connection and the cached right edge; whoever has the turn may use them."""

    def __init__(
        self,
        store: Store,
        connect: Callable[[], Connection],
        write_lock: Callable[[], AbstractContextManager[object]],
        vault: KeyVault,
        origin: str,
    ) -> None:
        self._store = store
        self._connect = connect
        self._write_lock = write_lock
        self._numbering = Numbering(store, vault)
        self._origin = origin
        self._turn = threading.Lock()
        self._overdue_at = 0.0
        self._ready = threading.Condition()
        self._queue: deque[Waiter] = deque()
        self._awaited = 1
        self._last = 0
        self._nudged = False
        self._closing = False
        self._expect_until = 0.0
        self._thread: threading.Thread | None = None
        self._sql: Sql | None = None
        self._epoch: int | None = None
        self._fenced = False

    def submit(self, prepared: Prepared, timeout_s: float) -> int:
        """Wait until a leaf is durable and return its index. Raises LogUnavailable and kin."""
        waiter = Waiter(prepared)
        with self._ready:
            self._start()
            alone = self._is_alone() and self._turn.acquire(blocking=False)
            if not alone:
                self._queue.append(waiter)
                if len(self._queue) >= self._awaited:
                    self._ready.notify()
        if alone:
            self._number_alone(waiter, timeout_s)
        if not waiter.done.acquire(timeout=timeout_s):
            self._abandon(waiter)
            raise LogUnavailable(f"the log did not confirm the event within {timeout_s:g} s")
        if waiter.error is not None:
            raise waiter.error
        return waiter.index

    def _is_alone(self) -> bool:
        """Tell whether nobody waits, nobody came together last time, and a database that gives no
        answer can be left in time: a caller must not wait for it longer than it said."""
        silent = self._sql is None or not self._store.cut_wakes
        return not silent and self._last <= 1 and not self._queue and not self._nudged

    def _number_alone(self, waiter: Waiter, timeout_s: float) -> None:
        """Number one event in its caller's own thread; the caller has taken the turn."""
        try:
            self._overdue_at = time.monotonic() + timeout_s
            self._attend([waiter])
        finally:
            self._overdue_at = 0.0
            self._turn.release()

    def _abandon(self, waiter: Waiter) -> None:
        """Give up an event, and a connection that no longer answers: its thread waits for it."""
        with self._ready:
            waiter.abandoned = True
            if waiter in self._queue:
                self._queue.remove(waiter)
            sql = self._sql
        if sql is not None:
            self._store.cut(sql)

    def expect(self) -> None:
        """Poll the outbox often for a while: a row was written but not committed yet."""
        with self._ready:
            self._start()
            self._expect_until = time.monotonic() + _EXPECT_FOR_S
            self._ready.notify()

    def kick(self) -> None:
        """Look at the outbox now."""
        with self._ready:
            self._start()
            self._nudged = True
            self._ready.notify()

    @property
    def epoch(self) -> int | None:
        """The epoch that this process works in, None before it has seen the head."""
        return self._epoch

    def check_epoch(self, epoch: int) -> None:
        """Remember the first epoch this process sees. Raises LogFenced on any other."""
        if self._epoch is None:
            self._epoch = epoch
        elif epoch != self._epoch:
            self._fenced = True
            raise LogFenced(f"the log is in epoch {epoch}, this process in {self._epoch}: restart")

    def close(self) -> None:
        """Number what is queued and in the outbox, then stop the thread and its connection."""
        with self._ready:
            self._closing = True
            self._nudged = True
            thread = self._thread
            self._ready.notify()
        if thread is not None:
            thread.join()

    def _start(self) -> None:
        """Refuse or make sure that the thread runs; the caller holds the condition."""
        if self._fenced:
            raise LogFenced("the log moved to a new epoch: restart this process")
        if self._closing:
            raise LogUnavailable("the log is closed in this process")
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="audit-batcher", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while not self._finished():
            batch = self._take()
            self._await_turn()
            try:
                self._attend(batch)
            finally:
                self._turn.release()
        self._await_turn()
        self._drop_connection()

    def _await_turn(self) -> None:
        """Take the turn; end the connection of a lone caller who gets no answer from it."""
        while not self._turn.acquire(timeout=_IDLE_S):
            sql, overdue_at = self._sql, self._overdue_at
            if sql is not None and 0.0 < overdue_at < time.monotonic():
                self._store.cut(sql)

    def _attend(self, batch: list[Waiter]) -> None:
        """Number a batch. Whatever goes wrong, its waiters are told."""
        try:
            self._cycle(batch)
        except Exception as error:
            self._fail(batch, error)

    def _finished(self) -> bool:
        with self._ready:
            return self._closing and not self._nudged and not self._queue

    def _take(self) -> list[Waiter]:
        with self._ready:
            if not self._queue and not self._nudged:
                expecting = time.monotonic() < self._expect_until
                self._ready.wait(_EXPECTING_S if expecting else _IDLE_S)
            self._gather()
            self._nudged = False
            count = min(len(self._queue), MAX_BATCH)
            taken = [self._queue.popleft() for _ in range(count)]
            self._last = count
        return [waiter for waiter in taken if not waiter.abandoned]

    def _gather(self) -> None:
        """Let those whom the last batch released come back, so that a batch serves them all.

        Whoever comes alone does not wait: then the last batch was of one.
        """
        if 0 < len(self._queue) < self._last and not self._nudged:
            self._awaited = self._last
            self._ready.wait(_GATHER_S)
            self._awaited = 1

    def _cycle(self, batch: list[Waiter]) -> None:
        if self._fenced:
            raise LogFenced("the log moved to a new epoch: restart this process")
        sql = self._connection()
        if not batch and not self._numbering.waits(sql):
            return
        with self._write_lock():
            more = self._number(sql, batch)
        if more:
            self._nudged = True
        for waiter in batch:
            waiter.done.release()

    def _number(self, sql: Sql, batch: list[Waiter]) -> bool:
        """Number a batch, once more with care if it met another gateway or a known event."""
        try:
            return self._numbering.number(sql, self._epoch, batch, careful=False)
        except HeadMoved:
            self._numbering.forget()
        except Exception as error:
            if not self._store.is_duplicate(error):
                raise
            self._drop_connection()
        self._numbering.hold()
        return self._numbering.number(self._connection(), self._epoch, batch, careful=True)

    def _connection(self) -> Sql:
        if self._sql is None:
            sql = self._store.adopt(self._connect())
            self._sql = sql
            head = self._store.head(sql) or self._found(sql)
            if head.origin != self._origin:
                raise LogUnavailable(f"this database holds the log {head.origin}")
            self.check_epoch(head.epoch)
        return self._sql

    def _found(self, sql: Sql) -> Head:
        """Write the head of a new log."""
        with self._write_lock():
            self._store.begin(sql)
            self._store.initialise(sql, self._origin)
            self._store.commit(sql)
        return self._store.locked_head(sql, None)

    def _drop_connection(self) -> None:
        sql, self._sql = self._sql, None
        self._numbering.forget()
        if sql is not None:
            with suppress(Exception):
                sql.connection.close()

    def _fail(self, batch: Sequence[Waiter], error: Exception) -> None:
        """Tell every waiter, and begin afresh with a new connection and a reloaded edge."""
        self._fenced = self._fenced or isinstance(error, LogFenced)
        self._drop_connection()
        _log.warning("the audit log could not number events: %s", error)
        kind = LogFenced if self._fenced else LogUnavailable
        for waiter in batch:
            if waiter.error is None:
                waiter.error = kind(f"the event was not made durable: {error}")
                waiter.error.__cause__ = error
            waiter.done.release()
