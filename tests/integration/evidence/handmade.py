"""Entries as whoever may write the database makes them: without any key of the log."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from contextlib import closing
from typing import Any

from audit import canonical
from audit.dbapi import Dialect
from audit.stores import Prepared, store_for
from gateway.runtime import Runtime


def append(
    runtime: Runtime, action: str, detail: Mapping[str, Any], *, new_epoch: bool = False
) -> int:
    """Append an entry of nobody, with every table right; return its index."""
    store, db = store_for(Dialect(runtime.db.dialect)), runtime.db
    runtime.journal.log.close()
    with db.write_lock(), closing(db.connect_raw()) as connection:
        sql = store.adopt(connection)
        store.begin(sql)
        head = store.locked_head(sql, None)
        row = sql.one("SELECT leaf FROM audit_entries ORDER BY idx DESC LIMIT 1")
        assert row is not None
        leaf = canonical.write(_document(json.loads(bytes(row[0])), action, detail))
        epoch = head.epoch + 1 if new_epoch else None
        store.append(sql, head, store.load_edge(sql, head.size), [Prepared.of(leaf)], epoch)
        store.commit(sql)
    return int(head.size)


def _document(like: dict[str, Any], action: str, detail: Mapping[str, Any]) -> dict[str, Any]:
    like["metadata"]["uid"] = f"01900000-0000-7000-8000-{secrets.token_hex(6)}"
    like["api"]["operation"] = like["task"] = action
    return like | {
        "salt": secrets.token_hex(16),
        "outcome": "success",
        "detail": dict(detail),
        "sealed": {},
        "subjects": [],
        "resources": [],
        "ref": None,
        "reason": None,
    }
