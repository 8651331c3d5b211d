"""Cedar conditions, walked once for every way of computing with them.

`evaluate` reads the JSON form of a condition (Cedar's "JSON policy format") and computes with the
operations of an `Algebra`: formulas for the prover, columns for the replay. Each value carries
whether computing it is an error, because Cedar skips a policy that errs and the engine then denies.
Attributes that are not there are no error here: the schema's validation rules that out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, Protocol, TypeVar

from policies.rules import Statement
from policies.space import Path

Value = TypeVar("Value")

ROOTS: Final = frozenset({"principal", "resource", "context"})


class Unsupported(Exception):
    """A rule uses an operation that cannot be reasoned about; the message names it."""


@dataclass(frozen=True, slots=True)
class Result(Generic[Value]):
    """A value, and a truth value that says whether Cedar errs on computing it."""

    value: Value
    error: Value


class Algebra(Protocol[Value]):
    """How to compute. Truth values are values too; ``members`` are texts."""

    def constant(self, value: bool | int | str) -> Value: ...
    def attribute(self, path: Path) -> Value: ...
    def present(self, path: Path) -> Value: ...
    def both(self, left: Value, right: Value) -> Value: ...
    def either(self, left: Value, right: Value) -> Value: ...
    def negate(self, value: Value) -> Value: ...
    def compare(self, operator: str, left: Value, right: Value) -> Value: ...
    def difference(self, left: Value, right: Value) -> Result[Value]: ...
    def total(self, left: Value, right: Value) -> Result[Value]: ...
    def member(self, path: Path, member: str) -> Value: ...
    def holds(self, path: Path, value: Value) -> Value: ...


class Evaluator(Generic[Value]):
    """Evaluates conditions for one action in one algebra."""

    def __init__(self, algebra: Algebra[Value], action: str) -> None:
        self._algebra = algebra
        self._action = action
        self._false = algebra.constant(False)

    def applies(self, statement: Statement) -> Result[Value]:
        """Whether the conditions of a policy hold; its action scope is the caller's matter.

        Raises Unsupported with the place of the rule.
        """
        try:
            return self._applies(statement)
        except Unsupported as fault:
            raise Unsupported(f"{statement.file}:{statement.line}: {fault}") from fault

    def _applies(self, statement: Statement) -> Result[Value]:
        result = Result(self._algebra.constant(True), self._false)
        for condition in (statement.syntax or {})["conditions"]:
            body = self._evaluate(condition["body"])
            if condition["kind"] == "unless":
                body = Result(self._algebra.negate(body.value), body.error)
            result = self._conjunction(result, body)
        return result

    def _evaluate(self, node: Mapping[str, Any]) -> Result[Value]:
        ((operator, operands),) = node.items()
        if operator == "Value":
            return self._sure(self._algebra.constant(_literal(operands)))
        handler = _HANDLERS.get(operator)
        if handler is None:
            raise Unsupported(f"the operation {operator} is not one that can be reasoned about")
        result: Result[Value] = getattr(self, handler)(operator, operands)
        return result

    def _sure(self, value: Value) -> Result[Value]:
        return Result(value, self._false)

    def _conjunction(self, left: Result[Value], right: Result[Value]) -> Result[Value]:
        a = self._algebra
        error = a.either(left.error, a.both(left.value, right.error))
        return Result(a.both(left.value, right.value), error)

    def _and(self, _operator: str, node: Mapping[str, Any]) -> Result[Value]:
        return self._conjunction(self._evaluate(node["left"]), self._evaluate(node["right"]))

    def _or(self, _operator: str, node: Mapping[str, Any]) -> Result[Value]:
        a, left, right = self._algebra, self._evaluate(node["left"]), self._evaluate(node["right"])
        error = a.either(left.error, a.both(a.negate(left.value), right.error))
        return Result(a.either(left.value, right.value), error)

    def _not(self, _operator: str, node: Mapping[str, Any]) -> Result[Value]:
        arg = self._evaluate(node["arg"])
        return Result(self._algebra.negate(arg.value), arg.error)

    def _compare(self, operator: str, node: Mapping[str, Any]) -> Result[Value]:
        if node["left"] == {"Var": "action"}:
            return self._sure(self._algebra.constant(self._is_action(operator, node["right"])))
        left, right = self._evaluate(node["left"]), self._evaluate(node["right"])
        error = self._algebra.either(left.error, right.error)
        return Result(self._algebra.compare(operator, left.value, right.value), error)

    def _is_action(self, operator: str, node: Mapping[str, Any]) -> bool:
        named = node["Value"]["__entity"]["id"] == self._action
        return bool(named) if operator == "==" else not named

    def _arithmetic(self, operator: str, node: Mapping[str, Any]) -> Result[Value]:
        a, left, right = self._algebra, self._evaluate(node["left"]), self._evaluate(node["right"])
        compute = a.difference if operator == "-" else a.total
        result = compute(left.value, right.value)
        return Result(result.value, a.either(a.either(left.error, right.error), result.error))

    def _attribute(self, _operator: str, node: Mapping[str, Any]) -> Result[Value]:
        return self._sure(self._algebra.attribute(_path(node)))

    def _has(self, _operator: str, node: Mapping[str, Any]) -> Result[Value]:
        return self._sure(self._algebra.present(_path(node)))

    def _contains(self, _operator: str, node: Mapping[str, Any]) -> Result[Value]:
        if "Set" in node["left"]:
            return self._one_of(node["left"]["Set"], self._evaluate(node["right"]))
        path = _path_of(node["left"])
        if "Value" in node["right"]:
            return self._sure(self._algebra.member(path, _literal(node["right"]["Value"])))
        right = self._evaluate(node["right"])
        return Result(self._algebra.holds(path, right.value), right.error)

    def _one_of(self, choices: list[Mapping[str, Any]], found: Result[Value]) -> Result[Value]:
        a, value = self._algebra, self._false
        for choice in choices:
            same = a.compare("==", found.value, a.constant(_member(choice)))
            value = a.either(value, same)
        return Result(value, found.error)

    def _contains_any(self, _operator: str, node: Mapping[str, Any]) -> Result[Value]:
        a, value, path = self._algebra, self._false, _path_of(node["left"])
        if "Set" not in node["right"]:
            raise Unsupported("a set is compared with a list of literals only")
        for choice in node["right"]["Set"]:
            value = a.either(value, a.member(path, _member(choice)))
        return self._sure(value)


_HANDLERS: Final = {
    "&&": "_and",
    "||": "_or",
    "!": "_not",
    ".": "_attribute",
    "has": "_has",
    "contains": "_contains",
    "containsAny": "_contains_any",
    "+": "_arithmetic",
    "-": "_arithmetic",
    **dict.fromkeys(("==", "!=", "<", "<=", ">", ">="), "_compare"),
}


def _literal(value: Any) -> Any:
    if not isinstance(value, bool | int | str):
        raise Unsupported(f"the literal {value!r} is not one that can be reasoned about")
    return value


def _member(choice: Mapping[str, Any]) -> Any:
    if "Value" not in choice:
        raise Unsupported("a list holds literals only")
    return _literal(choice["Value"])


def _path_of(node: Mapping[str, Any]) -> Path:
    if "." not in node:
        raise Unsupported("a set is an attribute or a literal")
    return _path(node["."])


def _path(node: Mapping[str, Any]) -> Path:
    """The path of an attribute access: ``{"left": …, "attr": name}``."""
    left = node["left"]
    if "Var" in left and left["Var"] in ROOTS:
        return (left["Var"], node["attr"])
    return (*_path_of(left), node["attr"])
