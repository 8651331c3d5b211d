"""The prover's formulas and the replay's columns say what the engine says, rule by rule."""

from __future__ import annotations

import json
from random import Random

import cedarpy
import pytest

from policies import encoding, rules
from policies.columns import table
from policies.engine import Engine
from policies.facts import Facts
from policies.prove import Model
from policies.replay import OUTCOMES, Replay
from policies.rules import RuleSource
from policies.vocabulary import Action
from tests.unit.policies.randomfacts import random_facts
from tests.unit.policies.randomrules import random_rule
from tests.unit.policies.seeds import seeds
from tests.unit.policies.translations import Asked

FORMULA_SAMPLES = 60
COLUMN_SAMPLES = 600
RULES, FACTS_EACH = 120, 40
SOURCE = rules.read()


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(SOURCE, {})


@pytest.fixture(scope="module")
def model() -> Model:
    return Model(SOURCE)


@pytest.mark.parametrize("action", list(Action))
def test_columns_answer_as_the_engine_does_with_every_reason(engine, action):
    random = Random(f"columns {action}")
    facts = [random_facts(random) for _ in range(COLUMN_SAMPLES)] + list(seeds())

    answers = Replay(SOURCE).answers(action, table(facts))

    decisions = [engine.decide(action, one) for one in facts]
    assert [OUTCOMES[n] for n in answers.outcome] == [d.outcome for d in decisions]
    for row, decision in enumerate(decisions):
        speaking = {rule for rule, column in answers.reasons.items() if column[row]}
        assert speaking == {blocker.rule for blocker in decision.blockers}


def test_outcomes_alone_are_those_of_the_answers_however_the_rows_are_cut():
    random = Random("chunks")
    rows = table([random_facts(random) for _ in range(3000)])
    replay = Replay(SOURCE)

    for action in Action:
        assert (replay.outcomes(action, rows) == replay.answers(action, rows).outcome).all()


@pytest.mark.parametrize("action", list(Action))
def test_formulas_say_of_every_rule_what_the_engine_says(engine, model, action):
    random = Random(f"formulas {action}")

    for _ in range(FORMULA_SAMPLES):
        facts = random_facts(random)
        decision, asked = engine.decide(action, facts), Asked(model, facts)
        applying, erring = asked.applying(action)
        assert applying - _permits() == {blocker.rule for blocker in decision.blockers}, facts
        assert erring == set()
        assert asked.allows(action) == decision.allowed


def _permits() -> set[str]:
    return {s.id for s in SOURCE.statements if not s.forbids}


def _conditions(statements) -> RuleSource:
    return RuleSource(tuple(statements), SOURCE.schema)


def _spoken(source: RuleSource, action: str, facts: Facts) -> tuple[set[str], int]:
    """Which rules Cedar itself finds to apply, and how many err."""
    schema = cedarpy.Schema.from_str(source.schema)
    still = encoding.still(facts)
    request = {
        "principal": {"type": encoding.PERSON, "id": still.subject.person_id},
        "action": {"type": encoding.ACTION, "id": action},
        "resource": {"type": encoding.DATASET, "id": still.target.dataset},
        "context": json.loads(encoding.context(facts)),
    }
    policies = cedarpy.PolicySet.from_json_str(rules.policy_json(source.statements))
    found = cedarpy.is_authorized(request, policies, encoding.entities(still), schema).diagnostics
    return set(found.reasons), len(found.errors)


@pytest.fixture(scope="module")
def strange() -> RuleSource:
    """Rules nobody would write, many of which overflow."""
    random = Random("strange rules")
    return _conditions(random_rule(random, f"r{number}") for number in range(RULES))


def test_formulas_of_random_rules_say_what_cedar_says_overflow_included(strange):
    random, model, overflows = Random("strange formulas"), Model(strange), 0

    for _ in range(FACTS_EACH):
        facts, action = random_facts(random), random.choice(list(Action))
        applying, erring = Asked(model, facts).applying(action)
        spoken, errors = _spoken(strange, action, facts)
        assert applying == spoken
        assert len(erring) == errors
        overflows += errors

    assert overflows > FACTS_EACH


def test_columns_of_random_rules_say_what_cedar_says_overflow_included(strange):
    random, replay = Random("strange columns"), Replay(strange)
    facts = [random_facts(random) for _ in range(FACTS_EACH)]

    for action in Action:
        answers = replay.answers(action, table(facts))
        spoken = [_spoken(strange, action, one)[0] for one in facts]
        assert [_row(answers, n) for n in range(len(facts))] == spoken
        assert set(answers.outcome) == {0}


def _row(answers, number: int) -> set[str]:
    return {rule for rule, column in answers.reasons.items() if column[number]}


def test_witnesses_are_confirmed_by_the_engine(engine):
    from policies.prove import witnesses

    found = witnesses(SOURCE)

    assert found.keys() == {s.id for s in SOURCE.statements}
    for rule, examples in found.items():
        assert examples
        for example in examples:
            decision = engine.decide(example.action, example.facts)
            assert rule in _permits() or rule in {b.rule for b in decision.blockers}


def test_a_number_beyond_the_range_of_a_column_is_told():
    facts = random_facts(Random(1))
    from dataclasses import replace

    with pytest.raises(ValueError, match=r"context\.now_ms is beyond the range"):
        table([replace(facts, now_ms=2**63)])
