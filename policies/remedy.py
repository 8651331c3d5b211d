"""What each remedy would change in the facts, so that a path to yes can be tried out.

``FIXES`` goes by rule id and in the order in which a person would take the steps. A rule without
an entry has no remedy on this path; its sentence names another way, if there is one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from policies.facts import IDENTITY_LEVELS, Facts, TaskFacts, ZoneFacts
from policies.vocabulary import (
    AcceptanceState,
    Approval,
    Condition,
    EvidenceState,
    ExportState,
    GrantState,
    ImportState,
    Match,
    Purpose,
    ScanState,
    Use,
    VersionState,
    ZoneSession,
)

Fix = Callable[[Facts], Facts]

STRONGEST_IDENTITY: Final = IDENTITY_LEVELS[-1]
PLACEHOLDER_ORGANISATION: Final = "organisation-to-be-registered"
PSEUDONYMISED_PURPOSES: Final = frozenset(
    {
        Purpose.ACADEMIC_RESEARCH,
        Purpose.COMMERCIAL_DEVELOPMENT,
        Purpose.STATISTICS,
        Purpose.PUBLIC_INTEREST_ARCHIVING,
        Purpose.DEEPFAKE_DETECTION,
    }
)
"""What PIPA art. 28-2 covers: statistics, scientific research and archiving."""


def _subject(**changes: object) -> Fix:
    return lambda facts: replace(facts, subject=replace(facts.subject, **changes))  # type: ignore[arg-type]


def _target(**changes: object) -> Fix:
    return lambda facts: replace(facts, target=replace(facts.target, **changes))  # type: ignore[arg-type]


def _standing(**changes: object) -> Fix:
    return lambda facts: replace(facts, standing=replace(facts.standing, **changes))  # type: ignore[arg-type]


def _export(**changes: object) -> Fix:
    def fix(facts: Facts) -> Facts:
        if facts.export is None:
            return facts
        return replace(facts, export=replace(facts.export, **changes))  # type: ignore[arg-type]

    return fix


def _zone(**changes: object) -> Fix:
    absent = ZoneFacts(ZoneSession.NONE, None, None)
    return lambda facts: replace(facts, zone=replace(facts.zone or absent, **changes))  # type: ignore[arg-type]


def _approve(approval: Approval) -> Fix:
    def fix(facts: Facts) -> Facts:
        return _standing(approvals=facts.standing.approvals | {approval})(facts)

    return fix


def _leave_out(*uses: Use) -> Fix:
    def fix(facts: Facts) -> Facts:
        return _standing(uses=facts.standing.uses - set(uses))(facts)

    return fix


def _permitted_purpose(facts: Facts) -> Facts:
    """Apply anew for a purpose that agreement and PIPA 28-2 both permit, where there is one."""
    permitted = facts.target.agreement.purposes if facts.target.agreement else frozenset[Purpose]()
    fitting = permitted & PSEUDONYMISED_PURPOSES if facts.target.pseudonymised else permitted
    return _standing(purpose=min(fitting))(facts) if fitting else facts


def _consent(use: Use, approval: Approval, term: str) -> Fix:
    def fix(facts: Facts) -> Facts:
        allows = getattr(facts.target.agreement, term, None) is Condition.WITH_CONSENT
        return (_approve(approval) if allows else _leave_out(use))(facts)

    return fix


def _step_up(facts: Facts) -> Facts:
    return _subject(strong_auth_at_ms=facts.now_ms)(facts)


def _take_task(facts: Facts) -> Facts:
    return replace(facts, task=TaskFacts(assigned_to_worker=True, lease_ends_ms=facts.now_ms + 1))


def _give_role(facts: Facts) -> Facts:
    if facts.review is None:
        return facts
    return replace(facts, review=replace(facts.review, decider_has_role=True))


def _verify_organisation(facts: Facts) -> Facts:
    if facts.subject.organisation_id is not None:
        return _subject(organisation_verified=True)(facts)
    return _subject(
        organisation_id=PLACEHOLDER_ORGANISATION,
        organisation_verified=True,
        organisation_suspended=False,
        membership_live=True,
    )(facts)


def _open_window(facts: Facts) -> Facts:
    now = facts.now_ms
    starts, ends = facts.standing.grant_starts_ms, facts.standing.grant_ends_ms
    return _standing(
        grant_starts_ms=now if starts is None else min(starts, now),
        grant_ends_ms=now + 1 if ends is None else max(ends, now + 1),
    )(facts)


def _raise_quota(facts: Facts) -> Facts:
    needed = facts.standing.used_bytes + facts.request_bytes
    return _standing(quota_bytes=max(facts.standing.quota_bytes or 0, needed))(facts)


def _activate(facts: Facts) -> Facts:
    """The grant is live; what a live grant must record and does not yet, is recorded."""
    live = _standing(grant=GrantState.LIVE)(facts)
    windowed = live if _has_window(live) else _open_window(live)
    return windowed if live.standing.quota_bytes is not None else _raise_quota(windowed)


def _state_purpose(facts: Facts) -> Facts:
    """A new application that says what it is for, decided by a person."""
    stated = facts if facts.standing.purpose else _permitted_purpose(facts)
    duo = facts.standing.duo or Match.APPROVE
    return _standing(duo=duo, purpose_reviewed=True)(stated)


def _has_window(facts: Facts) -> bool:
    standing = facts.standing
    return None not in (standing.grant_starts_ms, standing.grant_ends_ms)


def _grant_anew(facts: Facts) -> Facts:
    """A new approval: live, for a running project, with a window and a quota that fit."""
    granted = _standing(grant=GrantState.LIVE, project_live=True)(_state_purpose(facts))
    return _raise_quota(_open_window(granted))


def _renew(facts: Facts) -> Facts:
    state = facts.standing.grant
    renewed = GrantState.LIVE if state is GrantState.EXPIRED else state
    return _open_window(_activate_if_live(_standing(grant=renewed)(facts)))


def _activate_if_live(facts: Facts) -> Facts:
    return _activate(facts) if facts.standing.grant is GrantState.LIVE else facts


FIXES: Final[Mapping[str, Fix]] = {
    "not-signed-in": _subject(authenticated=True, active=True),
    "account-inactive": _subject(active=True),
    "person-suspended": _subject(suspended=False),
    "fact-missing-nationality": _subject(korean_national=True),
    "nationals-only": _approve(Approval.SEPARATE_AGREEMENT),
    "task-scope": _take_task,
    "organisation-not-verified": _verify_organisation,
    "membership-ended": _subject(membership_live=True),
    "organisation-suspended": _subject(organisation_suspended=False),
    "responsible-person-missing": _subject(responsible_named=True),
    "destruction-overdue": _subject(destruction_overdue=False),
    "identity-too-weak": _subject(identity_level=STRONGEST_IDENTITY),
    "training-missing": _subject(training=EvidenceState.VALID),
    "irb-missing-or-expired": _standing(irb=EvidenceState.VALID),
    "originals-sandbox-only": _approve(Approval.REGULATORY_SANDBOX),
    "purpose-not-permitted": _permitted_purpose,
    "pipa-28-2-purpose": _permitted_purpose,
    "purpose-mismatch": _leave_out(
        Use.VOICE_CLONING, Use.SPEAKER_IDENTIFICATION, Use.APPLICANT_ASSESSMENT
    ),
    "reidentification": _leave_out(Use.REIDENTIFICATION, Use.PLATE_OR_FACE_LINKAGE),
    "biometric-identification": _leave_out(Use.BIOMETRIC_IDENTIFICATION),
    "deepfake-detection-only": _leave_out(Use.DEEPFAKE_GENERATION),
    "training-use-only": _leave_out(Use.ANALYSIS, Use.SHOWING_SAMPLES),
    "third-party-processing": _consent(
        Use.THIRD_PARTY_PROCESSING, Approval.THIRD_PARTY_PROCESSING, "third_party_processing"
    ),
    "overseas-transfer": _consent(
        Use.OVERSEAS_TRANSFER, Approval.OVERSEAS_TRANSFER, "overseas_transfer"
    ),
    "duo-mismatch": _standing(duo=Match.APPROVE),
    "grant-missing": _grant_anew,
    "grant-revoked": _grant_anew,
    "project-not-live": _grant_anew,
    "fact-missing-purpose": _grant_anew,
    "duo-needs-review": _standing(purpose_reviewed=True),
    "acceptance-not-live": _standing(acceptance=AcceptanceState.LIVE),
    "agreement-superseded": _standing(acceptance=AcceptanceState.LIVE),
    "organisation-acceptance-not-live": _standing(organisation_acceptance=AcceptanceState.LIVE),
    "grant-suspended": _activate,
    "grant-inactive": _activate,
    "fact-missing-window": _open_window,
    "fact-missing-quota": _raise_quota,
    "grant-expired": _renew,
    "grant-not-started": _open_window,
    "quota-exceeded": _raise_quota,
    "version-not-released": _target(version_state=VersionState.RELEASED),
    "scan-stale": _target(scan=ScanState.CURRENT),
    "contributor-withdrawn": _target(contributor_withdrawn=False),
    "safe-zone-session-over": _zone(session=ZoneSession.OPEN, term_ends_ms=None),
    "safe-zone-only": _zone(session=ZoneSession.OPEN),
    "import-not-approved": _zone(zone_import=ImportState.APPROVED),
    "export-content-changed": _export(content_matches_decision=True),
    "export-not-released": _export(state=ExportState.RELEASED),
    "output-review-pending": _export(state=ExportState.RELEASED),
    # Last, because it holds for minutes only.
    "step-up-due": _step_up,
    "decider-not-authorised": _give_role,
}
