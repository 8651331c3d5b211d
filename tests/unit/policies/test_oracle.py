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
from policies.vocabulary import (
    AcceptanceState,
    Action,
    Delivery,
    EvidenceState,
    ExportState,
    GrantState,
    ScanState,
    VersionState,
)
from tests.unit.policies import oracle
from tests.unit.policies.randomfacts import random_facts

SAMPLES = 3_000


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


BLOCKERS = {
    "not signed in": ("subject", {"authenticated": False}),
    "suspended": ("subject", {"suspended": True}),
    "organisation suspended": (
        "subject",
        {"organisation_id": "o1", "organisation_suspended": True},
    ),
    "membership ended": ("subject", {"organisation_id": "o1", "membership_live": False}),
    "foreign": ("subject", {"korean_national": False}),
    "untrained": ("subject", {"training": EvidenceState.EXPIRED}),
    "weak identity": ("subject", {"identity_level": 0}),
    "withdrawn": ("target", {"dataset_withdrawn": True}),
    "unreleased": ("target", {"version_state": VersionState.HELD}),
    "unscanned": ("target", {"scan": ScanState.MISSING}),
    "zone": ("target", {"delivery": Delivery.SAFE_ZONE}),
    "no acceptance": ("standing", {"acceptance": AcceptanceState.NONE}),
    "superseded": ("standing", {"acceptance": AcceptanceState.SUPERSEDED}),
    "revoked": ("standing", {"grant": GrantState.REVOKED}),
    "no IRB": ("standing", {"irb": EvidenceState.MISSING}),
    "used up": ("standing", {"quota_bytes": -1}),
    "closed project": ("standing", {"project_live": False}),
    "rejected": ("export", {"state": ExportState.REJECTED}),
    "not the holder": ("export", {"is_holder": False}),
    "no role": ("review", {"decider_has_role": False}),
    "voted": ("review", {"already_voted": True}),
}


def _with(facts: Facts, part: str, changes: dict[str, object]) -> Facts:
    record = getattr(facts, part)
    return facts if record is None else replace(facts, **{part: replace(record, **changes)})


@settings(max_examples=400, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    action=st.sampled_from(list(Action)),
    name=st.sampled_from(sorted(BLOCKERS)),
)
def test_adding_a_blocker_never_turns_a_no_into_a_yes(engine, seed, action, name):
    facts = random_facts(Random(seed))
    before = engine.decide(action, facts)

    after = engine.decide(action, _with(facts, *BLOCKERS[name]))

    assert before.allowed or not after.allowed


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
