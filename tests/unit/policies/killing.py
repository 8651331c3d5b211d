"""How a mutant is found out: by a case file, by a proof, or never because it means the same."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

import cedarpy
import z3

from policies import encoding, rules
from policies.casefile import Case, CaseResult, load_cases
from policies.check import ENGINE_CODES
from policies.engine import Engine
from policies.formula import Formulas
from policies.invariants import INVARIANTS
from policies.prove import Model, differences, prove
from policies.rules import RuleSource, Statement
from policies.vocabulary import Action
from tests.unit.policies.mutants import Mutant

EQUIVALENT = "equivalent"
SURVIVES = "survives"

Spoken = tuple[bool, bool]
"""Whether a rule applies, and whether computing it errs."""


class Killer:
    """Puts mutants to the case files, then to the invariants, then to the solver."""

    def __init__(self, cases: Iterable[Case] | None = None) -> None:
        self._source = rules.read()
        self._schema = cedarpy.Schema.from_str(self._source.schema)
        given = load_cases() if cases is None else cases
        # What no rule ever sees (an action or a fact that does not exist) tells nothing of rules.
        self._cases = tuple(c for c in given if not c.codes & ENGINE_CODES)
        self._asked = tuple(map(self._question, self._cases))
        self._known = cache(self._spoken)

    def fate(self, mutant: Mutant) -> str:
        """What becomes of a mutant: ``case …``, ``invariant …``, ``equivalent`` or ``survives``."""
        case = self.case(mutant)
        if case is not None:
            return f"case {case.name}"
        broken = next((p.id for p in prove(mutant.source, INVARIANTS) if not p.holds), None)
        if broken is not None:
            return f"invariant {broken}"
        return EQUIVALENT if means_the_same(self._source, mutant) else SURVIVES

    def case(self, mutant: Mutant) -> Case | None:
        """The first case that the engine over the mutated rules answers otherwise than expected."""
        engine: Engine | None = None
        for case in self._candidates(mutant):
            engine = engine or Engine(mutant.source, {})
            if not CaseResult(case, engine.decide(case.action, case.facts)).passed:
                return case
        return None

    def _candidates(self, mutant: Mutant) -> Iterator[Case]:
        """The cases in which the changed rule alone speaks otherwise than it did."""
        was = self._known(mutant.rule)
        now = cedarpy.PolicySet.from_json_str(_alone(mutant.source, mutant.rule))
        for place in self._order(mutant.rule):
            if self._speaks(now, *self._asked[place]) != was[place]:
                yield self._cases[place]

    def _order(self, rule: str) -> list[int]:
        """The cases, first those that expect the code of the rule."""
        statement = next(s for s in self._source.statements if s.id == rule)
        code = statement.annotations.get("code", "")
        return sorted(
            range(len(self._cases)), key=lambda place: code not in self._cases[place].codes
        )

    def _spoken(self, rule: str) -> tuple[Spoken, ...]:
        policies = cedarpy.PolicySet.from_json_str(_alone(self._source, rule))
        return tuple(self._speaks(policies, *asked) for asked in self._asked)

    def _speaks(
        self, policies: cedarpy.PolicySet, request: dict[str, Any], entities: cedarpy.Entities
    ) -> Spoken:
        found = cedarpy.is_authorized(request, policies, entities, self._schema).diagnostics
        return bool(found.reasons), bool(found.errors)

    def _question(self, case: Case) -> tuple[dict[str, Any], cedarpy.Entities]:
        facts = case.facts
        request = {
            "principal": {"type": encoding.PERSON, "id": facts.subject.person_id},
            "action": {"type": encoding.ACTION, "id": case.action},
            "resource": {"type": encoding.DATASET, "id": facts.target.dataset},
            "context": encoding.context(facts),
        }
        text = encoding.entities(encoding.still(facts))
        return request, cedarpy.Entities.from_json_str(text, self._schema)


def _alone(source: RuleSource, rule: str) -> str:
    policies = {s.id: s.syntax for s in source.statements if s.id == rule}
    return json.dumps({"staticPolicies": policies, "templates": {}, "templateLinks": []})


def means_the_same(source: RuleSource, mutant: Mutant) -> bool:
    """Whether the solver finds no facts at all under which the changed rule says otherwise.

    A permit says nothing but yes, so for it the answers as a whole are compared.
    """
    if not next(s for s in source.statements if s.id == mutant.rule).forbids:
        return differences(source, mutant.source) == ()
    formulas = Formulas()
    old, new = Model(source, formulas), Model(mutant.source, formulas)
    return all(new.find(_differs(old, new, mutant.rule, str(action))) is None for action in Action)


def _differs(old: Model, new: Model, rule: str, action: str) -> z3.BoolRef:
    was, now = _formulas(old, rule, action), _formulas(new, rule, action)
    return z3.Or(was[0] != now[0], was[1] != now[1])


def _formulas(model: Model, rule: str, action: str) -> tuple[z3.BoolRef, z3.BoolRef]:
    found: Statement | None = next((s for s in model.statements(action) if s.id == rule), None)
    silent = (z3.BoolVal(False), z3.BoolVal(False))
    return silent if found is None else model.applies(found, action)
