"""Offers in ODRL 2.2: the recommendation's own words, and what the terms say."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from typing import Any

import pytest

from gateway.agreements import odrl
from gateway.agreements.models import AgreementVersion
from policies.agreements import AgreementText, load
from policies.vocabulary import Condition

BASE = "https://gate.example"
# ODRL Vocabulary & Expression 2.2, the terms that an offer may use here.
RULES = ("permission", "prohibition", "obligation")
ACTIONS = {"use", "distribute", "sell", "display", "attribute", "obtainConsent", "inform", "delete"}
LEFT_OPERANDS = {"purpose", "elapsedTime", "event"}
OPERATORS = {"isAnyOf", "lteq", "gt"}
POLICY = {"@context", "@type", "uid", "profile", "assigner", "target", *RULES}
DURATION = re.compile(r"P\d+D|PT\d+H")
TEXTS = pytest.mark.parametrize("text", load(), ids=lambda text: text.code)


def offer(text: AgreementText) -> dict[str, Any]:
    terms = json.loads(json.dumps(asdict(text.terms)))
    version = AgreementVersion(code=text.code, number=text.version, sha256=text.sha256, terms=terms)
    return odrl.offer(version, BASE)


def actions(document: dict[str, Any], kind: str) -> list[str]:
    """The names of the actions of a kind of rule, without refinements."""
    return [_name(rule["action"]) for rule in document[kind]]


def _name(action: Any) -> str:
    if isinstance(action, str):
        return action
    return str(action[0]["rdf:value"]["@id"]).removeprefix("odrl:")


@TEXTS
def test_an_offer_has_what_the_recommendation_asks_for(text: AgreementText) -> None:
    document = offer(text)

    assert document["@type"] == "Offer"
    assert document["@context"][0] == "http://www.w3.org/ns/odrl.jsonld"
    assert {name for name in document if ":" not in name} <= POLICY
    assert document["assigner"]["uid"] == BASE
    assert document["target"]["@type"] == "AssetCollection"
    assert document["permission"]


@TEXTS
def test_every_word_is_of_odrl_or_of_the_profile(text: AgreementText) -> None:
    document, own = offer(text), {f"sumun:{name}" for name in odrl.ACTIONS}
    rules = [rule for kind in RULES for rule in document[kind]]
    duties = [duty for rule in rules for duty in rule.get("duty", ())]
    constraints = [each for rule in rules for each in _constraints(rule)]

    assert {_name(rule["action"]) for rule in (*rules, *duties)} <= ACTIONS | own
    assert {each["leftOperand"] for each in constraints} <= LEFT_OPERANDS
    assert {each["operator"] for each in constraints} <= OPERATORS


def _constraints(rule: dict[str, Any]) -> list[dict[str, Any]]:
    refined = rule["action"][0]["refinement"] if isinstance(rule["action"], list) else []
    return [*rule.get("constraint", ()), *refined]


@TEXTS
def test_the_offer_says_what_the_terms_say(text: AgreementText) -> None:
    document, terms = offer(text), text.terms
    kinds = {
        Condition.ALLOWED: "permission",
        Condition.WITH_CONSENT: "permission",
        Condition.FORBIDDEN: "prohibition",
    }

    for action, condition in (
        ("distribute", terms.redistribution),
        ("sumun:processByOthers", terms.third_party_processing),
        ("sumun:transferAbroad", terms.overseas_transfer),
    ):
        where = [kind for kind in RULES if action in actions(document, kind)]
        assert where == [kinds[condition]]
    assert "sumun:reidentify" in actions(document, "prohibition")
    assert ("delete" in actions(document, "obligation")) is terms.destruction_on_recall
    assert actions(document, "permission")[0] == (
        "sumun:trainModels" if terms.training_only else "use"
    )
    purposes = document["permission"][0]["constraint"][0]["rightOperand"]
    assert [each["@id"] for each in purposes] == [f"sumun:{name}" for name in terms.purposes]


@TEXTS
def test_consent_is_a_duty_before_what_needs_it(text: AgreementText) -> None:
    needing = [
        rule
        for rule in offer(text)["permission"]
        if {"action": "obtainConsent"} in rule.get("duty", ())
    ]
    conditions = (text.terms.third_party_processing, text.terms.overseas_transfer)

    assert len(needing) == conditions.count(Condition.WITH_CONSENT)


@TEXTS
def test_durations_are_those_of_the_terms(text: AgreementText) -> None:
    terms = text.terms
    found = set(DURATION.findall(str(offer(text))))
    expected = {
        f"P{terms.acceptance_valid_days}D",
        f"P{terms.destruction_days}D",
        f"PT{terms.breach_report_hours}H",
    }

    assert found == expected | ({f"P{terms.zone_term_days}D"} if terms.zone_term_days else set())


def test_the_profile_defines_every_purpose_event_and_action_in_both_languages() -> None:
    graph = odrl.profile(BASE)["@graph"]

    assert len(graph) == len(odrl.ACTIONS) + len(odrl.EVENTS) + len(odrl.PURPOSES)
    for concept in graph:
        assert [label["@language"] for label in concept["skos:prefLabel"]] == ["ko", "en"]
    parents = [each["odrl:includedIn"]["@id"] for each in graph if "odrl:includedIn" in each]
    assert parents == ["odrl:use"] * len(odrl.ACTIONS)
