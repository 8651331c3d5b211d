"""Facts as NumPy columns, and rules computed over all of them at once.

One row is one question. States are small numbers, sets one bit for each member, and whether an
optional fact is known a column of its own; numbers are 64 bits wide with Cedar's overflow seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from policies.algebra import Result, Unsupported
from policies.facts import Facts
from policies.space import Field, Kind, Path, fields

Column = npt.NDArray[Any]

_COMPARE: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "==": np.equal,
    "!=": np.not_equal,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
}
_TYPES: Final = {Kind.BOOL: np.bool_, Kind.INT: np.int64, Kind.STATE: np.int16, Kind.SET: np.int32}
_PRESENT: Final = "?"

# Every text has one number wherever it stands, so that a state can be looked up in a set.
_CODES: Final[dict[str, int]] = {}


def code(text: str) -> int:
    """The number of a text; fixed for the process, never stored."""
    if not _CODES:
        members = {m for field in fields().values() for m in field.members}
        _CODES.update({member: number for number, member in enumerate(sorted(members))})
    return _CODES.setdefault(text, len(_CODES))


@dataclass(frozen=True, slots=True)
class Table:
    """``size`` questions; ``columns`` by attribute path, with ``(*path, "?")`` for presence."""

    size: int
    columns: Mapping[Path, Column]

    def part(self, start: int, stop: int) -> Table:
        """The rows ``[start, stop)``, without copying."""
        cut = {path: column[start:stop] for path, column in self.columns.items()}
        return Table(min(stop, self.size) - start, cut)

    def take(self, rows: npt.NDArray[np.intp]) -> Table:
        """The given rows, in their order; a row may come more than once."""
        return Table(len(rows), {path: column[rows] for path, column in self.columns.items()})

    def replace(self, columns: Mapping[Path, Column]) -> Table:
        """The same rows with other values in some columns."""
        return Table(self.size, {**self.columns, **columns})


def table(facts: Iterable[Facts]) -> Table:
    """Columns of many questions. Raises ValueError for a number beyond Cedar's range."""
    rows = list(facts)
    columns: dict[Path, Column] = {}
    for field in fields().values():
        values = [_get(row, field.source) for row in rows]
        if field.optional:
            columns[(*field.path, _PRESENT)] = np.array([v is not None for v in values], np.bool_)
        if field.kind in _TYPES:
            columns[field.path] = _column(field, values)
    return Table(len(rows), columns)


def _get(facts: Any, source: Path) -> Any:
    for name in source:
        facts = getattr(facts, name, None)
    return facts


def _column(field: Field, values: list[Any]) -> Column:
    try:
        return np.array([_number(field, value) for value in values], _TYPES[field.kind])
    except OverflowError as fault:
        raise ValueError(f"{'.'.join(field.path)} is beyond the range of a Long") from fault


def _number(field: Field, value: Any) -> int:
    if value is None:
        return 0
    if field.kind is Kind.SET:
        return sum(1 << field.members.index(str(member)) for member in value)
    return code(str(value)) if field.kind is Kind.STATE else int(value)


class Columns:
    """The algebra of columns over one table."""

    def __init__(self, rows: Table) -> None:
        self._rows = rows
        self._fields = fields()

    def constant(self, value: bool | int | str) -> Any:
        """A literal, the same for every row."""
        if isinstance(value, bool):
            return np.bool_(value)
        return np.int64(value if isinstance(value, int) else code(value))

    def attribute(self, path: Path) -> Any:
        """The column of an attribute; 0 where it is not known."""
        if path not in self._rows.columns:
            raise Unsupported(f"{'.'.join(path)} is not a column")
        return self._rows.columns[path]

    def present(self, path: Path) -> Any:
        """Where an optional attribute is known."""
        field = self._fields.get(path)
        if field is None:
            raise Unsupported(f"{'.'.join(path)} is not a fact")
        return self._rows.columns[(*path, _PRESENT)] if field.optional else np.bool_(True)

    def both(self, left: Any, right: Any) -> Any:
        """Conjunction."""
        return np.logical_and(left, right)

    def either(self, left: Any, right: Any) -> Any:
        """Disjunction."""
        return np.logical_or(left, right)

    def negate(self, value: Any) -> Any:
        """Negation."""
        return np.logical_not(value)

    def compare(self, operator: str, left: Any, right: Any) -> Any:
        """Comparison row by row."""
        return _COMPARE[operator](left, right)

    def difference(self, left: Any, right: Any) -> Result[Any]:
        """Subtraction; it errs where the sign of the result shows an overflow."""
        with np.errstate(over="ignore"):
            value = np.subtract(left, right)
        return Result(value, ((left ^ right) & (left ^ value)) < 0)

    def total(self, left: Any, right: Any) -> Result[Any]:
        """Addition; it errs where the sign of the result shows an overflow."""
        with np.errstate(over="ignore"):
            value = np.add(left, right)
        return Result(value, ((left ^ value) & (right ^ value)) < 0)

    def member(self, path: Path, member: str) -> Any:
        """Where a set holds a member."""
        field = self._fields[path]
        if member not in field.members:
            return np.bool_(False)
        return (self._rows.columns[path] & (1 << field.members.index(member))) != 0

    def holds(self, path: Path, value: Any) -> Any:
        """Where a set holds the value of a state."""
        field = self._fields[path]
        bits = np.zeros(len(_CODES), np.int32)
        for place, member in enumerate(field.members):
            bits[code(member)] = 1 << place
        return (self._rows.columns[path] & bits[value]) != 0
