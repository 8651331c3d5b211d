"""Waiting for the audit log, which numbers what a transaction recorded shortly after its commit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.evidence.reading import settle

if TYPE_CHECKING:
    from gateway.runtime import Runtime


def numbered(runtime: Runtime) -> int:
    """How many events the log has, once every committed one has its number."""
    settle(runtime)
    return int(runtime.journal.log.size())
