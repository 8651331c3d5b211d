"""One set of facts put to the formulas of the prover, to compare with what the engine says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import z3

from policies.facts import Facts
from policies.formula import Formulas
from policies.prove import Model
from policies.space import Field, Kind, fields


def assignment(formulas: Formulas, facts: Facts) -> Iterator[Any]:
    """What these facts say of every attribute, as equations. What is unknown is left open."""
    for field in fields().values():
        value = _value(facts, field)
        if field.optional:
            yield formulas.present(field.path) == z3.BoolVal(value is not None)
        if value is not None and field.kind not in {Kind.RECORD, Kind.TEXT}:
            yield from _equations(formulas, field, value)


def _value(facts: Any, field: Field) -> Any:
    for name in field.source:
        facts = getattr(facts, name, None)
    return facts


def _equations(formulas: Formulas, field: Field, value: Any) -> Iterator[Any]:
    if field.kind is Kind.SET:
        for member in field.members:
            yield formulas.member(field.path, member) == z3.BoolVal(member in value)
    else:
        known = str(value) if field.kind is Kind.STATE else value
        yield formulas.attribute(field.path) == formulas.constant(known)


class Asked:
    """Formulas evaluated under given facts."""

    def __init__(self, model: Model, facts: Facts) -> None:
        solver = z3.Solver()
        solver.add(*assignment(model.formulas, facts))
        assert solver.check() == z3.sat
        self._model, self._values = model, solver.model()

    def applying(self, action: str) -> tuple[set[str], set[str]]:
        """The ids of the rules that apply, and of those that err."""
        statements = self._model.statements(action)
        found = {s.id: self._model.applies(s, action) for s in statements}
        holding = {rule for rule, (holds, _) in found.items() if self._true(holds)}
        return holding, {rule for rule, (_, errs) in found.items() if self._true(errs)}

    def allows(self, action: str) -> bool:
        """Whether the formula for "the engine allows" holds."""
        return self._true(self._model.allows(action))

    def _true(self, formula: Any) -> bool:
        return z3.is_true(self._values.eval(formula, model_completion=True))
