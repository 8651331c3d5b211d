"""Signs the head of the log: the one place where checkpoints come from."""

from __future__ import annotations

from audit.checkpoint import Checkpoint
from audit.dbapi import Sql
from audit.note import Signer
from audit.stores import Head, Store, StoredCheckpoint


def sign_head(store: Store, sql: Sql, head: Head, signer: Signer, seconds: int) -> StoredCheckpoint:
    """Sign and store a checkpoint of a locked head, at a time in seconds since 1970.

    Raises LogFenced when the head was moved all the same.
    """
    text = str(Checkpoint(head.origin, head.size, bytes(head.root)))
    note = str(signer.sign(text, seconds))
    new = StoredCheckpoint(
        head.checkpoints + 1, head.size, head.epoch, head.root, seconds * 1000, note
    )
    store.insert_checkpoint(sql, head, new)
    return new
