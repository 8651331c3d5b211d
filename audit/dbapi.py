"""The part of PEP 249 that the log uses, common to sqlite3 and psycopg 3."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from enum import StrEnum
from typing import Any, Protocol, cast

from audit import canonical


class Dialect(StrEnum):
    """The two databases the log lives in."""

    SQLITE = "sqlite"
    POSTGRES = "postgresql"


class Cursor(Protocol):
    """A PEP 249 cursor."""

    @property
    def rowcount(self) -> int: ...
    def execute(self, sql: Any, params: Any = ..., /) -> Any: ...
    def executemany(self, sql: Any, params: Any, /) -> Any: ...
    def fetchone(self) -> Any: ...
    def fetchall(self) -> Any: ...
    def close(self) -> None: ...


class Connection(Protocol):
    """A PEP 249 connection: sqlite3.Connection or psycopg.Connection."""

    def cursor(self) -> Any: ...
    def close(self) -> None: ...


Row = Sequence[Any]
_RECORDS = "INSERT INTO {0} ({1}) SELECT {1} FROM json_populate_recordset(NULL::{0}, ?)"
_INSERT = "INSERT INTO {} ({}) VALUES {}"
_ROWS_AT_ONCE = 64


class Sql:
    """Runs statements written with `?` on either dialect.

    Statements must contain no other `?` and no `%`: the translation is a plain replacement.
    """

    def __init__(self, connection: Connection, dialect: Dialect) -> None:
        self.connection = connection
        self.dialect = dialect
        self._cursor: Cursor = connection.cursor()

    def _text(self, sql: str) -> str:
        return sql if self.dialect is Dialect.SQLITE else sql.replace("?", "%s")

    def run(self, sql: str, params: Sequence[object] = ()) -> int:
        """Execute one statement and return the number of rows it changed."""
        self._cursor.execute(self._text(sql), params)
        return self._cursor.rowcount

    def run_many(self, sql: str, rows: Sequence[Sequence[object]]) -> None:
        """Execute one statement for each row; nothing when there are none."""
        if rows:
            self._cursor.executemany(self._text(sql), rows)

    def pipelined(self) -> AbstractContextManager[object]:
        """Send the statements of a block together, without asking what each has done.

        An error leaves a PostgreSQL connection that must not be used again: the driver takes
        statements for prepared that the server, having stopped at the error, has not seen.
        """
        if self.dialect is Dialect.SQLITE:
            return nullcontext()
        pipeline: AbstractContextManager[object] = cast(Any, self.connection).pipeline()
        return pipeline

    def insert(self, table: str, columns: str, rows: Sequence[Sequence[object]]) -> None:
        """Insert rows, many in one statement. `columns` are joined by a comma and a space.

        SQLite's driver gives up the interpreter lock around each statement, and with busy threads
        it is slow to come back; on PostgreSQL each statement has to be read again. One a row
        would cost more than the row.
        """
        if rows and self.dialect is Dialect.POSTGRES:
            self.run(_RECORDS.format(table, columns), (records(columns, rows),))
        elif rows:
            for start in range(0, len(rows), _ROWS_AT_ONCE):
                self._insert_values(table, columns, rows[start : start + _ROWS_AT_ONCE])

    def _insert_values(self, table: str, columns: str, rows: Sequence[Sequence[object]]) -> None:
        row = f"({places(len(rows[0]))})"
        values = ", ".join([row] * len(rows))
        self.run(_INSERT.format(table, columns, values), [cell for one in rows for cell in one])

    def one(self, sql: str, params: Sequence[object] = ()) -> Row | None:
        """Return the first row, or None."""
        self._cursor.execute(self._text(sql), params)
        row: Row | None = self._cursor.fetchone()
        return row

    def all(self, sql: str, params: Sequence[object] = ()) -> list[Row]:
        """Return every row."""
        self._cursor.execute(self._text(sql), params)
        return list(self._cursor.fetchall())


def places(count: int) -> str:
    """Return `?, ?, …` for an IN list of `count` values."""
    return ", ".join("?" * count)


def records(columns: str, rows: Sequence[Sequence[object]]) -> str:
    """Rows as JSON text for PostgreSQL; bytes in its hexadecimal notation."""
    names = columns.split(", ")
    records = [dict(zip(names, map(_cell, row), strict=True)) for row in rows]
    return canonical.write(records).decode()


def _cell(value: object) -> object:
    return "\\x" + value.hex() if isinstance(value, bytes) else value
