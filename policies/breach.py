"""A broken invariant traced to its rule: which rules refuse what others let through."""

from __future__ import annotations

from policies.engine import Engine
from policies.prove import Counterexample
from policies.rules import RuleSource, Statement


def refusing(source: RuleSource, example: Counterexample) -> tuple[Statement, ...]:
    """The rules of ``source`` that refuse the facts of a counterexample found in other rules.

    Each is missing there or says less. Raises check.RuleError for rules that are not whole.
    """
    decision = Engine(source, {}).decide(example.action, example.facts)
    speaking = {blocker.rule for blocker in decision.blockers}
    return tuple(statement for statement in source.statements if statement.id in speaking)
