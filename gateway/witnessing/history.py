"""What the log tells strangers about its own past: hand-overs of its key, and restored backups.

Each part proves itself: a hand-over carries the old key's signature, a restore is an entry whose
leaf hash stands in the public tiles.
"""

from __future__ import annotations

from base64 import b64encode
from typing import Any

from audit.dbapi import Sql
from audit.log_keys import read_history
from audit.restoration import RESTORED
from gateway.runtime import Runtime
from gateway.witnessing.service import log_read

_ENTRIES = "SELECT idx, leaf FROM audit_entries WHERE action = ? ORDER BY idx"


def history(runtime: Runtime) -> dict[str, Any]:
    """The answer of `/log/history`. Raises LogUnavailable."""
    vkey = runtime.journal.log.vkey()
    with log_read(runtime) as (sql, _):
        keys, _faults = read_history(sql, vkey)
        return {
            "origin": runtime.journal.log.origin,
            "keys": [str(key) for key in keys.keys],
            "handovers": [one.handover for one in keys.rotations],
            "restores": _restores(sql),
        }


def _restores(sql: Sql) -> list[dict[str, Any]]:
    rows = sql.all(_ENTRIES, (RESTORED,))
    return [{"index": int(row[0]), "leaf": b64encode(bytes(row[1])).decode()} for row in rows]
