"""The rules once more, in plain Python and written apart from them, to compare answers with."""

from __future__ import annotations

from collections.abc import Iterator

from policies.facts import Facts
from policies.vocabulary import Action

PARTICIPATE = {
    Action.APPLY,
    Action.DOWNLOAD,
    Action.PACKAGE,
    Action.SUBMIT_RESULT,
    Action.FETCH_EXPORT,
    Action.READ_IN_ZONE,
    Action.IMPORT_TO_ZONE,
}
USE = PARTICIPATE - {Action.APPLY}
TAKE = {Action.DOWNLOAD, Action.PACKAGE}
DECIDE = {Action.DECIDE_APPLICATION, Action.DECIDE_EXPORT}
READ = TAKE | {Action.READ_IN_ZONE}
WAITING = {"submitted", "scanning", "held"}
SENSITIVITY_FLOOR = {"open": 0, "restricted": 1, "sensitive": 1, "critical": 2}
SCIENCE = {
    "academic_research",
    "commercial_development",
    "statistics",
    "public_interest_archiving",
    "deepfake_detection",
}
VOICES = {"voice_cloning", "speaker_identification"}
GRANT_CODES = {
    "none": "GRANT_MISSING",
    "pending": "GRANT_INACTIVE",
    "revoked": "GRANT_REVOKED",
    "suspended": "GRANT_SUSPENDED",
    "expired": "GRANT_EXPIRED",
}


def answer(action: Action, facts: Facts) -> tuple[str, set[str]]:
    """The outcome and the set of codes that the rules should give."""
    codes = set(_person(facts))
    if action in PARTICIPATE:
        codes |= {*_participant(facts), *_purposes(facts)}
    if action in USE:
        codes |= set(_user(facts))
    if action in USE or action == Action.WORK_TASK:
        codes |= set(_signature(facts))
    if action == Action.WORK_TASK:
        codes |= {*_withdrawn(facts), *_weak(facts)}
    if action in READ:
        codes |= set(_reader(facts, action))
    if action in TAKE:
        codes |= set(_taker(facts))
    if action == Action.FETCH_EXPORT:
        codes |= set(_fetcher(facts))
    if action in {Action.READ_IN_ZONE, Action.IMPORT_TO_ZONE}:
        codes |= set(_visitor(facts, action))
    if action in DECIDE:
        codes |= set(_decider(facts))
    else:
        codes |= set(_worker(facts, action))
    return _outcome(codes), codes


def _outcome(codes: set[str]) -> str:
    if codes and codes <= {"OUTPUT_REVIEW_PENDING", "DUO_REVIEW_PENDING"}:
        return "review"
    return "deny" if codes else "allow"


def _person(facts: Facts) -> Iterator[str]:
    subject = facts.subject
    if not subject.authenticated:
        yield "NOT_SIGNED_IN"
    elif not subject.active:
        yield "ACCOUNT_INACTIVE"
    if subject.suspended:
        yield "SUSPENDED"


def _participant(facts: Facts) -> Iterator[str]:
    subject, target = facts.subject, facts.target
    special = "separate_agreement" in facts.standing.approvals
    if target.nationals_only and subject.korean_national is False and not special:
        yield "NATIONALS_ONLY"
    if target.nationals_only and subject.korean_national is None and subject.authenticated:
        yield "FACT_MISSING"
    belongs = subject.organisation_id is not None
    if target.organisation_required and not (belongs and subject.organisation_verified):
        yield "ORGANISATION_NOT_VERIFIED"
    if belongs and subject.organisation_suspended:
        yield "ORGANISATION_SUSPENDED"
    if belongs and not subject.membership_live:
        yield "MEMBERSHIP_ENDED"
    yield from _withdrawn(facts)
    if subject.kind.value == "machine" and not subject.responsible_named:
        yield "RESPONSIBLE_PERSON_MISSING"
    if subject.destruction_overdue and target.agreement and target.agreement.destruction_on_recall:
        yield "DESTRUCTION_OVERDUE"


