"""The rules once more, in plain Python and written apart from them, to compare answers with."""

from __future__ import annotations

from collections.abc import Iterator

from policies.facts import Action, Facts

PARTICIPATE = {
    Action.APPLY,
    Action.DOWNLOAD,
    Action.PACKAGE,
    Action.SUBMIT_RESULT,
    Action.FETCH_EXPORT,
}
USE = PARTICIPATE - {Action.APPLY}
TAKE = {Action.DOWNLOAD, Action.PACKAGE}
DECIDE = {Action.DECIDE_APPLICATION, Action.DECIDE_EXPORT}
WAITING = {"submitted", "scanning", "held"}
SENSITIVITY_FLOOR = {"open": 0, "restricted": 1, "sensitive": 1, "critical": 2}
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
        codes |= set(_participant(facts))
    if action in USE:
        codes |= set(_user(facts))
    if action in TAKE:
        codes |= set(_taker(facts))
    if action == Action.FETCH_EXPORT:
        codes |= set(_fetcher(facts))
    if action in DECIDE:
        codes |= set(_decider(facts))
    return _outcome(codes), codes


def _outcome(codes: set[str]) -> str:
    if codes == {"OUTPUT_REVIEW_PENDING"}:
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
    if target.nationals_only and subject.korean_national is False:
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
    if target.dataset_withdrawn:
        yield "DATASET_WITHDRAWN"


def _user(facts: Facts) -> Iterator[str]:
    subject, target, standing = facts.subject, facts.target, facts.standing
    floor = SENSITIVITY_FLOOR[target.sensitivity.value]
    if subject.identity_level < max(floor, target.identity_level_required):
        yield "IDENTITY_TOO_WEAK"
    if target.training_required and subject.training.value != "valid":
        yield "TRAINING_MISSING"
    if target.irb_required and standing.irb.value != "valid":
        yield "IRB_MISSING_OR_EXPIRED"
    if standing.acceptance.value in {"none", "expired"}:
        yield "ACCEPTANCE_NOT_LIVE"
    if standing.acceptance.value == "superseded":
        yield "AGREEMENT_SUPERSEDED"
    yield from _grant(facts)


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
    target, standing = facts.target, facts.standing
    if target.version_state.value != "released":
        yield "VERSION_NOT_RELEASED"
    if target.scan.value in {"stale", "missing"}:
        yield "SCAN_STALE"
    if target.delivery.value == "safe_zone":
        yield "SAFE_ZONE_ONLY"
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
    if facts.target.version_state.value != "released":
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
