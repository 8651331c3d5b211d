"""Rules that compute with numbers: right at both ends of their range, and a no when they err."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import pytest

from policies import rules
from policies.algebra import Evaluator
from policies.decision import Outcome
from policies.engine import Engine
from policies.facts import Facts
from policies.facttable import facts_from, table_from
from policies.prove import Model
from policies.rules import RuleSource, Statement
from policies.scope import rules_by_action
from policies.space import INT_MAX, INT_MIN, Kind, Path, fields
from policies.vocabulary import Action
from tests.unit.policies import oracle
from tests.unit.policies.baselines import allowed_facts

ORDERS = {"<", "<=", ">", ">="}
EXTREMES = (INT_MIN, INT_MIN + 1, -1, 0, 1, INT_MAX - 1, INT_MAX)
SOURCE = rules.read()


def _comparisons(node: Any) -> Iterator[Mapping[str, Any]]:
    """Every comparison of numbers, wherever it stands in a condition."""
    if isinstance(node, list):
        for part in node:
            yield from _comparisons(part)
    elif isinstance(node, dict):
        for operator, operands in node.items():
            if operator in ORDERS:
                yield node
            yield from _comparisons(operands)


NUMERIC = [s for s in SOURCE.statements if any(_comparisons((s.syntax or {})["conditions"]))]
PLACES = [
    (statement, place)
    for statement in NUMERIC
    for place, _ in enumerate(_comparisons((statement.syntax or {})["conditions"]))
]


def _numbers(node: Any) -> set[Path]:
    """The whole numbers that an expression reads, levels of identity apart."""
    if isinstance(node, list):
        return set().union(*map(_numbers, node)) if node else set()
    if not isinstance(node, dict):
        return set()
    here = {path for path, field in fields().items() if node == _access(path)}
    found = {p for p in here if fields()[p].kind is Kind.INT and "identity_level" not in p[-1]}
    return found.union(*map(_numbers, node.values()))


def _access(path: Path) -> dict[str, Any]:
    node: dict[str, Any] = {"Var": path[0]}
    for name in path[1:]:
        node = {".": {"left": node, "attr": name}}
    return node


def test_the_rules_that_compare_numbers_are_known():
    assert {statement.id for statement in NUMERIC} == {
        "identity-too-weak",
        "step-up-due",
        "task-scope",
        "safe-zone-session-over",
        "agreement-superseded",
        "organisation-acceptance-not-live",
        "grant-not-started",
        "grant-expired",
        "quota-exceeded",
    }


@pytest.mark.parametrize("statement", NUMERIC, ids=lambda s: s.id)
def test_at_the_ends_of_all_numbers_the_engine_says_what_plain_arithmetic_says(statement):
    engine, action = Engine(SOURCE, {}), _an_action(statement)
    places = sorted(_numbers((statement.syntax or {})["conditions"]))

    for values in product(EXTREMES, repeat=len(places)):
        facts = _put(allowed_facts(action), statement, dict(zip(places, values, strict=True)))
        decision = engine.decide(action, facts)
        assert (decision.outcome.value, set(decision.codes)) == oracle.answer(action, facts), facts


def _an_action(statement: Statement) -> Action:
    """An action that the rule concerns; for the lease of a task the one that asks for it."""
    concerned = rules_by_action(SOURCE)
    return [action for action in Action if statement.id in concerned[action]][-1]


STATES = {
    "agreement-superseded": {"standing.acceptance": "superseded"},
    "organisation-acceptance-not-live": {
        "subject.kind": "machine",
        "subject.responsible_named": True,
        "standing.organisation_acceptance": "superseded",
    },
}
"""What makes a rule look at its numbers at all."""


def _put(facts: Facts, statement: Statement, values: Mapping[Path, int]) -> Facts:
    changes = {".".join(fields()[path].source): value for path, value in values.items()}
    return facts_from(table_from(facts), STATES.get(statement.id, {}) | changes)


@dataclass(frozen=True, slots=True)
class Faulty:
    """The rules with one comparison that overflows for every positive number."""

    source: RuleSource
    statement: Statement


def _faulty(statement: Statement, place: int) -> Faulty:
    syntax = dict(statement.syntax or {})
    target = list(_comparisons(syntax["conditions"]))[place]
    broken = replace(statement, syntax=syntax | {"conditions": _swap(syntax["conditions"], target)})
    others = (broken if s.id == statement.id else s for s in SOURCE.statements)
    return Faulty(RuleSource(tuple(others), SOURCE.schema), broken)


def _swap(node: Any, target: Mapping[str, Any]) -> Any:
    if node is target:
        ((operator, operands),) = target.items()
        huge = {"+": {"left": operands["left"], "right": {"Value": INT_MAX}}}
        return {operator: {**operands, "left": huge}}
    if isinstance(node, list):
        return [_swap(part, target) for part in node]
    if isinstance(node, dict):
        return {name: _swap(part, target) for name, part in node.items()}
    return node


@pytest.mark.parametrize(("statement", "place"), PLACES, ids=lambda p: getattr(p, "id", p))
def test_a_comparison_that_overflows_denies_what_every_other_rule_allows(statement, place):
    faulty, action = _faulty(statement, place), _an_action(statement)
    model = Model(faulty.source)
    errs = Evaluator(model.formulas, action).applies(faulty.statement).error
    facts = model.find(errs, model.allows(action, statement.id))

    decision = Engine(faulty.source, {}).decide(action, facts)

    assert Engine(SOURCE.without(statement.id), {}).decide(action, facts).allowed
    assert decision.outcome is Outcome.DENY
    assert decision.codes == ("ENGINE_ERROR",)