def _purposes(facts: Facts) -> Iterator[str]:
    target, standing = facts.target, facts.standing
    uses, purpose = {use.value for use in standing.uses}, standing.purpose
    if target.pseudonymised and purpose is not None and purpose.value not in SCIENCE:
        yield "PIPA_28_2_PURPOSE"
    speech = target.modality.value == "speech" and uses & {
        "voice_cloning",
        "speaker_identification",
    }
    interview = target.content.value == "interview" and "applicant_assessment" in uses
    if speech or interview:
        yield "PURPOSE_MISMATCH"
    driving = target.content.value == "driving" and "plate_or_face_linkage" in uses
    if "reidentification" in uses or driving:
        yield "REIDENTIFICATION"
    if "biometric_identification" in uses:
        yield "BIOMETRIC_IDENTIFICATION"
    if target.content.value in {"face", "deepfake"} and "deepfake_generation" in uses:
        yield "DEEPFAKE_DETECTION_ONLY"
    if standing.duo is not None and standing.duo.value == "deny":
        yield "DUO_MISMATCH"
    if target.agreement is not None:
        yield from _clauses(facts, uses)


def _clauses(facts: Facts, uses: set[str]) -> Iterator[str]:
    agreement, standing = facts.target.agreement, facts.standing
    assert agreement is not None
    if standing.purpose is not None and standing.purpose not in agreement.purposes:
        yield "PURPOSE_NOT_PERMITTED"
    if agreement.training_only and uses & {"analysis", "showing_samples"}:
        yield "TRAINING_USE_ONLY"
    for name in ("third_party_processing", "overseas_transfer"):
        condition = getattr(agreement, name).value
        consented = condition == "with_consent" and name in standing.approvals
        if name in uses and condition != "allowed" and not consented:
            yield name.upper()


def _withdrawn(facts: Facts) -> Iterator[str]:
    if facts.target.dataset_withdrawn or facts.target.version_state.value == "withdrawn":
        yield "DATASET_WITHDRAWN"


def _weak(facts: Facts) -> Iterator[str]:
    subject, target = facts.subject, facts.target
    floor = SENSITIVITY_FLOOR[target.sensitivity.value]
    window, last = target.strong_auth_within_ms, subject.strong_auth_at_ms
    recent = last is not None and facts.now_ms >= 0 and last > facts.now_ms - window
    weak = subject.identity_level < max(floor, target.identity_level_required)
    if weak:
        yield "IDENTITY_TOO_WEAK"
    if window > 0 and not recent:
        yield "STEP_UP_DUE"


def _user(facts: Facts) -> Iterator[str]:
    subject, target, standing = facts.subject, facts.target, facts.standing
    yield from _weak(facts)
    if target.training_required and subject.training.value != "valid":
        yield "TRAINING_MISSING"
    if target.irb_required and standing.irb.value != "valid":
        yield "IRB_MISSING_OR_EXPIRED"
    if target.originals and "regulatory_sandbox" not in standing.approvals:
        yield "ORIGINALS_SANDBOX_ONLY"
    if target.agreement is None:
        yield "FACT_MISSING"
    by_organisation = target.agreement is not None and target.agreement.organisation_signs
    if subject.kind.value == "machine" or by_organisation:
        signed = standing.organisation_acceptance.value
        if signed != "live" and not (signed == "superseded" and _in_grace(facts)):
            yield "ORGANISATION_ACCEPTANCE_NOT_LIVE"
    undecided = standing.duo is not None and standing.duo.value == "abstain"
    if undecided and not standing.purpose_reviewed:
        yield "DUO_REVIEW_PENDING"
    if standing.grant.value == "live" and None in (standing.purpose, standing.duo):
        yield "FACT_MISSING"
    yield from _grant(facts)


def _in_grace(facts: Facts) -> bool:
    ends = facts.standing.grace_ends_ms
    return ends is not None and facts.now_ms < ends


def _signature(facts: Facts) -> Iterator[str]:
    acceptance = facts.standing.acceptance.value
    if acceptance in {"none", "expired"}:
        yield "ACCEPTANCE_NOT_LIVE"
    if acceptance == "superseded" and not _in_grace(facts):
        yield "AGREEMENT_SUPERSEDED"


