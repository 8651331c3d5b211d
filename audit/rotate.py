"""Replaces the log's signing key: the entry that says so and the first checkpoint of the new key
are one transaction, so there is no moment at which both keys or neither sign."""

from __future__ import annotations

import secrets
from contextlib import suppress
from dataclasses import replace

from audit.checkpoint import Checkpoint
from audit.dbapi import Connection, Dialect
from audit.errors import LogUnavailable
from audit.event import SALT_BYTES, Event, encode
from audit.keyring import gather
from audit.log_keys import ROTATED, current_vkey, sign_handover
from audit.note import Signer
from audit.signing import sign_head
from audit.stores import Head, Prepared, StoredCheckpoint, store_for
from audit.vault import KeyVault


def rotate_key(
    connection: Connection,
    dialect: Dialect,
    *,
    vault: KeyVault,
    old: Signer,
    new: Signer,
    event: Event,
) -> StoredCheckpoint:
    """Append `event` as `log.key_rotated` and sign the first checkpoint with the new key.

    The connection is the caller's, without a transaction open, under the write lock on SQLite.
    The new key must be kept durably before. Raises LogUnavailable when `old` is not the key
    that signs now, or the log does not hold together.
    """
    store = store_for(dialect)
    sql = store.adopt(connection)
    store.begin(sql)
    try:
        head = store.locked_head(sql, None)
        if (current_vkey(sql) or str(old.verifier)) != str(old.verifier):
            raise LogUnavailable("another key signs the log by now")
        event = replace(event, action=ROTATED, detail=_detail(head, old, new, event.time_ms))
        leaf = encode(event, gather(vault, sql, event), secrets.token_bytes(SALT_BYTES))
        edge = store.load_edge(sql, head.size)
        store.append(sql, head, edge, [Prepared.of(leaf)], None)
        made = sign_head(store, sql, store.locked_head(sql, None), new, event.time_ms // 1000)
        store.commit(sql)
    except BaseException:
        with suppress(Exception):
            store.rollback(sql)
        raise
    return made


def _detail(head: Head, old: Signer, new: Signer, time_ms: int) -> dict[str, object]:
    signed = Checkpoint(head.origin, head.size, bytes(head.root))
    return {
        "old_vkey": str(old.verifier),
        "new_vkey": str(new.verifier),
        "handover": sign_handover(signed, old, new, time_ms // 1000),
    }
