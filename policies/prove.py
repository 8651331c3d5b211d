"""What always holds, whoever asks: invariants of a release, proved for all facts by a solver.

A proof covers the decision as the engine makes it: allowed means that a permit applies, no forbid
applies and nothing errs. A broken invariant comes with a counterexample that the engine confirms.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import z3

from policies import scope
from policies.algebra import Evaluator
from policies.facts import Facts
from policies.formula import Formulas
from policies.rules import RuleSource, Statement
from policies.vocabulary import Action

TIMEOUT_MS: Final = 30_000


class Undecided(Exception):
    """The solver gave up; nothing is proved."""


@dataclass(frozen=True, slots=True)
class Counterexample:
    """Facts under which an invariant is broken by an action."""

    action: str
    facts: Facts


@dataclass(frozen=True, slots=True)
class Proof:
    """One invariant with its verdict; ``counterexample`` is ``None`` when it holds."""

    id: str
    ko: str
    en: str
    counterexample: Counterexample | None
    milliseconds: float

    @property
    def holds(self) -> bool:
        """Whether it is proved."""
        return self.counterexample is None


class Model:
    """The rules of one release as formulas, built once and asked many questions."""

    def __init__(self, source: RuleSource, formulas: Formulas | None = None) -> None:
        """Raises algebra.Unsupported for a rule that cannot be reasoned about."""
        self.formulas = formulas or Formulas()
        self._source = source
        self._concerned = scope.rules_by_action(source)
        self._applies: dict[tuple[str, str], tuple[Any, Any]] = {}
        self._domain = z3.And(*self.formulas.domain())

    def statements(self, action: str) -> tuple[Statement, ...]:
        """The rules whose scope covers an action."""
        return tuple(s for s in self._source.statements if s.id in self._concerned[action])

    def applies(self, statement: Statement, action: str) -> tuple[Any, Any]:
        """Two formulas: the conditions of a rule hold; computing them errs."""
        key = (statement.id, action)
        if key not in self._applies:
            result = Evaluator(self.formulas, action).applies(statement)
            holds = z3.And(result.value, z3.Not(result.error))
            self._applies[key] = (z3.simplify(holds), z3.simplify(result.error))
        return self._applies[key]

    def allows(self, action: str, without: str | None = None) -> Any:
        """The formula for "the engine allows", with one rule left out where asked."""
        permits: list[Any] = []
        against: list[Any] = []
        for statement in self.statements(action):
            if statement.id == without:
                continue
            holds, errs = self.applies(statement, action)
            against.append(errs)
            (against if statement.forbids else permits).append(holds)
        return z3.And(z3.Or(*permits), z3.Not(z3.Or(*against)))

    def find(self, *conditions: Any) -> Facts | None:
        """Facts under which all conditions hold, or ``None`` when there are none.

        Raises Undecided when the solver gives up.
        """
        solver = z3.Solver()
        solver.set("timeout", TIMEOUT_MS)
        solver.add(self._domain, *conditions)
        answer = solver.check()
        if answer == z3.unknown:
            raise Undecided(solver.reason_unknown())
        return self.formulas.facts(solver.model()) if answer == z3.sat else None


@dataclass(frozen=True, slots=True)
class Invariant:
    """What an allowed action never is. ``broken`` gives the formula of the breach."""

    id: str
    ko: str
    en: str
    actions: frozenset[Action]
    broken: Callable[[Formulas], Any]


def prove(source: RuleSource, invariants: Iterable[Invariant]) -> tuple[Proof, ...]:
    """Prove each invariant for every action it speaks of. Raises Unsupported or Undecided."""
    model = Model(source)
    return tuple(_prove(model, invariant) for invariant in invariants)


def _prove(model: Model, invariant: Invariant) -> Proof:
    began = time.perf_counter()
    found = next(_counterexamples(model, invariant), None)
    spent = (time.perf_counter() - began) * 1000
    return Proof(invariant.id, invariant.ko, invariant.en, found, spent)


def _counterexamples(model: Model, invariant: Invariant) -> Any:
    broken = invariant.broken(model.formulas)
    for action in sorted(invariant.actions):
        facts = model.find(model.allows(action), broken)
        if facts is not None:
            yield Counterexample(str(action), facts)


@dataclass(frozen=True, slots=True)
class Idle:
    """A rule that changes nothing: ``dead`` never applies, otherwise others always refuse too."""

    rule: str
    dead: bool


def idle_rules(source: RuleSource) -> tuple[Idle, ...]:
    """Rules that could be left out without any decision turning from no to yes.

    A redundant rule may still be wanted for the sentence it gives.
    """
    model = Model(source)
    return tuple(found for s in source.statements if (found := _idle(model, s)) is not None)


def _idle(model: Model, statement: Statement) -> Idle | None:
    actions = [str(a) for a in Action if statement in model.statements(str(a))]
    if all(model.find(model.applies(statement, action)[0]) is None for action in actions):
        return Idle(statement.id, True)
    alone = (_decides_alone(model, statement, action) for action in actions)
    return Idle(statement.id, False) if not any(alone) else None


def _decides_alone(model: Model, statement: Statement, action: str) -> bool:
    """Whether some decision rests on this rule and no other."""
    with_rule, without = model.allows(action), model.allows(action, statement.id)
    return model.find(with_rule != without) is not None


@dataclass(frozen=True, slots=True)
class Difference:
    """Facts that one release allows and the other does not."""

    action: str
    gained: bool
    facts: Facts


def differences(old: RuleSource, new: RuleSource) -> tuple[Difference, ...]:
    """For each action one witness of access gained and one of access lost, where there is any."""
    formulas = Formulas()
    before, after = Model(old, formulas), Model(new, formulas)
    found = []
    for action in map(str, Action):
        was, is_now = before.allows(action), after.allows(action)
        for gained in (True, False):
            change = (is_now, z3.Not(was)) if gained else (was, z3.Not(is_now))
            facts = after.find(*change)
            found += [Difference(action, gained, facts)] if facts is not None else []
    return tuple(found)


def witnesses(source: RuleSource) -> Mapping[str, tuple[Counterexample, ...]]:
    """For each rule facts under which it applies, by action: seeds for tests."""
    model = Model(source)
    return {
        s.id: tuple(
            Counterexample(str(action), facts)
            for action in Action
            if s in model.statements(str(action))
            and (facts := model.find(model.applies(s, str(action))[0])) is not None
        )
        for s in source.statements
    }