def _worker(facts: Facts, action: Action) -> Iterator[str]:
    task = facts.task
    own = task is not None and task.assigned_to_worker and facts.now_ms < task.lease_ends_ms
    if action == Action.WORK_TASK:
        if not own:
            yield "TASK_SCOPE"
        if facts.target.contributor_withdrawn:
            yield "CONTRIBUTOR_WITHDRAWN"
    elif facts.subject.crowd_worker:
        yield "TASK_SCOPE"


def _reader(facts: Facts, action: Action) -> Iterator[str]:
    target, zone = facts.target, facts.zone
    if target.version_state.value not in {"released", "withdrawn"}:
        yield "VERSION_NOT_RELEASED"
    if target.scan.value in {"stale", "missing"}:
        yield "SCAN_STALE"
    if target.contributor_withdrawn:
        yield "CONTRIBUTOR_WITHDRAWN"
    confined = target.delivery.value == "safe_zone" or action == Action.READ_IN_ZONE
    if confined and (zone is None or zone.session.value == "none"):
        yield "SAFE_ZONE_ONLY"


def _visitor(facts: Facts, action: Action) -> Iterator[str]:
    zone = facts.zone
    ended = zone is not None and zone.session.value == "over"
    past = zone is not None and zone.term_ends_ms is not None and facts.now_ms >= zone.term_ends_ms
    if ended or past:
        yield "SAFE_ZONE_SESSION_OVER"
    asked = zone.zone_import.value if zone is not None and zone.zone_import else ""
    if action == Action.IMPORT_TO_ZONE and asked != "approved":
        yield "IMPORT_NOT_APPROVED"


def _grant(facts: Facts) -> Iterator[str]:
    standing, now = facts.standing, facts.now_ms
    state = standing.grant.value
    if state != "live":
        yield GRANT_CODES[state]
    elif standing.grant_starts_ms is None or standing.grant_ends_ms is None:
        yield "FACT_MISSING"
    if standing.grant_starts_ms is not None and standing.grant_starts_ms > now:
        yield "GRANT_NOT_STARTED"
    if standing.grant_ends_ms is not None and not now < standing.grant_ends_ms:
        yield "GRANT_EXPIRED"
    if state != "none" and not standing.project_live:
        yield "PROJECT_NOT_LIVE"


def _taker(facts: Facts) -> Iterator[str]:
    standing = facts.standing
    if facts.target.delivery.value == "safe_zone":
        yield "SAFE_ZONE_NO_DOWNLOAD"
    if standing.quota_bytes is None:
        if standing.grant.value == "live":
            yield "FACT_MISSING"
        return
    # Python's integers do not overflow, so the plain sum is the truth to compare with.
    exceeds = standing.used_bytes + facts.request_bytes > standing.quota_bytes
    overdrawn = standing.used_bytes > standing.quota_bytes
    if exceeds or overdrawn or standing.used_bytes < 0 or facts.request_bytes < 0:
        yield "QUOTA_EXCEEDED"


def _fetcher(facts: Facts) -> Iterator[str]:
    if facts.target.version_state.value not in {"released", "withdrawn"}:
        yield "VERSION_NOT_RELEASED"
    if facts.export is None:
        yield "FACT_MISSING"
        return
    state = facts.export.state.value
    if not facts.export.is_holder:
        yield "NOT_HOLDER"
    if state in WAITING:
        yield "OUTPUT_REVIEW_PENDING"
    elif state != "released":
        yield "EXPORT_NOT_RELEASED"
    if not facts.export.content_matches_decision:
        yield "EXPORT_CONTENT_CHANGED"


def _decider(facts: Facts) -> Iterator[str]:
    review = facts.review
    if review is None:
        yield "FACT_MISSING"
        return
    if not review.decider_has_role:
        yield "DECIDER_NOT_AUTHORISED"
    if review.decider_is_applicant:
        yield "DECIDER_IS_APPLICANT"
    if review.decider_on_team:
        yield "DECIDER_ON_TEAM"
    if review.decider_is_supervisor:
        yield "DECIDER_IS_SUPERVISOR"
    if review.organisation_excluded and review.decider_same_organisation:
        yield "DECIDER_ORGANISATION_EXCLUDED"
    if review.already_voted:
        yield "ALREADY_VOTED"
