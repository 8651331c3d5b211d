"""Rules in words, what a release changed, and facts that are tried."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gateway.decisions.service_rules import ChangeKind, changes, in_words
from gateway.decisions.service_whatif import STANDING, SUBJECT, changed, facts_of
from gateway.decisions.words import ACTIONS, FACTS, GROUPS
from gateway.policy.models import PolicyRelease
from policies import casefile, rules
from policies.decision import Outcome
from policies.engine import Engine
from policies.facts import no_standing
from policies.vocabulary import AcceptanceState, Action, GrantState

ENGINE = Engine.load()
ALLOWED = next(
    case.facts
    for case in casefile.load_cases()
    if case.action == Action.DOWNLOAD and case.outcome is Outcome.ALLOW
)


def release(files: dict[str, str], agreements: dict[str, str]) -> PolicyRelease:
    return PolicyRelease(files=files, agreements=agreements)


def test_every_refusal_of_the_program_is_told_under_the_name_of_its_group() -> None:
    groups = in_words(ENGINE)

    told = [rule.blocker.rule for group in groups for rule in group.rules]
    assert told == [each.id for each in ENGINE.source.statements if each.forbids]
    assert [group.name for group in groups if group.name not in GROUPS] == []
    assert all(rule.actions for group in groups for rule in group.rules)


def test_every_action_has_a_word() -> None:
    assert set(ACTIONS) == set(Action)


def test_the_same_rules_have_no_difference() -> None:
    one = release(rules.texts(), {"a/v1": "1"})

    assert changes(one, release(rules.texts(), {"a/v1": "1"})) == ()


def test_a_changed_rule_shows_the_lines_that_differ() -> None:
    files = rules.texts()
    edited = files["60-grant.cedar"].replace("QUOTA_EXCEEDED", "QUOTA")

    (change,) = changes(release(files, {}), release(files | {"60-grant.cedar": edited}, {}))

    assert (change.kind, change.name) == (ChangeKind.CHANGED, "quota-exceeded")
    assert ("removed", '@code("QUOTA_EXCEEDED")') in change.lines
    assert ("added", '@code("QUOTA")') in change.lines
    assert ("same", '@id("quota-exceeded")') in change.lines


def test_a_changed_schema_is_named() -> None:
    files = rules.texts()
    schema = files[rules.SCHEMA_FILE] + "// more\n"

    (change,) = changes(release(files, {}), release(files | {rules.SCHEMA_FILE: schema}, {}))

    assert (change.kind, change.name) == (ChangeKind.CHANGED, rules.SCHEMA_FILE)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"x/v1": "1"}, {"x/v1": "1", "x/v2": "2"}, (ChangeKind.ADDED, "x/v2")),
        ({"x/v1": "1"}, {}, (ChangeKind.REMOVED, "x/v1")),
        ({"x/v1": "1"}, {"x/v1": "2"}, (ChangeKind.CHANGED, "x/v1")),
    ],
)
def test_agreements_that_differ_are_named(
    old: dict[str, str], new: dict[str, str], expected: Any
) -> None:
    files = rules.texts()

    found = changes(release(files, old), release(files, new))

    assert [(change.kind, change.name) for change in found] == [expected]


def test_every_fact_that_can_be_tried_is_in_the_form() -> None:
    assert {fact.name for fact in FACTS} == SUBJECT | STANDING


def test_trying_the_present_facts_changes_nothing() -> None:
    assert changed(ALLOWED, facts_of(ALLOWED)) == ALLOWED


def test_a_fact_that_is_tried_decides() -> None:
    tried = changed(ALLOWED, {"acceptance": AcceptanceState.NONE})

    decision = ENGINE.decide(Action.DOWNLOAD, tried)
    assert decision.codes == ("ACCEPTANCE_NOT_LIVE",)


def test_a_grant_that_becomes_live_gets_what_an_approval_gives() -> None:
    nothing = replace(ALLOWED, standing=no_standing())
    standing = facts_of(ALLOWED)

    tried = changed(nothing, standing | {"grant": GrantState.LIVE})

    assert ENGINE.decide(Action.DOWNLOAD, tried).allowed


def test_a_verified_organisation_needs_one_to_belong_to() -> None:
    subject = replace(
        ALLOWED.subject, organisation_id=None, organisation_verified=False, membership_live=False
    )

    tried = changed(replace(ALLOWED, subject=subject), {"organisation_verified": True})

    assert tried.subject.organisation_id is not None
    assert tried.subject.membership_live
