"""What each remedy would change in the facts, so that a path to yes can be tried out.

``FIXES`` goes by rule id and in the order in which a person would take the steps. A rule without
an entry has no remedy on this path; its sentence names another way, if there is one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from policies.facts import (
    IDENTITY_LEVELS,
    AcceptanceState,
    EvidenceState,
    ExportState,
    Facts,
    GrantState,
    ScanState,
    VersionState,
)

Fix = Callable[[Facts], Facts]

STRONGEST_IDENTITY: Final = IDENTITY_LEVELS[-1]
PLACEHOLDER_ORGANISATION: Final = "organisation-to-be-registered"


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


def _has_window(facts: Facts) -> bool:
    standing = facts.standing
    return None not in (standing.grant_starts_ms, standing.grant_ends_ms)


def _grant_anew(facts: Facts) -> Facts:
    """A new approval: live, for a running project, with a window and a quota that fit."""
    return _raise_quota(_open_window(_standing(grant=GrantState.LIVE, project_live=True)(facts)))


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
    "organisation-not-verified": _verify_organisation,
    "membership-ended": _subject(membership_live=True),
    "organisation-suspended": _subject(organisation_suspended=False),
    "identity-too-weak": _subject(identity_level=STRONGEST_IDENTITY),
    "training-missing": _subject(training=EvidenceState.VALID),
    "irb-missing-or-expired": _standing(irb=EvidenceState.VALID),
    "grant-missing": _grant_anew,
    "grant-revoked": _grant_anew,
    "project-not-live": _grant_anew,
    "acceptance-not-live": _standing(acceptance=AcceptanceState.LIVE),
    "agreement-superseded": _standing(acceptance=AcceptanceState.LIVE),
    "grant-suspended": _activate,
    "grant-inactive": _activate,
    "fact-missing-window": _open_window,
    "fact-missing-quota": _raise_quota,
    "grant-expired": _renew,
    "grant-not-started": _open_window,
    "quota-exceeded": _raise_quota,
    "version-not-released": _target(version_state=VersionState.RELEASED),
    "scan-stale": _target(scan=ScanState.CURRENT),
    "export-content-changed": _export(content_matches_decision=True),
    "export-not-released": _export(state=ExportState.RELEASED),
    "output-review-pending": _export(state=ExportState.RELEASED),
    "decider-not-authorised": _give_role,
}
