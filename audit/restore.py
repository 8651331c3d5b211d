"""Turns a restored backup into a new epoch of the same log.

To a witness a restored backup looks like a rollback. The `log.restored` entry says so in the
log itself, under its key, and the new epoch fences off every process that still remembers the
old one.
"""

from __future__ import annotations

import secrets
from base64 import b64encode
from collections.abc import Mapping
from contextlib import suppress

from audit.checkpoint import parse_text
from audit.dbapi import Connection, Dialect, Sql
from audit.event import SALT_BYTES, Event, Party, Place, encode
from audit.keyring import gather
from audit.note import Signer, parse_note
from audit.ocsf import Outcome
from audit.restoration import FIELD, RESTORED, Restoration, sign_restoration
from audit.stores import Head, Prepared, store_for
from audit.vault import KeyVault


def restore_epoch(
    connection: Connection,
    dialect: Dialect,
    *,
    vault: KeyVault,
    signer: Signer,
    event_id: str,
    time_ms: int,
    actor: Party | None,
    personal: Mapping[str, str] | None = None,
    place: Place | None = None,
    known_checkpoint: str | None = None,
    lost: Mapping[str, object] | None = None,
) -> int:
    """Append `log.restored` and begin the next epoch, in one transaction; return its number.

    The connection is the caller's, without a transaction open, under the write lock on SQLite.
    `personal` is about the `actor`, and sealed like the `place`.
    `known_checkpoint` is the newest signed checkpoint published before the loss, if there is one;
    `lost` says which entries it covers that the restored log has not.
    Raises LogUnavailable or ProofInvalid when the restored tables do not hold together, and
    NoteMalformed when what is known is no checkpoint of this log.
    """
    store = store_for(dialect)
    sql = store.adopt(connection)
    store.begin(sql)
    try:
        head = store.locked_head(sql, None)
        named = {} if known_checkpoint is None else {"known_checkpoint": known_checkpoint}
        detail = _detail(head, signer, time_ms, {**named, **(lost or {})})
        event = Event(
            RESTORED,
            Outcome.SUCCESS,
            time_ms,
            event_id,
            actor=actor,
            place=place,
            detail=detail,
            personal=personal or {},
        )
        leaf = encode(event, gather(vault, sql, event), secrets.token_bytes(SALT_BYTES))
        edge = store.load_edge(sql, head.size)
        store.append(sql, head, edge, [Prepared.of(leaf)], head.epoch + 1)
        store.commit(sql)
    except BaseException:
        _undo(sql)
        raise
    return head.epoch + 1


def _undo(sql: Sql) -> None:
    with suppress(Exception):
        sql.run("ROLLBACK")


def _detail(
    head: Head, signer: Signer, time_ms: int, named: Mapping[str, object]
) -> dict[str, object]:
    root, known = bytes(head.root), named.get("known_checkpoint")
    tree = None if known is None else parse_text(parse_note(str(known)).text)
    began = Restoration(head.origin, head.size, root, head.epoch + 1, time_ms, tree)
    return {
        "old_epoch": head.epoch,
        "old_size": head.size,
        "old_root": b64encode(root).decode(),
        "old_head": str(signer.sign(str(began.head), time_ms // 1000)),
        FIELD: sign_restoration(signer, began),
        **named,
    }
