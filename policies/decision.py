"""The answer: allow, deny or review, with every reason and who can remedy each."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """``REVIEW`` is not a yes: a reviewer has the next move and nobody else can take it."""

    ALLOW = "allow"
    DENY = "deny"
    REVIEW = "review"


class Actor(StrEnum):
    """Who can take the remedy."""

    APPLICANT = "applicant"
    SUPERVISOR = "supervisor"
    ORGANISATION_MANAGER = "organisation_manager"
    SIGNING_OFFICIAL = "signing_official"
    STEWARD = "steward"
    COMMITTEE = "committee"
    IRB = "irb"
    TRAINING_BODY = "training_body"
    IDENTITY_PROVIDER = "identity_provider"
    OPERATOR = "operator"
    CONTRACTOR = "contractor"
    ZONE_STAFF = "zone_staff"
    NOBODY = "nobody"

    @property
    def ko(self) -> str:
        """The Korean name, in the words of the glossary."""
        return _NAMES[self][0]

    @property
    def en(self) -> str:
        """The English name."""
        return _NAMES[self][1]


_NAMES: dict[Actor, tuple[str, str]] = {
    Actor.APPLICANT: ("신청인", "applicant"),
    Actor.SUPERVISOR: ("지도교수·연구책임자", "supervisor"),
    Actor.ORGANISATION_MANAGER: ("기관 관리자", "organisation manager"),
    Actor.SIGNING_OFFICIAL: ("서명권자", "signing official"),
    Actor.STEWARD: ("데이터 관리 담당자", "data steward"),
    Actor.COMMITTEE: ("데이터 심의위원회", "data committee"),
    Actor.IRB: ("기관생명윤리위원회(IRB)", "review board (IRB)"),
    Actor.TRAINING_BODY: ("교육기관", "training body"),
    Actor.IDENTITY_PROVIDER: ("본인확인기관", "identity provider"),
    Actor.OPERATOR: ("운영자", "operator"),
    Actor.CONTRACTOR: ("수행기관", "contractor"),
    Actor.ZONE_STAFF: ("안심존 운영자", "safe-zone staff"),
    Actor.NOBODY: ("바꿀 수 있는 사람이 없음", "nobody can change this"),
}


@dataclass(frozen=True, slots=True)
class Blocker:
    """One reason against, stated as the rule ``rule`` states it, with the remedy and its actor."""

    code: str
    rule: str
    actor: Actor
    ko: str
    en: str
    remedy_ko: str
    remedy_en: str
    source: str


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer to one question.

    ``blockers`` holds every reason, in the order of the rule files. ``release`` (hex SHA-256)
    names the rules, schema and agreements that decided; ``facts_digest`` (hex SHA-256) the facts,
    and is empty when the action was unknown or the facts could not be read. ``still_digest`` names
    the facts without clock and sizes.
    """

    action: str
    outcome: Outcome
    blockers: tuple[Blocker, ...]
    release: str
    facts_digest: str
    still_digest: str = ""

    @property
    def allowed(self) -> bool:
        """True only for ``ALLOW``; ``REVIEW`` lets nothing through."""
        return self.outcome is Outcome.ALLOW

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes of the blockers, in their order."""
        return tuple(blocker.code for blocker in self.blockers)
