"""The engine: every reason, in order, and a no whenever something is wrong."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from importlib.resources import files

import pytest

from policies import agreements, rules
from policies.casefile import default_root
from policies.check import RuleError
from policies.decision import Actor, Outcome
from policies.engine import Engine
from policies.facts import Facts, anonymous, no_standing
from policies.facttable import facts_from
from policies.vocabulary import Action, GrantState


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine.load()


@pytest.fixture(scope="module")
def allowed_facts() -> Facts:
    return _baseline("researcher")


def _baseline(name: str) -> Facts:
    text = (default_root() / "baselines.toml").read_text(encoding="utf-8")
    return facts_from(tomllib.loads(text)[name])


def _altered(old: str, new: str) -> Engine:
    """The package's engine with one piece of one rule rewritten."""
    source = rules.read()
    assert sum(old in statement.text for statement in source.statements) == 1
    statements = tuple(
        next(rules.parse(s.file, s.text.replace(old, new))) for s in source.statements
    )
    return Engine(rules.RuleSource(statements, source.schema), agreements.hashes())


def test_what_meets_every_rule_is_allowed_without_a_blocker(engine, allowed_facts):
    decision = engine.decide(Action.DOWNLOAD, allowed_facts)

    assert decision.outcome is Outcome.ALLOW
    assert decision.allowed
    assert decision.blockers == ()


def test_a_visitor_is_told_everything_in_the_order_of_the_rules(engine, allowed_facts):
    facts = replace(allowed_facts, subject=anonymous(), standing=no_standing())

    decision = engine.decide(Action.DOWNLOAD, facts)

    assert decision.codes == (
        "NOT_SIGNED_IN",
        "IDENTITY_TOO_WEAK",
        "ORGANISATION_NOT_VERIFIED",
        "TRAINING_MISSING",
        "IRB_MISSING_OR_EXPIRED",
        "ACCEPTANCE_NOT_LIVE",
        "GRANT_MISSING",
    )


def test_a_blocker_carries_both_languages_the_remedy_its_actor_and_the_source(
    engine, allowed_facts
):
    standing = replace(allowed_facts.standing, grant=GrantState.SUSPENDED)

    (blocker,) = engine.decide("download", replace(allowed_facts, standing=standing)).blockers

    assert (blocker.code, blocker.rule) == ("GRANT_SUSPENDED", "grant-suspended")
    assert blocker.actor is Actor.STEWARD
    assert blocker.ko == "이용 권한이 이용 정지 중입니다."
    assert blocker.en == "The grant is suspended."
    assert all((blocker.remedy_ko, blocker.remedy_en, blocker.source))


def test_review_lets_nothing_through(engine, allowed_facts):
    export = replace(allowed_facts.export, state="held")

    decision = engine.decide(Action.FETCH_EXPORT, replace(allowed_facts, export=export))

    assert decision.outcome is Outcome.REVIEW
    assert not decision.allowed


def test_an_unknown_action_is_denied(engine, allowed_facts):
    decision = engine.decide("copy", allowed_facts)

    assert decision.outcome is Outcome.DENY
    assert decision.codes == ("UNKNOWN_ACTION",)


def test_a_rule_that_errors_denies_although_cedar_skips_it(allowed_facts):
    overflowing = _altered(
        "context.request_bytes > principal.standing.quota_bytes - context.used_bytes",
        "context.request_bytes + context.request_bytes > principal.standing.quota_bytes",
    )
    huge = replace(allowed_facts, request_bytes=2**62 + 1)

    decision = overflowing.decide(Action.DOWNLOAD, huge)

    assert decision.outcome is Outcome.DENY
    assert decision.codes == ("ENGINE_ERROR",)


def test_what_no_permit_covers_is_denied_with_a_sentence(allowed_facts):
    source = rules.read().without("permit-participate")

    decision = Engine(source, agreements.hashes()).decide(Action.DOWNLOAD, allowed_facts)

    assert decision.outcome is Outcome.DENY
    assert decision.codes == ("ENGINE_ERROR",)


