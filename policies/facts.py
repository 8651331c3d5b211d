"""What a decision is made from. Every value is gathered anew for each request by the caller.

All times are integer milliseconds since the Unix epoch, UTC; all sizes are bytes. ``None`` means
"unknown" and never "no limit": a rule that needs an unknown value denies with ``FACT_MISSING``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from policies.vocabulary import (
    AcceptanceState,
    Approval,
    Condition,
    Content,
    Delivery,
    EvidenceState,
    ExportState,
    GrantState,
    ImportState,
    Match,
    Modality,
    PrincipalKind,
    Purpose,
    ScanState,
    Sensitivity,
    Use,
    VersionState,
    ZoneSession,
)

UNLIMITED_BYTES: Final = 2**63 - 1
"""The quota of a grant that has no limit (the largest number Cedar knows)."""

IDENTITY_LEVELS: Final = range(4)
"""0 nothing checked, 1 account with a checked address, 2 second factor, 3 official identity."""


@dataclass(frozen=True, slots=True)
class Subject:
    """The person who asks, and the organisation they act for (``None``: for nobody).

    ``membership_live`` speaks of ``organisation_id``: for a grant held through an organisation
    that is the grant's organisation, even after the person has left it. For a machine client
    every field of a person is its responsible person's; ``responsible_named`` says there is one.
    ``strong_auth_at_ms`` is the last sign-in with a phishing-resistant factor, ``None`` for never.
    """

    person_id: str
    kind: PrincipalKind
    responsible_named: bool
    crowd_worker: bool
    authenticated: bool
    active: bool
    suspended: bool
    korean_national: bool | None
    identity_level: int
    strong_auth_at_ms: int | None
    organisation_id: str | None
    organisation_verified: bool
    organisation_suspended: bool
    membership_live: bool
    training: EvidenceState
    destruction_overdue: bool


@dataclass(frozen=True, slots=True)
class AgreementTerms:
    """What the agreement that binds this access says, as far as rules read it.

    ``purposes`` are the permitted ones. ``training_only`` bars every use but training and
    evaluation of models; ``organisation_signs`` asks for the signing official's acceptance
    besides the person's own. With ``destruction_on_recall`` an overdue destruction statement
    closes grants.
    """

    code: str
    purposes: frozenset[Purpose]
    training_only: bool
    third_party_processing: Condition
    overseas_transfer: Condition
    organisation_signs: bool
    destruction_on_recall: bool


@dataclass(frozen=True, slots=True)
class Target:
    """The dataset (its slug), the version asked for, and what its operator demands.

    ``originals`` are recordings before masking; ``pseudonymised`` data falls under PIPA 28-2.
    ``strong_auth_within_ms`` is how old the last phishing-resistant sign-in may be, 0 for any.
    ``contributor_withdrawn`` speaks of the items asked for.
    """

    dataset: str
    version: str | None
    modality: Modality
    content: Content
    sensitivity: Sensitivity
    delivery: Delivery
    originals: bool
    pseudonymised: bool
    nationals_only: bool
    organisation_required: bool
    irb_required: bool
    training_required: bool
    identity_level_required: int
    strong_auth_within_ms: int
    version_state: VersionState
    dataset_withdrawn: bool
    scan: ScanState
    contributor_withdrawn: bool
    agreement: AgreementTerms | None


@dataclass(frozen=True, slots=True)
class Standing:
    """What the person holds towards the target: acceptance, grant, IRB evidence, quota.

    The window is half-open, ``[grant_starts_ms, grant_ends_ms)``. A grant without a quota passes
    ``UNLIMITED_BYTES``. A superseded acceptance still counts before ``grace_ends_ms``.
    ``purpose_reviewed`` says that a steward or committee decided on purpose and uses.
    """

    acceptance: AcceptanceState
    grace_ends_ms: int | None
    organisation_acceptance: AcceptanceState
    grant: GrantState
    grant_starts_ms: int | None
    grant_ends_ms: int | None
    irb: EvidenceState
    quota_bytes: int | None
    used_bytes: int
    purpose: Purpose | None
    uses: frozenset[Use]
    approvals: frozenset[Approval]
    duo: Match | None
    purpose_reviewed: bool
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
class ZoneFacts:
    """The person's place in the safe zone; ``zone_import`` only for an import under way.

    ``term_ends_ms`` is when the term that the agreement sets is over, ``None`` without a term.
    """

    session: ZoneSession
    term_ends_ms: int | None
    zone_import: ImportState | None


@dataclass(frozen=True, slots=True)
class TaskFacts:
    """The crowd worker's hold on the item asked for."""

    assigned_to_worker: bool
    lease_ends_ms: int


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything one decision reads."""

    subject: Subject
    target: Target
    standing: Standing
    review: Review | None
    export: ExportFacts | None
    zone: ZoneFacts | None
    task: TaskFacts | None
    request_bytes: int
    now_ms: int


def anonymous() -> Subject:
    """The visitor who has not signed in: nothing is known, so nothing is granted."""
    return Subject(
        person_id="",
        kind=PrincipalKind.PERSON,
        responsible_named=False,
        crowd_worker=False,
        authenticated=False,
        active=False,
        suspended=False,
        korean_national=None,
        identity_level=0,
        strong_auth_at_ms=None,
        organisation_id=None,
        organisation_verified=False,
        organisation_suspended=False,
        membership_live=False,
        training=EvidenceState.MISSING,
        destruction_overdue=False,
    )


def no_standing() -> Standing:
    """The standing of someone who holds neither acceptance nor grant."""
    return Standing(
        acceptance=AcceptanceState.NONE,
        grace_ends_ms=None,
        organisation_acceptance=AcceptanceState.NONE,
        grant=GrantState.NONE,
        grant_starts_ms=None,
        grant_ends_ms=None,
        irb=EvidenceState.MISSING,
        quota_bytes=None,
        used_bytes=0,
        purpose=None,
        uses=frozenset(),
        approvals=frozenset(),
        duo=None,
        purpose_reviewed=False,
        project_live=False,
    )
