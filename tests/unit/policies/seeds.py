"""Facts that the solver finds: for every rule and action some under which just that rule speaks."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import z3

from policies.facts import Facts
from policies.prove import Model, witnesses
from policies.rules import RuleSource, Statement, read
from policies.vocabulary import Action


@cache
def seeds() -> tuple[Facts, ...]:
    """For every rule and every action in its scope: facts under which it applies, and facts under
    which it applies alone, where there are such."""
    source = read()
    applying = (w.facts for found in witnesses(source).values() for w in found)
    return (*applying, *_alone(source))


def _alone(source: RuleSource) -> Iterator[Facts]:
    model = Model(source)
    for action in map(str, Action):
        for statement in model.statements(action):
            facts = model.find(_only(model, statement, action)) if statement.forbids else None
            if facts is not None:
                yield facts


def _only(model: Model, statement: Statement, action: str) -> z3.BoolRef:
    """This rule refuses and without it the engine allows."""
    holds, _errs = model.applies(statement, action)
    return z3.And(holds, model.allows(action, statement.id))