@pytest.mark.parametrize("field", ["request_bytes", "now_ms"])
@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, 1.5, "1", None, float("nan")])
def test_a_number_that_is_not_one_denies(engine, allowed_facts, field, value):
    decision = engine.decide(Action.DOWNLOAD, replace(allowed_facts, **{field: value}))

    assert decision.outcome is Outcome.DENY
    assert decision.codes == ("ENGINE_ERROR",)


@pytest.mark.parametrize(
    ("part", "field", "value"),
    [
        ("subject", "authenticated", None),
        ("subject", "suspended", "no"),
        ("subject", "identity_level", -1),
        ("subject", "identity_level", 2.5),
        ("subject", "training", "perhaps"),
        ("subject", "person_id", None),
        ("target", "sensitivity", "secret"),
        ("target", "delivery", None),
        ("target", "version_state", "open"),
        ("target", "scan", ""),
        ("target", "identity_level_required", 9),
        ("target", "dataset_withdrawn", "no"),
        ("standing", "grant", "alive"),
        ("standing", "acceptance", None),
        ("standing", "irb", "soon"),
        ("standing", "quota_bytes", 2**63),
        ("standing", "used_bytes", None),
        ("standing", "project_live", "yes"),
        ("export", "state", "gone"),
    ],
)
def test_a_fact_of_the_wrong_kind_denies(engine, allowed_facts, part, field, value):
    record = replace(getattr(allowed_facts, part), **{field: value})

    decision = engine.decide(Action.DOWNLOAD, replace(allowed_facts, **{part: record}))

    assert decision.outcome is Outcome.DENY
    assert decision.codes == ("ENGINE_ERROR",)


def test_facts_that_are_no_facts_deny(engine):
    decision = engine.decide(Action.DOWNLOAD, None)

    assert decision.codes == ("ENGINE_ERROR",)
    assert decision.facts_digest == ""


def test_the_same_facts_have_the_same_digest_and_any_other_fact_another(engine, allowed_facts):
    first = engine.decide(Action.DOWNLOAD, allowed_facts).facts_digest
    later = replace(allowed_facts, now_ms=allowed_facts.now_ms + 1)
    other_purpose = replace(
        allowed_facts, standing=replace(allowed_facts.standing, purpose="education")
    )

    again = engine.decide(Action.PACKAGE, allowed_facts).facts_digest
    others = {engine.decide(Action.DOWNLOAD, f).facts_digest for f in (later, other_purpose)}

    assert first == again
    assert len(others - {first}) == 2


def test_cached_facts_never_answer_for_changed_ones(engine, allowed_facts):
    assert engine.decide(Action.DOWNLOAD, allowed_facts).allowed
    revoked = replace(allowed_facts.standing, grant=GrantState.REVOKED)

    decision = engine.decide(Action.DOWNLOAD, replace(allowed_facts, standing=revoked))

    assert decision.codes == ("GRANT_REVOKED",)
    assert engine.decide(Action.DOWNLOAD, allowed_facts).allowed


def test_the_release_changes_with_any_rule_and_any_agreement(engine):
    texts = agreements.hashes()
    reworded = _altered("로그인하지 않았습니다.", "로그인이 필요합니다.")
    fewer_texts = Engine(rules.read(), dict(list(texts.items())[1:]))

    releases = {engine.release, reworded.release, fewer_texts.release}

    assert len(releases) == 3
    assert Engine.load().release == engine.release


def test_the_release_names_rules_schema_and_order(engine):
    source = rules.read()
    swapped = rules.RuleSource(source.statements[::-1], source.schema)
    commented = rules.RuleSource(source.statements, source.schema + "\n// more\n")

    digests = {rules.source_digest(s) for s in (source, swapped, commented)}

    assert len(digests) == 3


def test_rules_that_do_not_hold_together_are_not_loaded(tmp_path):
    for entry in (files("policies") / "cedar").iterdir():
        (tmp_path / entry.name).write_bytes(entry.read_bytes())
    (tmp_path / "10-person.cedar").write_text("forbid (principal, action, resource)\n")

    with pytest.raises(RuleError, match=r"10-person\.cedar:1: does not parse"):
        Engine.load(tmp_path)
