"""Deletes archived entries below a signed minimum; hash tiles stay."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy.exc import DBAPIError

from audit import minimum
from audit.dbapi import Dialect, Sql
from audit.merkle import TILE_WIDTH
from audit.schema.retention import KEPT_ACTIONS
from audit.tiles import TilePath
from gateway.clock import from_ms, to_ms
from gateway.errors import OperatorError
from gateway.evidence.archive import Archived
from gateway.evidence.publication import shelves
from gateway.evidence.reading import signer, snapshot
from gateway.evidence.retention import RIGHTS_ACTS, RIGHTS_TERM, access_records
from gateway.journal import Act, Actor, Entry
from gateway.runtime import Runtime

_AT_ONCE = 16 * TILE_WIDTH
_MARKS = ", ".join("?" * len(KEPT_ACTIONS))
_SUBJECTS = (
    "DELETE FROM audit_subjects WHERE idx >= ? AND idx < ? AND idx NOT IN "
    "(SELECT idx FROM audit_entries WHERE idx >= ? AND idx < ? AND action IN ({}))"
)
_ENTRIES = "DELETE FROM audit_entries WHERE idx >= ? AND idx < ? AND action NOT IN ({})"
_OLDEST = (
    "SELECT MIN(time_ms) FROM audit_entries WHERE time_ms > ? AND time_ms < ? AND action IN ({})"
)
_LOWEST = "SELECT MIN(idx) FROM audit_entries WHERE idx < ? AND action NOT IN ({})"


def check_age(runtime: Runtime, before_ms: int) -> None:
    """Refuse to prune what the law asks to keep.

    Raises OperatorError naming the rule and the day before which entries may go.
    """
    with runtime.db.read() as session:
        limit = access_records(runtime, session).before(runtime.clock.now())
    right = _oldest_right(runtime, min(before_ms, to_ms(limit)))
    if right is not None:
        raise OperatorError(
            "rights-record-retention: entries may be pruned only from before "
            f"{_day(runtime, right)}: a role, membership or grant was changed then, which is to be "
            f"kept until {_day(runtime, RIGHTS_TERM.after(right))} (PIPA safety standard, "
            "article 5)"
        )
    if from_ms(before_ms) > limit:
        raise OperatorError(
            "access-record-retention: entries may be pruned only from before "
            f"{_day(runtime, limit)} (PIPA safety standard, article 8)"
        )


def _oldest_right(runtime: Runtime, before_ms: int) -> datetime | None:
    """When the oldest right was changed that must still be kept, if that was before a moment."""
    young = to_ms(RIGHTS_TERM.before(runtime.clock.now()))
    query = _OLDEST.format(", ".join("?" * len(RIGHTS_ACTS)))
    with snapshot(runtime, main=True) as (sql, _reader):
        row = sql.one(query, (young, before_ms, *RIGHTS_ACTS))
    return None if row is None or row[0] is None else from_ms(int(row[0]))


def prune(runtime: Runtime, actor: Actor, archived: Archived) -> int:
    """Sign a new minimum and delete what lies below it; returns how many entries.

    A run that was cut short is taken up by the next one. Raises OperatorError when the archive
    is not whole any more or the database refuses, as PostgreSQL does to all but the owner.
    """
    _check_archive(archived)
    seconds = to_ms(runtime.clock.now()) // 1000
    note = minimum.sign_minimum(signer(runtime), archived.end, archived.sha256, seconds)
    with _writing(runtime) as sql:
        minimum.insert(sql, archived.end, seconds * 1000, note)
    count = sweep(runtime)
    detail = {"first": archived.first, "end": archived.end, "entries": count}
    ref = f"archive:{archived.sha256}"
    runtime.journal.append(Entry(actor, Act.LOG_PRUNED, ref=ref, detail=detail))
    return count


def sweep(runtime: Runtime) -> int:
    """Delete whatever may go below the minimum, in short transactions; returns how many entries."""
    count, start = 0, 0
    while True:
        with _writing(runtime) as sql:
            end = minimum.current(sql)
            row = sql.one(_LOWEST.format(_MARKS), (end, *KEPT_ACTIONS))
            if row is None or row[0] is None:
                break
            start = int(row[0]) // TILE_WIDTH * TILE_WIDTH
            count += _delete(sql, start, min(start + _AT_ONCE, end))
        _unpublish(runtime, start, min(start + _AT_ONCE, end))
    return count


def _delete(sql: Sql, start: int, end: int) -> int:
    """People listed first: the trigger looks up whether their entry is one that is kept."""
    sql.run(_SUBJECTS.format(_MARKS), (start, end, start, end, *KEPT_ACTIONS))
    return sql.run(_ENTRIES.format(_MARKS), (start, end, *KEPT_ACTIONS))


def _unpublish(runtime: Runtime, start: int, end: int) -> None:
    private = shelves(runtime).entries
    for index in range(start // TILE_WIDTH, end // TILE_WIDTH):
        private.remove(str(TilePath(None, index)))


def _check_archive(archived: Archived) -> None:
    with (archived.folder / archived.file).open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != archived.sha256:
            raise OperatorError(f"{archived.file} is not the file that was archived")


@contextmanager
def _writing(runtime: Runtime) -> Iterator[Sql]:
    import sqlite3

    import psycopg

    try:
        with runtime.db.write() as session:
            connection = session.connection().connection.dbapi_connection
            assert connection is not None
            yield Sql(connection, Dialect(runtime.db.dialect))
    except (DBAPIError, sqlite3.Error, psycopg.Error) as error:
        reason = str(error).splitlines()[0]
        raise OperatorError(
            f"the entries could not be pruned: {reason}; run it as the owner of the tables"
        ) from error


def _day(runtime: Runtime, moment: datetime) -> str:
    return f"{moment.astimezone(runtime.settings.zone):%Y-%m-%d}"
