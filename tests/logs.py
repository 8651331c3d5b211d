"""Waiting for the audit log, which numbers what a transaction recorded shortly after its commit."""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.runtime import Runtime


def numbered(runtime: Runtime) -> int:
    """How many events the log has, once every committed one has its number."""
    log = runtime.journal.log
    log.kick()
    with closing(runtime.db.connect_raw(writable=False)) as connection:
        for _moment in range(500):
            if connection.execute("SELECT COUNT(*) FROM audit_outbox").fetchone()[0] == 0:
                return int(log.size())
            time.sleep(0.01)
    raise AssertionError("the log does not number its events")
