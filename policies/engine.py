"""The policy decision point. Whatever goes wrong in here, the answer is no.

Cedar skips a ``forbid`` whose condition errors, which would turn a fault into a yes; so any error
in the diagnostics denies, as does a decision that nobody can explain.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources.abc import Traversable
from typing import TYPE_CHECKING, Final

import cedarpy

from policies import agreements, check, encoding, rules
from policies.decision import Actor, Blocker, Decision, Outcome
from policies.facts import Facts
from policies.facttable import table_from
from policies.vocabulary import Action

if TYPE_CHECKING:
    from hashlib import _Hash

CACHE_SIZE: Final = 4096
_ACTIONS: Final = frozenset(str(action) for action in Action)

ENGINE_ERROR: Final = Blocker(
    code="ENGINE_ERROR",
    rule="engine-error",
    actor=Actor.OPERATOR,
    ko="정책을 판단하는 중에 오류가 나서 이용할 수 없습니다.",
    en="The policy could not be evaluated, so the answer is no.",
    remedy_ko="잠시 뒤 다시 시도하고, 계속되면 운영자에게 알리십시오.",
    remedy_en="Try again shortly; if it persists, tell the operator.",
    source="Fail closed: an error never allows",
)
UNKNOWN_ACTION: Final = Blocker(
    code="UNKNOWN_ACTION",
    rule="unknown-action",
    actor=Actor.OPERATOR,
    ko="정책에 없는 행위이므로 이용할 수 없습니다.",
    en="The policy does not know this action, so the answer is no.",
    remedy_ko="요청한 행위의 이름을 확인하십시오. 이름이 맞으면 운영자에게 알리십시오.",
    remedy_en="Check the name of the action; if it is right, tell the operator.",
    source="Fail closed: what is not known is not allowed",
)


@dataclass(frozen=True, slots=True)
class _Parsed:
    entities: cedarpy.Entities
    principal: dict[str, str]
    resource: dict[str, str]
    hasher: _Hash
    digest: str


@dataclass(frozen=True, slots=True)
class _Forbid:
    position: int
    blocker: Blocker
    outcome: Outcome


class Engine:
    """Rules, schema and agreements of one release, parsed once. Safe to share between threads."""

    def __init__(self, source: rules.RuleSource, texts: Mapping[str, str]):
        """``texts`` are the hashes of the agreements by ``code/vN``.

        Raises check.RuleError when the rules may not be put in force.
        """
        problems = check.inspect(source)
        if problems:
            raise check.RuleError(problems)
        self.source = source
        self.texts = dict(texts)
        self.release = release_hash(source, texts)
        self._policies = cedarpy.PolicySet.from_json_str(rules.policy_json(source.statements))
        self._schema = cedarpy.Schema.from_str(source.schema)
        self._forbids = _forbids(source)
        self._permits = frozenset(s.id for s in source.statements if not s.forbids)
        self._parse = lru_cache(CACHE_SIZE)(self._parse_still)

    @classmethod
    def load(cls, root: Traversable | None = None) -> Engine:
        """The engine over the rule files of ``root`` (default: the package's own).

        Raises check.RuleError for rules and terms.AgreementError for texts that are not whole.
        """
        return cls(rules.read(root), agreements.hashes())

    def decide(self, action: str, facts: Facts) -> Decision:
        """Decide one request; never raises for bad facts, an unknown action or an engine fault."""
        try:
            if action not in _ACTIONS:
                return self._refusal(action, UNKNOWN_ACTION)
            return self._decide(action, facts)
        except Exception:  # whatever it is: here every fault must become a no
            return self._refusal(action, ENGINE_ERROR)

    def _refusal(self, action: str, blocker: Blocker) -> Decision:
        return Decision(str(action), Outcome.DENY, (blocker,), self.release, "")

    def _decide(self, action: str, facts: Facts) -> Decision:
        parsed = self._parse(encoding.still(facts))
        context = encoding.context(facts)
        result = cedarpy.is_authorized(
            _request(str(action), parsed, context), self._policies, parsed.entities, self._schema
        )
        blockers, outcome = self._judge(result)
        digest = parsed.hasher.copy()
        digest.update(context.encode())
        return Decision(
            str(action), outcome, blockers, self.release, digest.hexdigest(), parsed.digest
        )

    def _judge(self, result: cedarpy.AuthzResult) -> tuple[tuple[Blocker, ...], Outcome]:
        reasons, errors = result.diagnostics.reasons, result.diagnostics.errors
        hits = sorted(
            (self._forbids[reason] for reason in reasons if reason in self._forbids),
            key=lambda hit: hit.position,
        )
        blockers = tuple(hit.blocker for hit in hits)
        if result.allowed and not errors and self._permits.issuperset(reasons):
            return (), Outcome.ALLOW
        if errors or not blockers:
            return (*blockers, ENGINE_ERROR), Outcome.DENY
        waiting = all(hit.outcome is Outcome.REVIEW for hit in hits)
        return blockers, Outcome.REVIEW if waiting else Outcome.DENY

    # Cached by equality of the facts: 1 and True are equal and mean the same to every rule.
    def _parse_still(self, facts: encoding.Still) -> _Parsed:
        hasher = hashlib.sha256(encoding.canonical(table_from(facts)).encode())
        return _Parsed(
            cedarpy.Entities.from_json_str(encoding.entities(facts), self._schema),
            {"type": encoding.PERSON, "id": facts.subject.person_id},
            {"type": encoding.DATASET, "id": facts.target.dataset},
            hasher,
            hasher.hexdigest(),
        )


def release_hash(source: rules.RuleSource, texts: Mapping[str, str]) -> str:
    """Hex SHA-256 that names a release: the rules with their schema, then every agreement."""
    parts = [("rules", rules.source_digest(source).encode())]
    parts += [(name, texts[name].encode()) for name in sorted(texts)]
    return rules.digest(parts)


def _forbids(source: rules.RuleSource) -> dict[str, _Forbid]:
    return {
        statement.id: _Forbid(position, rules.blocker(statement), rules.outcome(statement))
        for position, statement in enumerate(source.statements)
        if statement.forbids
    }


def _request(action: str, parsed: _Parsed, context: str) -> dict[str, object]:
    return {
        "principal": parsed.principal,
        "action": {"type": encoding.ACTION, "id": action},
        "resource": parsed.resource,
        "context": context,
    }
