"""Random facts of which a fair share is allowed: every fact is good with a chance of its own."""

from __future__ import annotations

from random import Random

from policies import facts as f
from policies import vocabulary as v

LARGEST = 2**63 - 1
NOW = 1_800_000_000_000
_MOMENTS = (None, NOW, NOW + 1, NOW - 10, 0, -1, LARGEST, -LARGEST - 1)
_SIZES = (0, 1, 999, 1000, 1001, LARGEST - 1, LARGEST, -1, -LARGEST - 1)


def random_facts(random: Random) -> f.Facts:
    """Facts drawn so that about one set in three is flawless for a drawn action."""
    flaw = random.choice((0.0, 0.03, 0.1, 0.4))
    return f.Facts(
        subject=_subject(random, flaw),
        target=_target(random, flaw),
        standing=_standing(random, flaw),
        review=None if random.random() < flaw else _review(random, flaw),
        export=None if random.random() < flaw else _export(random, flaw),
        zone=None if random.random() < flaw else _zone(random, flaw),
        task=None if random.random() < flaw else _task(random, flaw),
        request_bytes=_mostly(random, flaw, 10, *_SIZES),
        now_ms=_mostly(random, flaw, NOW, NOW - 1, NOW + 1, NOW + 100, 0, -1, LARGEST),
    )


def _mostly(random: Random, flaw, good, *others):
    return random.choice(others) if random.random() < flaw else good


def _member(random: Random, flaw, good):
    return _mostly(random, flaw, good, *type(good))


def _coin(random: Random) -> bool:
    return random.random() < 0.5


def _subject(random: Random, flaw: float) -> f.Subject:
    return f.Subject(
        kind=_mostly(random, flaw, *v.PrincipalKind),
        responsible_named=_mostly(random, flaw, True, False),
        crowd_worker=_mostly(random, flaw, False, True),
        strong_auth_at_ms=_mostly(random, flaw, NOW - 1, *_MOMENTS),
        destruction_overdue=_mostly(random, flaw, False, True),
        person_id=random.choice(("p1", "p2")),
        authenticated=_mostly(random, flaw, True, False),
        active=_mostly(random, flaw, True, False),
        suspended=_mostly(random, flaw, False, True),
        korean_national=_mostly(random, flaw, True, False, None),
        identity_level=_mostly(random, flaw, 3, 0, 1, 2),
        organisation_id=_mostly(random, flaw, "o1", None),
        organisation_verified=_mostly(random, flaw, True, False),
        organisation_suspended=_mostly(random, flaw, False, True),
        membership_live=_mostly(random, flaw, True, False),
        training=_member(random, flaw, v.EvidenceState.VALID),
    )


def _target(random: Random, flaw: float) -> f.Target:
    return f.Target(
        dataset="d1",
        version=random.choice(("1.0", None)),
        modality=random.choice(tuple(v.Modality)),
        content=random.choice(tuple(v.Content)),
        originals=_mostly(random, flaw, False, True),
        pseudonymised=_coin(random),
        strong_auth_within_ms=_mostly(random, flaw, 0, 1, 10, LARGEST, -1),
        contributor_withdrawn=_mostly(random, flaw, False, True),
        sensitivity=random.choice(tuple(v.Sensitivity)),
        delivery=_member(random, flaw, v.Delivery.DOWNLOAD),
        nationals_only=_coin(random),
        organisation_required=_coin(random),
        irb_required=_coin(random),
        training_required=_coin(random),
        identity_level_required=random.choice(f.IDENTITY_LEVELS),
        version_state=_member(random, flaw, v.VersionState.RELEASED),
        dataset_withdrawn=_mostly(random, flaw, False, True),
        scan=_member(random, flaw, v.ScanState.CURRENT),
        agreement=None if random.random() < flaw else _terms(random, flaw),
    )


def _terms(random: Random, flaw: float) -> f.AgreementTerms:
    return f.AgreementTerms(
        code="open-research",
        purposes=_some(random, 1 - flaw, v.Purpose),
        training_only=_mostly(random, flaw, False, True),
        third_party_processing=_member(random, flaw, v.Condition.ALLOWED),
        overseas_transfer=_member(random, flaw, v.Condition.ALLOWED),
        organisation_signs=_coin(random),
        destruction_on_recall=_coin(random),
    )


def _standing(random: Random, flaw: float) -> f.Standing:
    return f.Standing(
        acceptance=_member(random, flaw, v.AcceptanceState.LIVE),
        grace_ends_ms=_mostly(random, flaw, NOW + 10, None, NOW, NOW + 1, LARGEST),
        organisation_acceptance=_member(random, flaw, v.AcceptanceState.LIVE),
        grant=_member(random, flaw, v.GrantState.LIVE),
        grant_starts_ms=_mostly(random, flaw, NOW - 10, NOW, NOW + 1, None),
        grant_ends_ms=_mostly(random, flaw, NOW + 10, NOW, NOW + 1, None),
        irb=_member(random, flaw, v.EvidenceState.VALID),
        quota_bytes=_mostly(random, flaw, 1000, None, *_SIZES),
        used_bytes=_mostly(random, flaw, 5, *_SIZES),
        purpose=_mostly(random, flaw, v.Purpose.ACADEMIC_RESEARCH, None, *v.Purpose),
        uses=_some(random, flaw, v.Use),
        approvals=_some(random, 0.5, v.Approval),
        duo=_mostly(random, flaw, v.Match.APPROVE, None, *v.Match),
        purpose_reviewed=_coin(random),
        project_live=_mostly(random, flaw, True, False),
    )


def _review(random: Random, flaw: float) -> f.Review:
    return f.Review(
        decider_has_role=_mostly(random, flaw, True, False),
        decider_is_applicant=_mostly(random, flaw, False, True),
        decider_on_team=_mostly(random, flaw, False, True),
        decider_is_supervisor=_mostly(random, flaw, False, True),
        decider_same_organisation=_mostly(random, flaw, False, True),
        organisation_excluded=_coin(random),
        already_voted=_mostly(random, flaw, False, True),
    )


def _export(random: Random, flaw: float) -> f.ExportFacts:
    return f.ExportFacts(
        state=_member(random, flaw, v.ExportState.RELEASED),
        is_holder=_mostly(random, flaw, True, False),
        content_matches_decision=_mostly(random, flaw, True, False),
    )


def _zone(random: Random, flaw: float) -> f.ZoneFacts:
    return f.ZoneFacts(
        session=_member(random, flaw, v.ZoneSession.OPEN),
        term_ends_ms=_mostly(random, flaw, NOW + 10, None, NOW, NOW + 1),
        zone_import=_mostly(random, flaw, v.ImportState.APPROVED, None, *v.ImportState),
    )


def _task(random: Random, flaw: float) -> f.TaskFacts:
    return f.TaskFacts(
        assigned_to_worker=_mostly(random, flaw, True, False),
        lease_ends_ms=_mostly(random, flaw, NOW + 10, NOW, NOW + 1, -1),
    )


def _some(random: Random, share: float, kind):
    return frozenset(member for member in kind if random.random() < share)
