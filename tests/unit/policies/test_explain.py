"""The path to yes: few steps, confirmed by the engine, honest where there is none."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from random import Random

import pytest

from policies import agreements, rules
from policies.casefile import Case, default_root, load_cases
from policies.decision import Actor
from policies.engine import Engine
from policies.explain import after, explain
from policies.facts import Facts, anonymous, no_standing
from policies.facttable import facts_from
from policies.remedy import FIXES
from policies.vocabulary import AcceptanceState, Action, EvidenceState, GrantState
from tests.unit.policies.randomfacts import random_facts

NO_WAY = {
    "DATASET_WITHDRAWN",
    "SAFE_ZONE_NO_DOWNLOAD",
    "NOT_HOLDER",
    "DECIDER_IS_APPLICANT",
    "DECIDER_ON_TEAM",
    "DECIDER_IS_SUPERVISOR",
    "DECIDER_ORGANISATION_EXCLUDED",
    "ALREADY_VOTED",
}


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine.load()


@pytest.fixture(scope="module")
def facts() -> Facts:
    text = (default_root() / "baselines.toml").read_text(encoding="utf-8")
    return facts_from(tomllib.loads(text)["researcher"])


def _codes(path) -> list[str]:
    return [step.code for step in path]


def test_what_is_allowed_has_an_empty_path_and_is_confirmed(engine, facts):
    explanation = explain(engine, Action.DOWNLOAD, facts)

    assert explanation.decision.allowed
    assert explanation.path == ()
    assert explanation.confirmed


def test_before_applying_the_path_names_every_step_in_the_order_to_take_them(engine, facts):
    newcomer = replace(facts, subject=anonymous(), standing=no_standing())

    explanation = explain(engine, Action.DOWNLOAD, newcomer)

    assert explanation.confirmed
    assert _codes(explanation.path) == [
        "NOT_SIGNED_IN",
        "FACT_MISSING",
        "ORGANISATION_NOT_VERIFIED",
        "IDENTITY_TOO_WEAK",
        "TRAINING_MISSING",
        "IRB_MISSING_OR_EXPIRED",
        "GRANT_MISSING",
        "ACCEPTANCE_NOT_LIVE",
    ]


def test_a_step_says_what_to_do_in_both_languages_and_who_can(engine, facts):
    standing = replace(facts.standing, acceptance=AcceptanceState.NONE)

    (step,) = explain(engine, Action.DOWNLOAD, replace(facts, standing=standing)).path

    assert step.actor is Actor.APPLICANT
    assert (step.actor.ko, step.actor.en) == ("신청인", "applicant")
    assert step.ko == "이용협약을 읽고 동의·서명하십시오."
    assert step.en == "Read the usage agreement and sign it."


def test_one_new_application_settles_revocation_window_and_project_together(engine, facts):
    standing = replace(
        facts.standing,
        grant=GrantState.REVOKED,
        grant_ends_ms=facts.now_ms,
        project_live=False,
    )

    explanation = explain(engine, Action.DOWNLOAD, replace(facts, standing=standing))

    assert len(explanation.decision.blockers) == 3
    assert _codes(explanation.path) == ["GRANT_REVOKED"]
    assert explanation.confirmed


def test_a_foreign_national_is_told_that_a_separate_agreement_opens_the_way(engine, facts):
    subject = replace(facts.subject, korean_national=False)
    unsigned = replace(facts.standing, acceptance=AcceptanceState.NONE)

    explanation = explain(
        engine, Action.DOWNLOAD, replace(facts, subject=subject, standing=unsigned)
    )

    assert explanation.confirmed
    assert _codes(explanation.path) == ["NATIONALS_ONLY", "ACCEPTANCE_NOT_LIVE"]
    assert "별도 협약" in explanation.path[0].ko
    assert "separate agreement" in explanation.path[0].en


def test_every_case_is_confirmed_unless_it_holds_what_no_step_removes(engine):
    hopeless = NO_WAY | {"ENGINE_ERROR", "UNKNOWN_ACTION"}
    cases = [case for case in load_cases() if not _beyond_remedy(case)]

    confirmed = {c.name: explain(engine, c.action, c.facts).confirmed for c in cases}

    assert confirmed == {case.name: not case.codes & hopeless for case in cases}


def _beyond_remedy(case: Case) -> bool:
    """Nobody can supply a record that does not exist, a quota beyond all numbers, a purpose where
    agreement and law permit none in common, or a way out of crowd work with the same account."""
    fetches = case.action == Action.FETCH_EXPORT
    absent = case.facts.export is None if fetches else "decide" in case.action
    unbound = case.facts.target.agreement is None
    impossible = {
        "a negative use does not widen the quota",
        "a negative request does not widen the quota",
        "the largest sizes do not overflow into a yes",
        "a public service is no purpose for pseudonymised data",
        "before the beginning of time no strong sign-in counts",
    }
    confined = "TASK_SCOPE" in case.codes and case.action != Action.WORK_TASK
    missing = "FACT_MISSING" in case.codes and (absent or unbound)
    return case.name in impossible or confined or missing


def test_a_remedy_beyond_all_numbers_is_not_offered_as_one(engine, facts):
    standing = replace(facts.standing, used_bytes=2**63 - 1)

    explanation = explain(
        engine, Action.DOWNLOAD, replace(facts, standing=standing, request_bytes=2**63 - 1)
    )

    assert not explanation.confirmed
    assert _codes(explanation.path) == ["QUOTA_EXCEEDED"]


@pytest.mark.parametrize("action", list(Action))
def test_a_path_is_never_claimed_without_the_engine_and_leaves_out_no_obstacle(engine, action):
    random = Random(f"explain {action}")

    for _ in range(300):
        explanation = explain(engine, action, random_facts(random))
        stuck = NO_WAY & set(explanation.decision.codes)
        assert not (explanation.confirmed and stuck)
        assert explanation.decision.allowed == (explanation.path == ())
        assert stuck <= set(_codes(explanation.path))


@pytest.mark.parametrize("action", list(Action))
def test_taking_the_steps_of_a_path_flips_the_decision_and_no_step_is_superfluous(engine, action):
    random, confirmed = Random(f"path {action}"), 0

    for _ in range(150):
        facts = random_facts(random)
        explanation = explain(engine, action, facts)
        taken = [step.rule for step in explanation.path]
        if not explanation.confirmed or not taken:
            continue
        confirmed += 1
        assert engine.decide(action, after(facts, taken)).allowed
        for step in taken:
            rest = [rule for rule in taken if rule != step]
            assert not engine.decide(action, after(facts, rest)).allowed, (facts, taken, step)

    assert confirmed > 10


def test_a_step_that_a_later_one_makes_needless_is_left_out(engine, facts, monkeypatch):
    def taught_at_the_start(given: Facts) -> Facts:
        return after(given, ["grant-inactive", "training-missing"])

    monkeypatch.setitem(FIXES, "grant-missing", taught_at_the_start)
    untaught = replace(facts.subject, training=EvidenceState.MISSING)
    newcomer = replace(facts.standing, grant=GrantState.NONE)

    explanation = explain(
        engine, Action.DOWNLOAD, replace(facts, subject=untaught, standing=newcomer)
    )

    assert explanation.confirmed
    assert _codes(explanation.path) == ["GRANT_MISSING"]


def test_a_remedy_exists_for_every_rule_but_those_that_name_another_way():
    forbids = {s.id: s.annotations["code"] for s in rules.read().statements if s.forbids}

    without = {code for rule, code in forbids.items() if rule not in FIXES}

    assert FIXES.keys() <= forbids.keys()
    assert without == NO_WAY | {"FACT_MISSING"}


def test_a_path_the_engine_does_not_confirm_is_not_called_one(facts):
    source = rules.read().without("permit-participate")
    engine = Engine(source, agreements.hashes())

    explanation = explain(engine, Action.DOWNLOAD, facts)

    assert not explanation.confirmed
    assert _codes(explanation.path) == ["ENGINE_ERROR"]
