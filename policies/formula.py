"""Rules as formulas over the space of facts, for the Z3 solver, and models as facts again.

Numbers are mathematical integers held to Cedar's range, so that an overflow is seen as what it is:
an error. A state is an integer that counts its enumeration's members, a set one truth value for
each member, and whether something unknown is known a truth value of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import z3

from policies.algebra import Result, Unsupported
from policies.facts import Facts
from policies.facttable import facts_from
from policies.space import INT_MAX, INT_MIN, Field, Kind, Path, fields

LEVELS: Final = frozenset(
    {("principal", "identity_level"), ("resource", "identity_level_required")}
)

_COMPARE: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "==": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
}


class Formulas:
    """The algebra of formulas. Texts that are only compared for presence need no value."""

    def __init__(self) -> None:
        self._fields = fields()
        self._codes: dict[str, int] = {}

    def constant(self, value: bool | int | str) -> Any:
        """A literal; a text is the number it goes by in every enumeration."""
        if isinstance(value, bool):
            return z3.BoolVal(value)
        return z3.IntVal(value if isinstance(value, int) else self.code(value))

    def code(self, text: str) -> int:
        """The number of a text, the same wherever it stands."""
        return self._codes.setdefault(text, len(self._codes))

    def attribute(self, path: Path) -> Any:
        """The value of an attribute."""
        field = self._field(path)
        if field.kind is Kind.BOOL:
            return z3.Bool(_name(path))
        if field.kind in {Kind.INT, Kind.STATE}:
            return z3.Int(_name(path))
        raise Unsupported(f"{_name(path)} is compared as a whole")

    def present(self, path: Path) -> Any:
        """Whether an optional attribute is known."""
        known = z3.Bool(_name(path) + "?")
        return known if self._field(path).optional else z3.BoolVal(True)

    def both(self, left: Any, right: Any) -> Any:
        """Conjunction."""
        return z3.And(left, right)

    def either(self, left: Any, right: Any) -> Any:
        """Disjunction."""
        return z3.Or(left, right)

    def negate(self, value: Any) -> Any:
        """Negation."""
        return z3.Not(value)

    def compare(self, operator: str, left: Any, right: Any) -> Any:
        """Comparison of two numbers, states or truth values."""
        return _COMPARE[operator](left, right)

    def difference(self, left: Any, right: Any) -> Result[Any]:
        """Subtraction with Cedar's overflow."""
        return _bounded(left - right)

    def total(self, left: Any, right: Any) -> Result[Any]:
        """Addition with Cedar's overflow."""
        return _bounded(left + right)

    def member(self, path: Path, member: str) -> Any:
        """Whether a set holds a member; what is not of its enumeration it never holds."""
        known = member in self._field(path).members
        return z3.Bool(f"{_name(path)}:{member}") if known else z3.BoolVal(False)

    def holds(self, path: Path, value: Any) -> Any:
        """Whether a set holds the value of a state."""
        members = self._field(path).members
        return z3.Or(*(z3.And(value == self.code(m), self.member(path, m)) for m in members))

    def domain(self) -> list[Any]:
        """What holds of all facts: numbers in range, states of their enumeration, a session that
        is there to be over."""
        return [rule for field in self._fields.values() for rule in self._bounds(field)]

    def _bounds(self, field: Field) -> list[Any]:
        if field.kind is Kind.INT:
            value = self.attribute(field.path)
            low, high = (0, 3) if field.path in LEVELS else (INT_MIN, INT_MAX)
            return [value >= low, value <= high]
        if field.kind is Kind.STATE:
            value = self.attribute(field.path)
            return [z3.Or(*(value == self.code(member) for member in field.members))]
        return []

    def facts(self, model: Any) -> Facts:
        """The facts that a model of the solver describes."""
        table: dict[str, Any] = {}
        absent: set[Path] = set()
        for field in self._fields.values():
            if any(field.source[: len(above)] == above for above in absent):
                continue
            if field.optional and not self._truth(model, self.present(field.path)):
                absent.add(field.source)
                _put(table, field.source, None)
            elif field.kind is not Kind.RECORD:
                _put(table, field.source, self._value(model, field))
        return facts_from(table)

    def _value(self, model: Any, field: Field) -> Any:
        if field.kind is Kind.BOOL:
            return self._truth(model, self.attribute(field.path))
        if field.kind is Kind.SET:
            held = (m for m in field.members if self._truth(model, self.member(field.path, m)))
            return sorted(held)
        if field.kind is Kind.TEXT:
            return field.path[-1]
        number = model.eval(self.attribute(field.path), model_completion=True).as_long()
        return number if field.kind is Kind.INT else self._text(field, number)

    def _truth(self, model: Any, value: Any) -> bool:
        return bool(z3.is_true(model.eval(value, model_completion=True)))

    def _text(self, field: Field, number: int) -> str:
        found = (member for member in field.members if self.code(member) == number)
        return next(found, field.members[0])

    def _field(self, path: Path) -> Field:
        if path not in self._fields:
            raise Unsupported(f"{_name(path)} is not a fact")
        return self._fields[path]


def _name(path: Path) -> str:
    return ".".join(path)


def _bounded(value: Any) -> Result[Any]:
    return Result(value, z3.Or(value < INT_MIN, value > INT_MAX))


def _put(table: dict[str, Any], source: Path, value: Any) -> None:
    *above, last = source
    for name in above:
        table = table.setdefault(name, {})
    table[last] = value
