"""Random facts of which a fair share is allowed: every fact is good with a chance of its own."""

from __future__ import annotations

from random import Random

from policies import facts as f

LARGEST = 2**63 - 1
NOW = 1_800_000_000_000
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
        training=_member(random, flaw, f.EvidenceState.VALID),
    )


def _target(random: Random, flaw: float) -> f.Target:
    return f.Target(
        dataset="d1",
        version=random.choice(("1.0", None)),
        sensitivity=random.choice(tuple(f.Sensitivity)),
        delivery=_member(random, flaw, f.Delivery.DOWNLOAD),
        nationals_only=_coin(random),
        organisation_required=_coin(random),
        irb_required=_coin(random),
        training_required=_coin(random),
        identity_level_required=random.choice(f.IDENTITY_LEVELS),
        version_state=_member(random, flaw, f.VersionState.RELEASED),
        dataset_withdrawn=_mostly(random, flaw, False, True),
        scan=_member(random, flaw, f.ScanState.CURRENT),
        agreement_code="open-research",
    )


def _standing(random: Random, flaw: float) -> f.Standing:
    return f.Standing(
        acceptance=_member(random, flaw, f.AcceptanceState.LIVE),
        grant=_member(random, flaw, f.GrantState.LIVE),
        grant_starts_ms=_mostly(random, flaw, NOW - 10, NOW, NOW + 1, None),
        grant_ends_ms=_mostly(random, flaw, NOW + 10, NOW, NOW + 1, None),
        irb=_member(random, flaw, f.EvidenceState.VALID),
        quota_bytes=_mostly(random, flaw, 1000, None, *_SIZES),
        used_bytes=_mostly(random, flaw, 5, *_SIZES),
        purpose="research",
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
        state=_member(random, flaw, f.ExportState.RELEASED),
        is_holder=_mostly(random, flaw, True, False),
        content_matches_decision=_mostly(random, flaw, True, False),
    )
