"""Has the database let go of what an erasure overwrote, and says what of it may be left in files.

SQL shows none of it any more. A copy of the files might: PostgreSQL leaves old versions of a row
in the table's file, its statistics and its write-ahead log, SQLite in a journal that is being read.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

from gateway.evidence import anonymise
from gateway.runtime import Runtime

STATISTICS = "pg_statistic"
_WAIT_SECONDS, _PAUSE_SECONDS = 5.0, 0.05
_LOCK_TIMEOUT = "SET lock_timeout = '3s'"
_FILE = "SELECT pg_relation_filenode(CAST(%s AS regclass))"
# Who might still look at the old versions keeps PostgreSQL from leaving them out.
_OLDER = (
    "SELECT COUNT(*) FROM ("
    "SELECT backend_xmin FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
    "AND (datname = current_database() OR datname IS NULL) "
    "UNION ALL SELECT xmin FROM pg_replication_slots "
    "UNION ALL SELECT transaction FROM pg_prepared_xacts) AS held (xid) "
    "WHERE age(xid) >= age(CAST(%s AS xid))"
)
_WAL = (
    "PostgreSQL's write-ahead log, and every archive of it: until they expire they hold what was "
    "replaced, and the key, which opens under the home's own key (docs/retention.md)"
)


def wipe(runtime: Runtime) -> tuple[str, ...]:
    """Rewrite what held the person; returns in words where they may be left, each with what to do.

    Never raises: the erasure is done and recorded by then.
    """
    try:
        with closing(runtime.db.connect_raw()) as connection:
            return _sqlite(connection) if runtime.db.sqlite else _postgres(connection)
    # Whatever went wrong, the operator must hear that the files were not seen to.
    except Exception as error:
        first = str(error).partition("\n")[0]
        return (f"the files of the database, which could not be rewritten: {first}",)


def _sqlite(connection: Any) -> tuple[str, ...]:
    busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    if not busy:
        return ()
    return ("SQLite's journal, which was in use: it is emptied when the gateway stops",)


def _postgres(connection: Any) -> tuple[str, ...]:
    tables = (*anonymise.TABLES, STATISTICS)
    seen = _nobody_looks(connection)
    connection.execute(_LOCK_TIMEOUT)
    rewritten = set(_rewritten(connection, tables)) if seen else set()
    left = [table for table in tables if table not in rewritten]
    return (*_unwritten(left, seen), _WAL)


def _nobody_looks(connection: Any) -> bool:
    """Wait until no transaction is left that began before now; false when one goes on."""
    (now,) = connection.execute("SELECT CAST(pg_current_xact_id() AS xid)").fetchone()
    until = time.monotonic() + _WAIT_SECONDS
    while connection.execute(_OLDER, (now,)).fetchone()[0]:
        if time.monotonic() > until:
            return False
        time.sleep(_PAUSE_SECONDS)
    return True


def _rewritten(connection: Any, tables: Sequence[str]) -> Iterator[str]:
    """Those that have a new file now: whoever does not own a table is told of it in a warning."""
    import psycopg

    for table in tables:
        before = connection.execute(_FILE, (table,)).fetchone()
        try:
            connection.execute(_statement(table))
        except psycopg.Error:
            continue
        if connection.execute(_FILE, (table,)).fetchone() != before:
            yield table


def _statement(table: str) -> str:
    # The statistics quote values of the columns, so they are drawn up anew, and rewritten last.
    return f"VACUUM (FULL) {table}" if table == STATISTICS else f"VACUUM (FULL, ANALYZE) {table}"


def _unwritten(left: Sequence[str], seen: bool) -> Iterator[str]:
    if not left:
        return
    why = "the role may not, or a table was in use" if seen else "a transaction was open for long"
    statements = "; ".join(map(_statement, left))
    yield f"PostgreSQL's files of {', '.join(left)} ({why}); as the owner run: {statements}"
