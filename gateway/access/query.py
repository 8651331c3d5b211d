"""The two hot statements behind every decision: by grant, and by person and dataset.

One round trip reads person, organisation, membership, dataset, version, grant, acceptance,
evidence and research project, so that a decision never mixes two moments.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    JSON,
    Boolean,
    ColumnElement,
    FromClause,
    Select,
    String,
    Uuid,
    and_,
    bindparam,
    case,
    column,
    distinct,
    exists,
    func,
    literal_column,
    or_,
    select,
    table,
)

from gateway.access.models import Grant
from gateway.agreements.models import (
    Acceptance,
    AgreementState,
    AgreementVersion,
    OrganisationAcceptance,
)
from gateway.catalog.models import Dataset, DatasetVersion
from gateway.db import UtcDateTime
from gateway.db.hot import HotStatement
from gateway.identity.models import Attestation, AttestationKind, Membership, Organisation, Person
from gateway.identity.service_attestations import level_at
from gateway.policy.models import PolicyRelease, ReleaseState
from policies.vocabulary import Approval, VersionState

P, D, V, G, ORG = (
    Person.__table__,
    Dataset.__table__,
    DatasetVersion.__table__,
    Grant.__table__,
    Organisation.__table__,
)
A, OA, AV, M, E, RELEASES = (
    Acceptance.__table__,
    OrganisationAcceptance.__table__,
    AgreementVersion.__table__,
    Membership.__table__,
    Attestation.__table__,
    PolicyRelease.__table__,
)
# Research projects live on a higher floor, so only their name and a few columns are known here.
PROJECTS = table(
    "research_projects",
    column("id", Uuid()),
    column("closed_at", UtcDateTime()),
    column("purpose", String()),
    column("uses", JSON()),
    column("study", JSON()),
)

NOW = bindparam("now", type_=UtcDateTime())
PERSON = bindparam("person_id", type_=Uuid())
DATASET = bindparam("dataset_id", type_=Uuid())
GRANT = bindparam("grant_id", type_=Uuid())
VERSION = bindparam("version_id", type_=Uuid())
ORGANISATION = bindparam("organisation_id", type_=Uuid())
PROJECT = bindparam("project_id", type_=Uuid())
# Whether a new grant is in question, so that none which is held already counts.
ANEW = bindparam("anew", type_=Boolean())

Expression = ColumnElement[Any]

APPROVAL_BITS = tuple((kind, 1 << place) for place, kind in enumerate(Approval))


class Row(NamedTuple):
    """One row of either statement, in the order of its columns."""

    person_id: uuid.UUID | None
    account: str | None
    name: str | None
    status: str | None
    korean_national: bool | None
    identity_level: int | None
    organisation_id: uuid.UUID | None
    organisation_status: str | None
    membership_live: bool
    training_until: datetime | None
    dataset_id: uuid.UUID
    slug: str
    modality: str
    content: str
    originals: bool
    pseudonymised: bool
    duo: list[str]
    sensitivity: str
    delivery: str
    nationals_only: bool
    organisation_required: bool
    irb_required: bool
    training_required: bool
    required_level: int
    withdrawn_at: datetime | None
    url_ttl_seconds: int
    agreement_code: str
    version_id: uuid.UUID | None
    label: str | None
    version_state: str | None
    ruleset: str | None
    scanned_manifest: str | None
    manifest_sha256: str | None
    version_at: datetime | None
    in_force: str | None
    terms: dict[str, Any] | None
    grace_ends_at: datetime | None
    signed_until: datetime | None
    signed_other_until: datetime | None
    organisation_signed_until: datetime | None
    organisation_signed_other_until: datetime | None
    grant_id: uuid.UUID | None
    starts_at: datetime | None
    ends_at: datetime | None
    ended_at: datetime | None
    end_reason: str | None
    suspended: bool | None
    quota_bytes: int | None
    used_bytes: int | None
    epoch: int | None
    purpose: str | None
    uses: list[str] | None
    study: dict[str, Any] | None
    purpose_reviewed: bool | None
    irb_until: datetime | None
    approvals: int | None
    project: uuid.UUID | None
    project_live: bool
    release: str | None


def _evidence(kind: AttestationKind, *conditions: Expression) -> Expression:
    """Until when the best checked evidence of `kind` is valid; NULL when there is none."""
    return (
        select(func.max(E.c.valid_until))
        .where(E.c.kind == str(kind), E.c.valid_from <= NOW, *conditions)
        .where(E.c.ended_at.is_(None), E.c.checked_at.is_not(None))
        .scalar_subquery()
    )


def _membership(organisation: Expression) -> Expression:
    return exists(
        select(M.c.id).where(
            M.c.person_id == P.c.id,
            M.c.organisation_id == organisation,
            M.c.ended_at.is_(None),
            M.c.confirmed_by.is_not(None),
        )
    )


def _signatures(organisation: Expression) -> dict[str, Expression]:
    """The version in force, and until when signatures of it or of an older version hold.

    A signature given for one organisation does not carry a grant held through another.
    """
    own = and_(A.c.person_id == P.c.id, A.c.ended_at.is_(None))
    same_organisation = or_(
        A.c.organisation_id.is_(None),
        G.c.organisation_id.is_(None),
        A.c.organisation_id == G.c.organisation_id,
    )
    official = and_(OA.c.organisation_id == organisation, OA.c.ended_at.is_(None))
    return {
        "in_force": _in_force(AV.c.sha256),
        "terms": _in_force(AV.c.terms),
        "grace_ends_at": _grace(_signed(A, own, same_organisation), _signed(OA, official)),
        "signed_until": _until(A, own, same_organisation, binding=True),
        "signed_other_until": _until(A, own, same_organisation, binding=False),
        "organisation_signed_until": _until(OA, official, binding=True),
        "organisation_signed_other_until": _until(OA, official, binding=False),
    }


def _in_force(value: Expression) -> Expression:
    return select(value).where(AV.c.code == D.c.agreement_code, _holds(AV)).scalar_subquery()


def _holds(versions: Any) -> Expression:
    """In force now: a planned end counts from its moment on, before a worker writes it down."""
    ends = versions.c.ends_at
    return and_(versions.c.state == str(AgreementState.IN_FORCE), or_(ends.is_(None), ends > NOW))


def _signed(signatures: Any, *conditions: Expression) -> Expression:
    """The number of the version that was signed last."""
    signed = AV.alias("signed_last")
    source = signatures.join(signed, signatures.c.agreement_version_id == signed.c.id)
    return (
        select(func.max(signed.c.number))
        .select_from(source)
        .where(signed.c.code == D.c.agreement_code, *conditions)
        # Two levels down, SQLAlchemy no longer sees by itself which tables are the outer ones.
        .correlate(P, D, G)
        .scalar_subquery()
    )


def _grace(*signed: Expression) -> Expression:
    """Until when superseded signatures still hold: the first notice period that ends, of those
    versions that came into force since and accept them no longer."""
    later = AV.alias("later")
    refuses = or_(*(later.c.signed_from > number for number in signed))
    return (
        select(func.min(later.c.grace_ends_at, type_=UtcDateTime()))
        .where(later.c.code == D.c.agreement_code, later.c.in_force_at.is_not(None), refuses)
        .scalar_subquery()
    )


def _until(signatures: Any, *conditions: Expression, binding: bool) -> Expression:
    """Until when the best signature holds: of a version that still binds, or of any older one."""
    signed, current = AV.alias("signed"), AV.alias("current")
    binds = signed.c.number >= current.c.signed_from
    return (
        select(func.max(signatures.c.expires_at, type_=UtcDateTime()))
        .select_from(
            signatures.join(signed, signatures.c.agreement_version_id == signed.c.id).join(
                current,
                and_(current.c.code == signed.c.code, _holds(current)),
            )
        )
        .where(signed.c.code == D.c.agreement_code, binds if binding else ~binds, *conditions)
        .scalar_subquery()
    )


def _approvals(project: Expression) -> Expression:
    """The approvals that hold now for the person or the research project, as a sum of bits."""
    bits: list[Any] = [
        (E.c.kind == str(kind), literal_column(str(bit))) for kind, bit in APPROVAL_BITS
    ]
    no_project = E.c.project_id.is_(None)
    return (
        select(func.sum(distinct(case(*bits, else_=literal_column("0")))))
        .where(E.c.valid_from <= NOW, E.c.valid_until > NOW)
        .where(E.c.ended_at.is_(None), E.c.checked_at.is_not(None))
        .where(or_(E.c.project_id == project, and_(no_project, E.c.person_id == P.c.id)))
        .scalar_subquery()
    )


def _of_project(value: Expression, project: Expression) -> Expression:
    return select(value).where(PROJECTS.c.id == project).scalar_subquery()


def _columns(organisation: Expression, project: Expression) -> list[Any]:
    training = _evidence(AttestationKind.TRAINING, E.c.person_id == P.c.id)
    irb = _evidence(AttestationKind.IRB, E.c.project_id == project)
    live = exists(select(PROJECTS.c.id).where(_running(project)))
    signatures = _signatures(organisation)
    release = select(RELEASES.c.sha256).where(RELEASES.c.state == str(ReleaseState.IN_FORCE))
    chosen = {
        "person_id": P.c.id,
        "organisation_id": organisation,
        "organisation_status": ORG.c.status,
        "membership_live": _membership(organisation),
        "training_until": training,
        "dataset_id": D.c.id,
        "required_level": D.c.identity_level,
        "identity_level": level_at(P.c.id, NOW),
        "version_id": V.c.id,
        "version_state": V.c.state,
        "version_at": func.coalesce(V.c.released_at, V.c.created_at, type_=UtcDateTime()),
        "withdrawn_at": D.c.withdrawn_at,
        "grant_id": G.c.id,
        "quota_bytes": G.c.quota_bytes,
        "purpose": func.coalesce(G.c.purpose, _of_project(PROJECTS.c.purpose, project)),
        "uses": _granted_or_planned("uses", project),
        "study": _granted_or_planned("study", project),
        "irb_until": irb,
        "approvals": _approvals(project),
        "project": project,
        "project_live": live,
        "release": release.scalar_subquery(),
        **signatures,
    }
    tables: tuple[FromClause, ...] = (P, D, V, G)
    return [_column(name, chosen, tables).label(name) for name in Row._fields]


def _granted_or_planned(name: str, project: Expression) -> Expression:
    """What the grant says; before there is one, what the research project says."""
    planned = _of_project(PROJECTS.c[name], project)
    return case((G.c.id.is_not(None), G.c[name]), else_=planned)


def _running(project: Expression) -> Expression:
    return and_(PROJECTS.c.id == project, PROJECTS.c.closed_at.is_(None))


def _column(name: str, chosen: dict[str, Expression], tables: tuple[FromClause, ...]) -> Expression:
    return chosen[name] if name in chosen else next(t.c[name] for t in tables if name in t.c)


def _version() -> Expression:
    newest = V.alias("newest")
    released = (
        select(newest.c.id)
        .where(newest.c.dataset_id == D.c.id, newest.c.state == str(VersionState.RELEASED))
        .order_by(newest.c.released_at.desc(), newest.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    wanted = case((VERSION.is_(None), released), else_=VERSION)
    return and_(V.c.dataset_id == D.c.id, V.c.id == wanted)


def _by_grant() -> Select[Any]:
    source = (
        G.join(P, P.c.id == G.c.person_id)
        .join(D, D.c.id == G.c.dataset_id)
        .outerjoin(V, _version())
        .outerjoin(ORG, ORG.c.id == G.c.organisation_id)
    )
    columns = _columns(G.c.organisation_id, G.c.project_id)
    return select(*columns).select_from(source).where(G.c.id == GRANT)


def _best_grant() -> Expression:
    other = G.alias("best")
    ended = case((other.c.ended_at.is_(None), 0), else_=1)
    return (
        select(other.c.id)
        .where(other.c.person_id == PERSON, other.c.dataset_id == D.c.id)
        .where(or_(PROJECT.is_(None), other.c.project_id == PROJECT), ~ANEW)
        .order_by(ended, other.c.suspended, other.c.ends_at.desc(), other.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )


def _own_organisation() -> Expression:
    return (
        select(M.c.organisation_id)
        .where(M.c.person_id == PERSON, M.c.ended_at.is_(None), M.c.confirmed_by.is_not(None))
        .order_by(M.c.started_at.desc())
        .limit(1)
        .scalar_subquery()
    )


def _by_person() -> Select[Any]:
    own = func.coalesce(ORGANISATION, _own_organisation(), type_=Uuid())
    organisation = case((G.c.id.is_not(None), G.c.organisation_id), else_=own)
    project = func.coalesce(G.c.project_id, PROJECT, type_=Uuid())
    source = (
        D.outerjoin(P, P.c.id == PERSON)
        .outerjoin(G, G.c.id == _best_grant())
        .outerjoin(V, _version())
        .outerjoin(ORG, ORG.c.id == organisation)
    )
    return select(*_columns(organisation, project)).select_from(source).where(D.c.id == DATASET)


BY_GRANT = HotStatement(_by_grant())
BY_PERSON = HotStatement(_by_person())
