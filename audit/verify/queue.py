"""Checks what waits for its number: the outbox rows and the promises beside them."""

from __future__ import annotations

import hmac

from audit import outbox
from audit.dbapi import Sql
from audit.errors import LeafMalformed
from audit.leaf import parse
from audit.vault import KeyVault
from audit.verify.findings import Findings

OUTBOX = "audit_outbox"
PROMISES = "audit_promises"
_ORPHANS = (
    "SELECT event_id FROM audit_promises WHERE event_id NOT IN "
    "(SELECT event_id FROM audit_outbox) LIMIT 100"
)
_UNPROMISED = (
    "SELECT event_id FROM audit_outbox WHERE event_id NOT IN "
    "(SELECT event_id FROM audit_promises) LIMIT 100"
)
_LOGGED = (
    "SELECT e.idx, e.event_id FROM audit_outbox o "
    "JOIN audit_entries e ON e.event_id = o.event_id LIMIT 100"
)


def check_queue(sql: Sql, vault: KeyVault | None, size: int, findings: Findings) -> None:
    """Report queued rows that were edited, added or taken away; `size` is their next index."""
    for row in sql.all("SELECT queued_ns, event_id, leaf, mac FROM audit_outbox"):
        queued_ns, event_id, leaf, mac = row
        if not _fits(str(event_id), bytes(leaf)):
            findings.add(size, OUTBOX, "leaf", f"event {event_id} is not what its leaf says")
        authentic = (queued_ns, event_id, bytes(leaf), bytes(mac))
        if vault is not None and not outbox.is_authentic(vault, authentic):
            findings.add(size, OUTBOX, "mac", f"event {event_id} was not queued by this log")
    if vault is not None:
        _check_promises(sql, vault, size, findings)
    for row in sql.all(_ORPHANS):
        findings.add(size, OUTBOX, "event_id", f"the queued event {row[0]} was taken away")
    for row in sql.all(_UNPROMISED):
        findings.add(size, PROMISES, "event_id", f"nothing promises the queued event {row[0]}")
    for index, event_id in sql.all(_LOGGED):
        findings.add(int(index), OUTBOX, "event_id", f"event {event_id} was queued a second time")


def _check_promises(sql: Sql, vault: KeyVault, size: int, findings: Findings) -> None:
    for event_id, mac in sql.all("SELECT event_id, mac FROM audit_promises"):
        if not hmac.compare_digest(bytes(mac), vault.promise_mac(str(event_id))):
            findings.add(size, PROMISES, "mac", f"event {event_id} was not promised by this log")


def _fits(event_id: str, leaf: bytes) -> bool:
    try:
        return parse(leaf).columns.event_id == event_id
    except LeafMalformed:
        return False
