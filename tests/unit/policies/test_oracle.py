"""The engine against the same rules in plain Python, over thousands of random facts."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.decision import Outcome
from policies.engine import Engine
from policies.facts import Facts
from policies.rules import read
from policies.scope import rules_by_action
from policies.vocabulary import Action
from tests.unit.policies import oracle
from tests.unit.policies.blockers import BLOCKERS, blocked
from tests.unit.policies.randomfacts import random_facts
from tests.unit.policies.seeds import seeds

SAMPLES = 1_200
"""For each of the ten actions; the soak run takes many times as many."""

PAIRS = [
    (action, rule)
    for action, ids in rules_by_action(read()).items()
    for rule in sorted(ids & BLOCKERS.keys())
]


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine.load()


@pytest.mark.parametrize("action", list(Action))
def test_engine_and_oracle_agree_on_outcome_and_on_every_code(engine, action):
    random = Random(f"oracle {action}")  # seeded, so that a failure can be repeated
    outcomes = set()

    for _ in range(SAMPLES):
        facts = random_facts(random)
        decision = engine.decide(action, facts)
        outcomes.add(decision.outcome)
        assert (decision.outcome.value, set(decision.codes)) == oracle.answer(action, facts), facts

    assert {Outcome.ALLOW, Outcome.DENY} <= outcomes


@pytest.mark.parametrize("action", list(Action))
def test_they_agree_on_what_the_solver_finds_for_every_rule_and_action(engine, action):
    for facts in seeds():
        decision = engine.decide(action, facts)
        assert (decision.outcome.value, set(decision.codes)) == oracle.answer(action, facts), facts


def test_every_rule_refuses_something_that_all_others_allow(engine):
    alone = {
        blockers[0].rule
        for facts in seeds()
        for action in Action
        if len(blockers := engine.decide(action, facts).blockers) == 1
    }

    assert alone == {s.id for s in engine.source.statements if s.forbids}


@settings(max_examples=600, deadline=None)
@given(seed=st.integers(0, 2**32), pair=st.sampled_from(PAIRS))
def test_whatever_else_holds_a_blocker_is_named_and_never_turns_a_no_into_a_yes(engine, seed, pair):
    action, rule = pair
    facts = random_facts(Random(seed))

    after = engine.decide(action, blocked(facts, rule))

    assert rule in {blocker.rule for blocker in after.blockers}
    assert not after.allowed


def test_every_rule_that_refuses_has_such_a_blocker(engine):
    assert BLOCKERS.keys() == {s.id for s in engine.source.statements if s.forbids}


def _with(facts: Facts, part: str, changes: dict[str, object]) -> Facts:
    record = getattr(facts, part)
    return facts if record is None else replace(facts, **{part: replace(record, **changes)})


@settings(max_examples=400, deadline=None)
@given(seed=st.integers(0, 2**32), action=st.sampled_from(list(Action)))
def test_whoever_is_suspended_or_not_signed_in_gets_nothing(engine, seed, action):
    facts = random_facts(Random(seed))

    suspended = engine.decide(action, _with(facts, "subject", {"suspended": True}))
    stranger = engine.decide(action, _with(facts, "subject", {"authenticated": False}))

    assert "SUSPENDED" in suspended.codes
    assert "NOT_SIGNED_IN" in stranger.codes


UNKNOWNS = [
    ("subject", "korean_national", Action.DOWNLOAD),
    ("standing", "grant_starts_ms", Action.SUBMIT_RESULT),
    ("standing", "grant_ends_ms", Action.PACKAGE),
    ("standing", "quota_bytes", Action.PACKAGE),
]


@pytest.mark.parametrize(("part", "field", "action"), UNKNOWNS)
def test_a_yes_becomes_a_missing_fact_when_a_needed_fact_is_unknown(engine, part, field, action):
    random = Random(f"unknown {field}")
    drawn = (random_facts(random) for _ in range(400))
    needing = (replace(f, target=replace(f.target, nationals_only=True)) for f in drawn)
    allowed = [facts for facts in needing if engine.decide(action, facts).allowed]

    answers = {engine.decide(action, _with(f, part, {field: None})).codes for f in allowed}

    assert answers == {("FACT_MISSING",)}


@pytest.mark.parametrize(
    ("part", "action"),
    [
        ("export", Action.FETCH_EXPORT),
        ("review", Action.DECIDE_APPLICATION),
        ("review", Action.DECIDE_EXPORT),
    ],
)
def test_without_export_or_review_facts_nothing_is_fetched_or_decided(engine, part, action):
    random = Random(f"absent {part}")
    drawn = [random_facts(random) for _ in range(300)]

    decisions = [engine.decide(action, replace(facts, **{part: None})) for facts in drawn]

    assert all("FACT_MISSING" in decision.codes for decision in decisions)
