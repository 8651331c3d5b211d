"""Gathers what a decision needs, anew for every request, and turns the row into facts."""

from __future__ import annotations

from datetime import datetime

from gateway.access import step_up
from gateway.access.ask import Ask, Gathered
from gateway.access.binding import acceptance, binding_terms
from gateway.access.matching import compare
from gateway.access.models import EndReason
from gateway.access.query import BY_GRANT, BY_PERSON, BY_TASK, Row
from gateway.access.query_parts import APPROVAL_BITS
from gateway.clock import to_ms
from gateway.db import Database
from gateway.identity.models import OrganisationStatus, PersonStatus
from gateway.scanning.model import RULESET
from policies.duo import Matching
from policies.facts import (
    UNLIMITED_BYTES,
    AgreementTerms,
    Facts,
    Standing,
    Subject,
    Target,
    anonymous,
)
from policies.ontology import Ontology
from policies.vocabulary import (
    Action,
    Approval,
    Content,
    Delivery,
    EvidenceState,
    GrantState,
    Modality,
    PrincipalKind,
    Purpose,
    ScanState,
    Sensitivity,
    Use,
    VersionState,
)

# A newer ruleset closes these at once until they are scanned again; less sensitive ones stay
# open meanwhile, because a rule edit would otherwise close the whole estate at the same minute.
RESCAN_BEFORE_USE = frozenset({Sensitivity.SENSITIVE, Sensitivity.CRITICAL})

_ENDED = {
    EndReason.REVOKED: GrantState.REVOKED,
    EndReason.EXPIRED: GrantState.EXPIRED,
    EndReason.RENEWED: GrantState.EXPIRED,
    EndReason.GIVEN_UP: GrantState.NONE,
    EndReason.MOVED: GrantState.NONE,
}


def gather(db: Database, ask: Ask, now: datetime, ontology: Ontology) -> Gathered | None:
    """The facts of `ask` at `now` (aware UTC); None when grant or dataset does not exist, or
    the grant is not held by the person who asks. `ontology` tells which disease lies under which.
    """
    row = _read(db, ask, now)
    if row is None:
        return None
    matching = compare(row, ontology)
    facts = Facts(
        subject=_subject(row, now, ask),
        target=_target(row, now, ask),
        standing=_standing(row, now, matching),
        review=ask.review,
        export=ask.export,
        zone=ask.zone,
        task=ask.task,
        request_bytes=ask.request_bytes,
        now_ms=to_ms(now),
    )
    return _gathered(row, facts, matching)


def _read(db: Database, ask: Ask, now: datetime) -> Row | None:
    if ask.grant_id is None:
        through = ask.machine.organisation_id if ask.machine else None
        found = db.hot.first(
            BY_TASK if ask.action is Action.WORK_TASK else BY_PERSON,
            now=now,
            person_id=ask.person_id,
            dataset_id=ask.dataset_id,
            version_id=ask.version_id,
            organisation_id=through or ask.organisation_id,
            through=through,
            project_id=ask.project_id,
            anew=ask.anew,
        )
        return _stated(Row(*found), ask) if found else None
    found = db.hot.first(BY_GRANT, now=now, grant_id=ask.grant_id, version_id=ask.version_id)
    row = Row(*found) if found else None
    if row is None or (ask.person_id is not None and ask.person_id != row.person_id):
        return None
    # What the responsible person holds for themselves or elsewhere is not the machine's.
    if ask.machine and ask.machine.organisation_id != row.organisation_id:
        return None
    return row


def _stated(row: Row, ask: Ask) -> Row:
    """The row with what the question itself states in place of what the project says."""
    if (said := ask.stated) is None:
        return row
    return row._replace(purpose=said.purpose, uses=list(said.uses), study=dict(said.study))


def _gathered(row: Row, facts: Facts, matching: Matching | None) -> Gathered:
    personal = {"account": row.account, "name": row.name}
    return Gathered(
        facts=facts,
        matching=matching,
        person_id=row.person_id,
        personal={key: value for key, value in personal.items() if value},
        organisation_id=row.organisation_id,
        grant_id=row.grant_id,
        epoch=row.epoch or 0,
        quota_bytes=row.quota_bytes,
        dataset_id=row.dataset_id,
        dataset=row.slug,
        version_id=row.version_id,
        version=row.label,
        version_at=row.version_at,
        url_ttl_seconds=row.url_ttl_seconds,
        agreement_sha256=row.in_force,
        release=row.release,
    )


