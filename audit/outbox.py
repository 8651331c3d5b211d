"""The outbox: events written in a caller's transaction, waiting for their number.

Each row carries a MAC, and a promise row stands beside it, so that an edited, inserted or
deleted outbox row shows before it is numbered.
"""

from __future__ import annotations

import hmac
import threading
import time
from collections.abc import Collection, Sequence
from typing import NamedTuple

from audit.dbapi import Sql, places
from audit.errors import LeafMalformed
from audit.stores import Prepared
from audit.vault import KeyVault

_INSERT = "INSERT INTO audit_outbox (queued_ns, event_id, leaf, mac) VALUES (?, ?, ?, ?)"
_PROMISE = "INSERT INTO audit_promises (event_id, mac) VALUES (?, ?)"
_QUEUED = "SELECT event_id FROM audit_outbox WHERE event_id IN ({})"
_KEYS = "SELECT queued_ns, event_id FROM audit_outbox ORDER BY queued_ns, event_id LIMIT ?"
_ROWS = (
    "SELECT queued_ns, event_id, leaf, mac FROM audit_outbox ORDER BY queued_ns, event_id LIMIT ?"
)


class Pending(NamedTuple):
    """An authentic outbox row, ready to be numbered."""

    queued_ns: int
    event_id: str
    prepared: Prepared


class QueueClock:
    """Nanosecond stamps that never repeat or go back within a process."""

    def __init__(self) -> None:
        self._last = 0
        self._lock = threading.Lock()

    def next(self) -> int:
        """Return the next stamp."""
        with self._lock:
            self._last = max(self._last + 1, time.time_ns())
            return self._last


def put(sql: Sql, vault: KeyVault, queued_ns: int, event_id: str, leaf: bytes) -> None:
    """Queue a leaf in the caller's transaction."""
    sql.run(_INSERT, (queued_ns, event_id, leaf, vault.outbox_mac(queued_ns, event_id, leaf)))
    sql.run(_PROMISE, (event_id, vault.promise_mac(event_id)))


def is_authentic(vault: KeyVault, row: Sequence[object]) -> bool:
    """Tell whether (queued_ns, event_id, leaf, mac) is as this log wrote it."""
    queued_ns, event_id, leaf, mac = row
    if not isinstance(leaf, bytes) or not isinstance(mac, bytes):
        return False
    return hmac.compare_digest(mac, vault.outbox_mac(int(str(queued_ns)), str(event_id), leaf))


def waiting(sql: Sql, refused: Collection[tuple[int, str]]) -> bool:
    """Tell, without any lock, whether rows wait that were not refused before."""
    return any(tuple(row) not in refused for row in sql.all(_KEYS, (len(refused) + 1,)))


def take(sql: Sql, vault: KeyVault, refused: set[tuple[int, str]], limit: int) -> list[Pending]:
    """Return the oldest authentic rows; others stay for the verifier to find and are noted."""
    found: list[Pending] = []
    for row in sql.all(_ROWS, (limit + len(refused),)):
        key = (int(row[0]), str(row[1]))
        pending = None if key in refused else _open(vault, row)
        if pending is not None:
            found.append(pending)
        else:
            refused.add(key)
    return found[:limit]


def _open(vault: KeyVault, row: Sequence[object]) -> Pending | None:
    queued_ns, event_id, leaf, _ = row
    if not is_authentic(vault, row) or not isinstance(leaf, bytes):
        return None
    try:
        return Pending(int(str(queued_ns)), str(event_id), Prepared.of(leaf))
    except LeafMalformed:
        return None


def queued_ids(sql: Sql, event_ids: Sequence[str]) -> set[str]:
    """Return those of the event ids that wait for their number."""
    if not event_ids:
        return set()
    rows = sql.all(_QUEUED.format(places(len(event_ids))), event_ids)
    return {str(row[0]) for row in rows}


def remove(sql: Sql, rows: Sequence[Pending]) -> None:
    """Delete numbered rows and their promises, in the transaction that numbered them."""
    sql.run_many(
        "DELETE FROM audit_outbox WHERE queued_ns = ? AND event_id = ?",
        [(row.queued_ns, row.event_id) for row in rows],
    )
    sql.run_many("DELETE FROM audit_promises WHERE event_id = ?", [(r.event_id,) for r in rows])
