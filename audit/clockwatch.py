"""Flags events whose time lies before that of an earlier one: the clock has gone back.

The order of the log is that of its indexes, so nothing is moved; whoever reads the times is told.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from audit.dbapi import Sql
from audit.event import Event

TOLERANCE_MS = 1000
FLAG = "clock_back_ms"
_NEWEST = "SELECT time_ms FROM audit_entries ORDER BY idx DESC LIMIT 1"


def newest_ms(sql: Sql) -> int:
    """Return the time of the last entry, 0 for an empty log."""
    row = sql.one(_NEWEST)
    return 0 if row is None else int(row[0])


class ClockWatch:
    """The newest time that this process has seen, beginning with that of the log.

    Threads may race for it: a flag is then missed or given by less than the tolerance.
    """

    def __init__(self) -> None:
        self._newest: int | None = None

    def check(self, event: Event, begin: Callable[[], int]) -> Event:
        """Return the event, flagged in its detail by how many milliseconds it is behind.

        `begin` tells the time of the last entry; it is asked once. Within a second of the
        newest time nothing is flagged: threads and hosts are never quite together.
        """
        if self._newest is None:
            self._newest = begin()
        behind = self._newest - event.time_ms
        if behind <= TOLERANCE_MS:
            self._newest = max(self._newest, event.time_ms)
            return event
        return replace(event, detail={**event.detail, FLAG: behind})
