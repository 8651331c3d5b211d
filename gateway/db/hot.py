"""Hot reads: statements compiled once from Core, run on held driver connections.

A checkout of a pooled connection, a transaction and a result object cost ten times what the
query itself does. Here a statement is compiled at its first use per dialect and then only
executed. Every read is its own autocommitted snapshot, so nothing read here is ever stale.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import Dialect, Select
from sqlalchemy.exc import OperationalError
from sqlalchemy.types import TypeEngine

if TYPE_CHECKING:
    from gateway.db.engine import Database

Convert = Callable[[Any], Any] | None
Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class _Compiled:
    sql: str
    order: tuple[str, ...] | None
    constants: dict[str, Any]
    binds: dict[str, Convert]
    results: tuple[Convert, ...]

    def arguments(self, given: dict[str, Any]) -> Any:
        values = self.constants | given
        bound = {name: _apply(self.binds[name], value) for name, value in values.items()}
        return bound if self.order is None else [bound[name] for name in self.order]

    def row(self, raw: Any) -> Row:
        return tuple(map(_apply, self.results, raw))


def _apply(convert: Convert, value: Any) -> Any:
    return value if convert is None else convert(value)


@dataclass(frozen=True, slots=True)
class HotStatement:
    """A Core SELECT whose `bindparam`s carry their types; no expanding IN, no literals list."""

    select: Select[Any]
    _compiled: dict[str, _Compiled] = field(default_factory=dict)

    def compiled(self, dialect: Dialect) -> _Compiled:
        """The statement in `dialect`, compiled at most once (a race compiles twice, harmlessly)."""
        known = self._compiled.get(dialect.name)
        return known or self._compiled.setdefault(dialect.name, _compile(self.select, dialect))


def _compile(select: Select[Any], dialect: Dialect) -> _Compiled:
    compiled = select.compile(dialect=dialect)
    binds = {name: _binder(bind.type, dialect) for name, bind in compiled.binds.items()}
    order = tuple(compiled.positiontup) if compiled.positiontup is not None else None
    results = tuple(_reader(column.type, dialect) for column in select.selected_columns)
    return _Compiled(str(compiled), order, _constants(compiled), binds, results)


def _constants(compiled: Any) -> dict[str, Any]:
    return {name: bind.value for name, bind in compiled.binds.items() if not bind.required}


def _binder(kind: TypeEngine[Any], dialect: Dialect) -> Convert:
    return kind.dialect_impl(dialect).bind_processor(dialect)


def _reader(kind: TypeEngine[Any], dialect: Dialect) -> Convert:
    return kind.dialect_impl(dialect).result_processor(dialect, None)


class HotReads:
    """Held read-only driver connections of one database; safe to share between threads."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._free: deque[Any] = deque()
        self._owner = os.getpid()

    def rows(self, statement: HotStatement, **parameters: Any) -> list[Row]:
        """Every row, converted to Python values in the order of the selected columns.

        A held connection that broke (the server restarted) is replaced once. Raises
        sqlalchemy.exc.OperationalError when a fresh one fails as well.
        """
        dialect = self._db.read_engine.dialect
        compiled = statement.compiled(dialect)
        arguments = compiled.arguments(parameters)
        held = self._take()
        if held is not None:
            try:
                return self._run(held, compiled, arguments)
            except dialect.loaded_dbapi.Error:
                pass
        try:
            return self._run(self._db.connect_raw(writable=False), compiled, arguments)
        except dialect.loaded_dbapi.OperationalError as error:
            raise OperationalError(compiled.sql, None, error) from error

    def first(self, statement: HotStatement, **parameters: Any) -> Row | None:
        """The first row, or None."""
        found = self.rows(statement, **parameters)
        return found[0] if found else None

    def close(self) -> None:
        """Close every connection that is not in use."""
        while (held := self._take()) is not None:
            held.close()

    def _run(self, connection: Any, compiled: _Compiled, arguments: Any) -> list[Row]:
        try:
            rows = [compiled.row(raw) for raw in connection.execute(compiled.sql, arguments)]
        except Exception:
            connection.close()
            raise
        self._free.append(connection)
        return rows

    def _take(self) -> Any | None:
        if self._owner != os.getpid():
            # Connections inherited through a fork belong to the parent and are left alone.
            self._free, self._owner = deque(), os.getpid()
        try:
            return self._free.pop()
        except IndexError:
            return None
