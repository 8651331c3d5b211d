"""For every rule that refuses, the facts that make it refuse whatever else holds."""

from __future__ import annotations

from typing import Any

from policies.facts import Facts
from policies.facttable import facts_from, table_from
from tests.unit.policies.baselines import baseline
from tests.unit.policies.randomfacts import NOW

BLOCKERS: dict[str, dict[str, Any]] = {
    "not-signed-in": {"subject.authenticated": False},
    "account-inactive": {"subject.authenticated": True, "subject.active": False},
    "person-suspended": {"subject.suspended": True},
    "nationals-only": {
        "target.nationals_only": True,
        "subject.korean_national": False,
        "standing.approvals": [],
    },
    "identity-too-weak": {"target.identity_level_required": 3, "subject.identity_level": 2},
    "step-up-due": {"target.strong_auth_within_ms": 1, "subject.strong_auth_at_ms": None},
    "responsible-person-missing": {"subject.kind": "machine", "subject.responsible_named": False},
    "task-scope": {"subject.crowd_worker": True, "task.assigned_to_worker": False},
    "destruction-overdue": {
        "subject.destruction_overdue": True,
        "target.agreement.destruction_on_recall": True,
    },
    "organisation-not-verified": {
        "target.organisation_required": True,
        "subject.organisation_verified": False,
    },
    "organisation-suspended": {
        "subject.organisation_id": "o1",
        "subject.organisation_suspended": True,
    },
    "membership-ended": {"subject.organisation_id": "o1", "subject.membership_live": False},
    "dataset-withdrawn": {"target.dataset_withdrawn": True},
    "version-not-released": {"target.version_state": "held"},
    "scan-stale": {"target.scan": "stale"},
    "originals-sandbox-only": {"target.originals": True, "standing.approvals": []},
    "contributor-withdrawn": {"target.contributor_withdrawn": True},
    "safe-zone-only": {"target.delivery": "safe_zone", "zone.session": "none"},
    "safe-zone-no-download": {"target.delivery": "safe_zone"},
    "safe-zone-session-over": {"zone.session": "over"},
    "import-not-approved": {"zone.zone_import": "rejected"},
    "training-missing": {"target.training_required": True, "subject.training": "expired"},
    "irb-missing-or-expired": {"target.irb_required": True, "standing.irb": "expired"},
    "purpose-not-permitted": {
        "target.agreement.purposes": ["statistics"],
        "standing.purpose": "education",
    },
    "pipa-28-2-purpose": {"target.pseudonymised": True, "standing.purpose": "education"},
    "purpose-mismatch": {"target.modality": "speech", "standing.uses": ["voice_cloning"]},
    "reidentification": {"standing.uses": ["reidentification"]},
    "biometric-identification": {"standing.uses": ["biometric_identification"]},
    "deepfake-detection-only": {"target.content": "face", "standing.uses": ["deepfake_generation"]},
    "training-use-only": {
        "target.agreement.training_only": True,
        "standing.uses": ["showing_samples"],
    },
    "third-party-processing": {
        "target.agreement.third_party_processing": "forbidden",
        "standing.uses": ["third_party_processing"],
    },
    "overseas-transfer": {
        "target.agreement.overseas_transfer": "forbidden",
        "standing.uses": ["overseas_transfer"],
    },
    "duo-mismatch": {"standing.duo": "deny"},
    "duo-needs-review": {"standing.duo": "abstain", "standing.purpose_reviewed": False},
    "acceptance-not-live": {"standing.acceptance": "expired"},
    "agreement-superseded": {"standing.acceptance": "superseded", "standing.grace_ends_ms": None},
    "organisation-acceptance-not-live": {
        "subject.kind": "machine",
        "standing.organisation_acceptance": "none",
    },
    "grant-missing": {"standing.grant": "none"},
    "grant-inactive": {"standing.grant": "pending"},
    "grant-not-started": {"standing.grant_starts_ms": NOW + 1, "now_ms": NOW},
    "grant-expired": {"standing.grant": "expired"},
    "grant-revoked": {"standing.grant": "revoked"},
    "grant-suspended": {"standing.grant": "suspended"},
    "project-not-live": {"standing.grant": "live", "standing.project_live": False},
    "quota-exceeded": {
        "standing.quota_bytes": 10,
        "standing.used_bytes": 5,
        "request_bytes": 6,
    },
    "not-holder": {"export.is_holder": False},
    "output-review-pending": {"export.state": "held"},
    "export-not-released": {"export.state": "rejected"},
    "export-content-changed": {"export.content_matches_decision": False},
    "decider-not-authorised": {"review.decider_has_role": False},
    "decider-is-applicant": {"review.decider_is_applicant": True},
    "decider-on-team": {"review.decider_on_team": True},
    "decider-is-supervisor": {"review.decider_is_supervisor": True},
    "decider-organisation-excluded": {
        "review.organisation_excluded": True,
        "review.decider_same_organisation": True,
    },
    "already-voted": {"review.already_voted": True},
    "fact-missing-nationality": {
        "subject.authenticated": True,
        "target.nationals_only": True,
        "subject.korean_national": None,
    },
    "fact-missing-window": {"standing.grant": "live", "standing.grant_ends_ms": None},
    "fact-missing-quota": {"standing.grant": "live", "standing.quota_bytes": None},
    "fact-missing-agreement": {"target.agreement": None},
    "fact-missing-purpose": {"standing.grant": "live", "standing.purpose": None},
    "fact-missing-export": {"export": None},
    "fact-missing-review": {"review": None},
}


def blocked(facts: Facts, rule: str) -> Facts:
    """The facts with what makes ``rule`` refuse; a record that is missing is supplied."""
    table, changes = table_from(facts), BLOCKERS[rule]
    for part, name in (("review", "member"), ("export", "researcher"), ("zone", "visitor")):
        table[part] = table[part] or table_from(getattr(baseline(name), part))
    table["task"] = table["task"] or table_from(baseline("worker").task)
    agreement = baseline("researcher").target.agreement
    table["target"]["agreement"] = table["target"]["agreement"] or table_from(agreement)
    return facts_from(table, changes)