def _subject(row: Row, now: datetime, ask: Ask) -> Subject:
    if row.person_id is None:
        return anonymous()
    organisation = str(row.organisation_id) if row.organisation_id else None
    return Subject(
        person_id=str(row.person_id),
        kind=PrincipalKind.MACHINE if ask.machine else PrincipalKind.PERSON,
        responsible_named=ask.machine is not None and ask.machine.answered,
        crowd_worker=bool(row.crowd_worker),
        authenticated=True,
        active=row.status != PersonStatus.CLOSED,
        suspended=row.status == PersonStatus.SUSPENDED,
        korean_national=row.korean_national,
        identity_level=row.identity_level or 0,
        strong_auth_at_ms=step_up.confirmed_ms(ask),
        organisation_id=organisation,
        organisation_verified=row.organisation_status == OrganisationStatus.VERIFIED,
        organisation_suspended=row.organisation_status == OrganisationStatus.SUSPENDED,
        membership_live=row.membership_live,
        training=_evidence(row.training_until, now),
        destruction_overdue=False,
    )


def _target(row: Row, now: datetime, ask: Ask) -> Target:
    sensitivity = Sensitivity(row.sensitivity)
    return Target(
        dataset=row.slug,
        version=row.label,
        modality=Modality(row.modality),
        content=Content(row.content),
        originals=row.originals,
        pseudonymised=row.pseudonymised,
        sensitivity=sensitivity,
        delivery=Delivery(row.delivery),
        nationals_only=row.nationals_only,
        organisation_required=row.organisation_required,
        irb_required=row.irb_required,
        training_required=row.training_required,
        identity_level_required=row.required_level,
        strong_auth_within_ms=step_up.window_ms(ask, row.modality, row.content),
        # A version that does not exist is as closed as one that was never released.
        version_state=VersionState(row.version_state or VersionState.DRAFT),
        dataset_withdrawn=row.withdrawn_at is not None,
        scan=_scan(row, sensitivity),
        contributor_withdrawn=False,
        agreement=_agreement(row, now),
    )


def _agreement(row: Row, now: datetime) -> AgreementTerms | None:
    terms = binding_terms(row, now)
    return terms.facts() if terms is not None else None


def _approvals(row: Row) -> frozenset[Approval]:
    held = int(row.approvals or 0)
    return frozenset(kind for kind, bit in APPROVAL_BITS if held & bit)


def _scan(row: Row, sensitivity: Sensitivity) -> ScanState:
    if row.ruleset is None or row.scanned_manifest is None:
        return ScanState.MISSING
    if row.scanned_manifest != row.manifest_sha256:
        return ScanState.STALE
    older = row.ruleset != RULESET
    return ScanState.STALE if older and sensitivity in RESCAN_BEFORE_USE else ScanState.CURRENT


def _standing(row: Row, now: datetime, matching: Matching | None) -> Standing:
    irb = _evidence(row.irb_until, now)
    return Standing(
        acceptance=acceptance(row.signed_until, row.signed_other_until, now),
        grace_ends_ms=to_ms(row.grace_ends_at) if row.grace_ends_at else None,
        organisation_acceptance=acceptance(
            row.organisation_signed_until, row.organisation_signed_other_until, now
        ),
        grant=_grant(row, irb),
        grant_starts_ms=to_ms(row.starts_at) if row.starts_at else None,
        grant_ends_ms=to_ms(row.ends_at) if row.ends_at else None,
        irb=irb,
        quota_bytes=_quota(row),
        used_bytes=row.used_bytes or 0,
        purpose=Purpose(row.purpose) if row.purpose else None,
        uses=frozenset(map(Use, row.uses or ())),
        approvals=_approvals(row),
        duo=matching.match if matching else None,
        purpose_reviewed=bool(row.purpose_reviewed),
        project_live=row.project_live,
    )


def _quota(row: Row) -> int | None:
    if row.grant_id is None:
        return None
    return UNLIMITED_BYTES if row.quota_bytes is None else row.quota_bytes


def _grant(row: Row, irb: EvidenceState) -> GrantState:
    if row.grant_id is None:
        return GrantState.NONE
    if row.ended_at is not None:
        return _ENDED[EndReason(row.end_reason or EndReason.REVOKED)]
    if row.suspended:
        return GrantState.SUSPENDED
    if row.irb_required and irb is EvidenceState.MISSING:
        return GrantState.PENDING
    return GrantState.LIVE


def _evidence(until: datetime | None, now: datetime) -> EvidenceState:
    if until is None:
        return EvidenceState.MISSING
    return EvidenceState.VALID if now < until else EvidenceState.EXPIRED
