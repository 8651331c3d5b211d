"""What a decision is made from. Every value is gathered anew for each request by the caller.

All times are integer milliseconds since the Unix epoch, UTC; all sizes are bytes. ``None`` means
"unknown" and never "no limit": a rule that needs an unknown value denies with ``FACT_MISSING``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

UNLIMITED_BYTES: Final = 2**63 - 1
"""The quota of a grant that has no limit (the largest number Cedar knows)."""

IDENTITY_LEVELS: Final = range(4)
"""0 nothing checked, 1 account with a checked address, 2 second factor, 3 official identity."""


class Action(StrEnum):
    """What a person wants to do. The same names are the actions of the Cedar schema."""

    APPLY = "apply"
    DOWNLOAD = "download"
    PACKAGE = "package"
    SUBMIT_RESULT = "submit_result"
    FETCH_EXPORT = "fetch_export"
    DECIDE_APPLICATION = "decide_application"
    DECIDE_EXPORT = "decide_export"


class Sensitivity(StrEnum):
    """How much harm a leak would do: open < restricted < sensitive (health) < critical (faces)."""

    OPEN = "open"
    RESTRICTED = "restricted"
    SENSITIVE = "sensitive"
    CRITICAL = "critical"


class Delivery(StrEnum):
    """Whether files may leave (download) or are only worked on inside a zone."""

    DOWNLOAD = "download"
    SAFE_ZONE = "safe_zone"


class VersionState(StrEnum):
    """Life of a dataset version."""

    DRAFT = "draft"
    SCANNING = "scanning"
    HELD = "held"
    RELEASED = "released"
    WITHDRAWN = "withdrawn"


class ScanState(StrEnum):
    """Whether the last scan covers this version with the ruleset in force."""

    CURRENT = "current"
    STALE = "stale"
    MISSING = "missing"


class AcceptanceState(StrEnum):
    """The person's own acceptance of the dataset's agreement."""

    NONE = "none"
    LIVE = "live"
    SUPERSEDED = "superseded"
    EXPIRED = "expired"


class GrantState(StrEnum):
    """The recorded state of the grant; the rules check its window against the clock as well."""

    NONE = "none"
    PENDING = "pending"
    LIVE = "live"
    EXPIRED = "expired"
    REVOKED = "revoked"
    SUSPENDED = "suspended"


class EvidenceState(StrEnum):
    """A piece of evidence such as an IRB approval or a training certificate."""

    MISSING = "missing"
    VALID = "valid"
    EXPIRED = "expired"


class ExportState(StrEnum):
    """Life of an export."""

    SUBMITTED = "submitted"
    SCANNING = "scanning"
    HELD = "held"
    APPROVED = "approved"
    REJECTED = "rejected"
    RELEASED = "released"


@dataclass(frozen=True, slots=True)
class Subject:
    """The person who asks, and the organisation they act for (``None``: for nobody).

    ``membership_live`` speaks of ``organisation_id``: for a grant held through an organisation
    that is the grant's organisation, even after the person has left it.
    """

    person_id: str
    authenticated: bool
    active: bool
    suspended: bool
    korean_national: bool | None
    identity_level: int
    organisation_id: str | None
    organisation_verified: bool
    organisation_suspended: bool
    membership_live: bool
    training: EvidenceState


@dataclass(frozen=True, slots=True)
class Target:
    """The dataset (its slug), the version asked for, and what its operator demands."""

    dataset: str
    version: str | None
    sensitivity: Sensitivity
    delivery: Delivery
    nationals_only: bool
    organisation_required: bool
    irb_required: bool
    training_required: bool
    identity_level_required: int
    version_state: VersionState
    dataset_withdrawn: bool
    scan: ScanState
    agreement_code: str


@dataclass(frozen=True, slots=True)
class Standing:
    """What the person holds towards the target: acceptance, grant, IRB evidence, quota.

    The window is half-open, ``[grant_starts_ms, grant_ends_ms)``. A grant without a quota passes
    ``UNLIMITED_BYTES``.
    """

    acceptance: AcceptanceState
    grant: GrantState
    grant_starts_ms: int | None
    grant_ends_ms: int | None
    irb: EvidenceState
    quota_bytes: int | None
    used_bytes: int
    purpose: str
    project_live: bool


@dataclass(frozen=True, slots=True)
class Review:
    """How someone who decides stands to the application or export they decide on."""

    decider_has_role: bool
    decider_is_applicant: bool
    decider_on_team: bool
    decider_is_supervisor: bool
    decider_same_organisation: bool
    organisation_excluded: bool
    already_voted: bool


@dataclass(frozen=True, slots=True)
class ExportFacts:
    """The export that is fetched or decided on."""

    state: ExportState
    is_holder: bool
    content_matches_decision: bool


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything one decision reads."""

    subject: Subject
    target: Target
    standing: Standing
    review: Review | None
    export: ExportFacts | None
    request_bytes: int
    now_ms: int


def anonymous() -> Subject:
    """The visitor who has not signed in: nothing is known, so nothing is granted."""
    return Subject(
        person_id="",
        authenticated=False,
        active=False,
        suspended=False,
        korean_national=None,
        identity_level=0,
        organisation_id=None,
        organisation_verified=False,
        organisation_suspended=False,
        membership_live=False,
        training=EvidenceState.MISSING,
    )


def no_standing() -> Standing:
    """The standing of someone who holds neither acceptance nor grant."""
    return Standing(
        acceptance=AcceptanceState.NONE,
        grant=GrantState.NONE,
        grant_starts_ms=None,
        grant_ends_ms=None,
        irb=EvidenceState.MISSING,
        quota_bytes=None,
        used_bytes=0,
        purpose="",
        project_live=False,
    )
