"""Which rules concern which action: asked of Cedar itself, with every condition left out."""

from __future__ import annotations

import json
from collections.abc import Mapping

import cedarpy

from policies import encoding
from policies.rules import RuleSource
from policies.vocabulary import Action


def rules_by_action(source: RuleSource) -> Mapping[str, frozenset[str]]:
    """For every action the ids of the rules whose scope covers it, groups included."""
    bare = cedarpy.PolicySet.from_json_str(_without_conditions(source))
    schema = cedarpy.Schema.from_str(source.schema)
    return {str(action): _concerned(str(action), bare, schema) for action in Action}


def _without_conditions(source: RuleSource) -> str:
    bare = {
        statement.id: {**(statement.syntax or {}), "effect": "permit", "conditions": []}
        for statement in source.statements
    }
    return json.dumps({"staticPolicies": bare, "templates": {}, "templateLinks": []})


def _concerned(action: str, policies: cedarpy.PolicySet, schema: cedarpy.Schema) -> frozenset[str]:
    request = {
        "principal": {"type": encoding.PERSON, "id": ""},
        "action": {"type": encoding.ACTION, "id": action},
        "resource": {"type": encoding.DATASET, "id": ""},
        "context": {"now_ms": 0, "request_bytes": 0, "used_bytes": 0},
    }
    result = cedarpy.is_authorized(request, policies, "[]", schema)
    return frozenset(result.diagnostics.reasons)
