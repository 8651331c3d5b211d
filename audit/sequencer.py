"""The log's front: `append` for events that must be durable now, `record` inside a transaction."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress

from audit import outbox
from audit.batcher import Batcher
from audit.clockwatch import ClockWatch, newest_ms
from audit.dbapi import Connection, Dialect, Sql
from audit.entropy import random_bytes
from audit.errors import AuditError, EventReplayed, LogUnavailable
from audit.event import SALT_BYTES, Domain, Event, sealed_parts
from audit.keyring import gather, gather_cached
from audit.log_keys import current_vkey
from audit.note import Signer
from audit.receipt import Promise, Receipt, collect
from audit.signing import sign_head
from audit.stores import Head, Prepared, StoredCheckpoint, store_for
from audit.vault import KeyRing, KeyVault

CHECKPOINT_INTERVAL_MS = 1000


def _restart(vkey: str) -> Signer:
    raise LogUnavailable(f"the log is signed by {vkey} by now: restart this process")


class Log:
    """One log of one process. Safe to share between threads and across fork.

    `connect` opens a driver connection of the log's own, usable from any thread (sqlite3:
    `check_same_thread=False`, `isolation_level=None`, WAL, synchronous=FULL). `write_lock`
    serialises writers on SQLite and does nothing on PostgreSQL. `guard` raises AssertionError
    when the calling thread holds a write transaction. `signer` carries the origin;
    `load_signer` finds the key of a verifier key after another process has rotated it.
    The thread starts with the first event, so forking before that is free.
    """

    def __init__(
        self,
        *,
        connect: Callable[[], Connection],
        write_lock: Callable[[], AbstractContextManager[object]],
        dialect: Dialect,
        vault: KeyVault,
        signer: Signer,
        clock_ms: Callable[[], int],
        guard: Callable[[], None],
        timeout_s: float = 10.0,
        load_signer: Callable[[str], Signer] = _restart,
    ) -> None:
        self.origin = signer.verifier.name
        self._connect = connect
        self._write_lock = write_lock
        self._dialect = dialect
        self._store = store_for(dialect)
        self._vault = vault
        self._signer = signer
        self._load_signer = load_signer
        self._clock_ms = clock_ms
        self._guard = guard
        self._timeout_s = timeout_s
        self._stamps = outbox.QueueClock()
        self._watch = ClockWatch()
        self._inherited: list[object] = []
        self._renew()
        itself = weakref.ref(self)
        os.register_at_fork(after_in_child=lambda: _renew_after_fork(itself))

    def _renew(self) -> None:
        self._batcher = Batcher(
            self._store, self._connect, self._write_lock, self._vault, self.origin
        )
        self._side_lock = threading.Lock()
        self._side: Sql | None = None

    def renew_after_fork(self) -> None:
        """Start afresh in a child process.

        The parent's connections are kept referenced: closing an inherited SQLite connection
        would drop the file locks that the parent holds.
        """
        self._inherited += [self._batcher, self._side]
        self._stamps = outbox.QueueClock()
        self._renew()

    def append(self, event: Event) -> int:
        """Make an event durable and return its index. Blocks; call it outside transactions.

        Raises LogUnavailable (nothing may depend on the event then), LogFenced,
        EventReplayed, EventInvalid, EventTooLarge.
        """
        self._guard()
        ring = gather_cached(self._vault, event) or self._fetch_keys(event)
        event = self._watch.check(event, self._newest_ms)
        prepared = self._prepare(event, ring)
        index = self._batcher.submit(prepared, self._timeout_s)
        collect(Promise(event.event_id, prepared.hash, event.time_ms, durable=True))
        return index

    def record(self, connection: Connection, event: Event) -> None:
        """Queue an event in the caller's open write transaction; it is numbered after commit.

        Call `kick` after the commit. On any error the caller must roll back.
        Raises LogUnavailable, LogFenced, EventReplayed, EventInvalid, EventTooLarge.
        """
        sql = Sql(connection, self._dialect)
        try:
            if self._store.known_ids(sql, [event.event_id]):
                raise EventReplayed(f"event {event.event_id} is in the log already")
            ring = gather(self._vault, sql, event)
            event = self._watch.check(event, lambda: newest_ms(sql))
            prepared = self._prepare(event, ring)
            outbox.put(sql, self._vault, self._stamps.next(), event.event_id, prepared.leaf)
            collect(Promise(event.event_id, prepared.hash, event.time_ms, durable=False))
        except AuditError:
            raise
        except Exception as error:
            if self._store.is_duplicate(error):
                raise EventReplayed(f"event {event.event_id} is queued already") from error
            raise LogUnavailable(f"the event could not be queued: {error}") from error
        self._batcher.expect()

    def kick(self) -> None:
        """Have the outbox numbered now; call it after the commit of a recorded event."""
        self._batcher.kick()

    def size(self) -> int:
        """Return how many entries the log has."""
        return self.head().size

    def root(self) -> bytes:
        """Return the root hash over all entries."""
        return self.head().root

    def head(self) -> Head:
        """Return the head. Raises LogUnavailable or LogFenced."""
        with self._side_connection() as sql:
            return self._head(sql)

    def checkpoint(self, covering: int = 0) -> StoredCheckpoint:
        """Return a signed checkpoint, stored, of at least `covering` entries.

        The newest one is reused while nothing was added, or for a second if it covers enough.
        Raises LogUnavailable, also if the log has fewer entries than `covering`.
        """
        self._guard()
        with self._side_connection() as sql:
            head = self._head(sql)
            if head.size < covering:
                raise LogUnavailable(f"the log has {head.size} entries, {covering} were asked for")
            latest = self._store.latest_checkpoint(sql)
            if latest is not None and self._still_good(latest, head, covering):
                return latest
            with self._write_transaction(sql):
                return self._sign(sql)

    def receipt(self, promise: Promise) -> str:
        """Return the signed receipt of an event that is durable. Raises LogUnavailable."""
        epoch = self._batcher.epoch or self.head().epoch
        text = Receipt(self.origin, promise.event_id, promise.leaf_hash, promise.time_ms, epoch)
        return str(self._signer.sign_plainly(str(text)))

    def durable(self, event_ids: Sequence[str]) -> set[str]:
        """Return those of the events that are in the log or wait for their number.

        Raises LogUnavailable.
        """
        with self._side_connection() as sql:
            # Queued first: between the two look-ups an event may have been numbered.
            queued = outbox.queued_ids(sql, event_ids)
            return queued | self._store.known_ids(sql, event_ids)

    def vkey(self) -> str:
        """Return the verifier key of the key that signs now. Raises LogUnavailable."""
        with self._side_connection() as sql:
            return str(self._current_signer(sql).verifier)

    def close(self) -> None:
        """Number what is pending, stop the thread and close the connections."""
        self._batcher.close()
        with self._side_lock:
            self._drop_side()

    def _prepare(self, event: Event, ring: KeyRing) -> Prepared:
        return Prepared.encode(event, ring, random_bytes(SALT_BYTES))

    def _still_good(self, latest: StoredCheckpoint, head: Head, covering: int) -> bool:
        fresh = 0 <= self._clock_ms() - latest.time_ms < CHECKPOINT_INTERVAL_MS
        reusable = fresh and latest.epoch == head.epoch and latest.size >= covering
        return latest.size == head.size or reusable

    def _sign(self, sql: Sql) -> StoredCheckpoint:
        head = self._store.locked_head(sql, None)
        self._batcher.check_epoch(head.epoch)
        latest = self._store.latest_checkpoint(sql)
        if latest is not None and latest.size == head.size:
            return latest
        seconds = self._clock_ms() // 1000
        return sign_head(self._store, sql, head, self._current_signer(sql), seconds)

    def _current_signer(self, sql: Sql) -> Signer:
        """This process's key, or the one that another process has rotated to."""
        vkey = current_vkey(sql)
        if vkey not in (None, str(self._signer.verifier)):
            self._signer = self._load_signer(str(vkey))
        return self._signer

    def _newest_ms(self) -> int:
        with self._side_connection() as sql:
            return newest_ms(sql)

    def _fetch_keys(self, event: Event) -> KeyRing:
        """Read or create the missing person keys through the log's own connection."""
        tokens = {self._vault.token(Domain.PERSON, person) for person in sealed_parts(event)}
        with self._side_connection() as sql:
            rows = {token: self._vault.load(sql, token) for token in tokens}
            missing = sorted(token for token, row in rows.items() if row is None)
            if missing:
                with self._write_transaction(sql):
                    for token in missing:
                        rows[token] = self._vault.create(sql, token, event.time_ms)
        keys = {token: row.key for token, row in rows.items() if row is not None}
        for token, key in keys.items():
            if key is not None:
                self._vault.remember(token, key)
        return KeyRing(self._vault, keys)

    def _head(self, sql: Sql) -> Head:
        head = self._store.head(sql)
        if head is None:
            with self._write_transaction(sql):
                self._store.initialise(sql, self.origin)
            head = self._store.head(sql)
        if head is None or head.origin != self.origin:
            raise LogUnavailable("the log's head row is missing or belongs to another log")
        self._batcher.check_epoch(head.epoch)
        return head

    @contextmanager
    def _side_connection(self) -> Iterator[Sql]:
        """The connection for keys and checkpoints, apart from the batcher's. Errors close it."""
        self._take_side()
        try:
            if self._side is None:
                self._side = self._store.adopt(self._connect())
            yield self._side
        except AuditError:
            raise
        except Exception as error:
            self._drop_side()
            raise LogUnavailable(f"the log's database failed: {error}") from error
        finally:
            self._side_lock.release()

    def _take_side(self) -> None:
        """Wait for the connection, and end it if whoever has it gets no answer."""
        if self._side_lock.acquire(timeout=self._timeout_s):
            return
        side = self._side
        if side is not None:
            self._store.cut(side)
        raise LogUnavailable(f"the log's database did not answer within {self._timeout_s:g} s")

    @contextmanager
    def _write_transaction(self, sql: Sql) -> Iterator[None]:
        with self._write_lock():
            self._store.begin(sql)
            try:
                yield
                self._store.commit(sql)
            except BaseException:
                with suppress(Exception):
                    self._store.rollback(sql)
                raise

    def _drop_side(self) -> None:
        side, self._side = self._side, None
        if side is not None:
            with suppress(Exception):
                side.connection.close()


def _renew_after_fork(itself: weakref.ref[Log]) -> None:
    log = itself()
    if log is not None:
        log.renew_after_fork()
