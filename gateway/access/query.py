"""The hot statements behind every decision: by grant, by person and dataset, by task.

One round trip reads person, organisation, membership, dataset, version, grant, acceptance,
evidence and research project, so that a decision never mixes two moments.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    FromClause,
    Select,
    Uuid,
    and_,
    case,
    exists,
    func,
    literal,
    or_,
    select,
)

from gateway.access.query_parts import (
    ANEW,
    DATASET,
    GRANT,
    NOW,
    ORG,
    ORGANISATION,
    PERSON,
    PROJECT,
    PROJECTS,
    RELEASES,
    THROUGH,
    VERSION,
    D,
    E,
    Expression,
    G,
    M,
    P,
    V,
    approvals,
    evidence,
    membership,
    of_project,
    signatures,
)
from gateway.db import UtcDateTime
from gateway.db.hot import HotStatement
from gateway.identity.models import AttestationKind
from gateway.identity.service_attestations import level_at
from gateway.identity.service_crowd import is_worker
from gateway.policy.models import ReleaseState
from policies.vocabulary import VersionState

CROWD_AGREEMENT = "crowd-work"


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
    organisation_kind: str | None
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
    signed_terms: dict[str, Any] | None
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
    crowd_worker: bool


def _columns(
    organisation: Expression, project: Expression, code: Expression = D.c.agreement_code
) -> list[Any]:
    training = evidence(AttestationKind.TRAINING, E.c.person_id == P.c.id)
    irb = evidence(AttestationKind.IRB, E.c.project_id == project)
    live = exists(select(PROJECTS.c.id).where(_running(project)))
    release = select(RELEASES.c.sha256).where(RELEASES.c.state == str(ReleaseState.IN_FORCE))
    chosen = {
        "person_id": P.c.id,
        "organisation_id": organisation,
        "organisation_status": ORG.c.status,
        "organisation_kind": ORG.c.kind,
        "membership_live": membership(organisation),
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
        "purpose": func.coalesce(G.c.purpose, of_project(PROJECTS.c.purpose, project)),
        "uses": _granted_or_planned("uses", project),
        "study": _granted_or_planned("study", project),
        "irb_until": irb,
        "approvals": approvals(project),
        "project": project,
        "project_live": live,
        "release": release.scalar_subquery(),
        "crowd_worker": is_worker(P.c.id, NOW),
        **signatures(organisation, code),
    }
    tables: tuple[FromClause, ...] = (P, D, V, G)
    return [_column(name, chosen, tables).label(name) for name in Row._fields]


def _granted_or_planned(name: str, project: Expression) -> Expression:
    """What the grant says; before there is one, what the research project says."""
    planned = of_project(PROJECTS.c[name], project)
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
        .where(or_(THROUGH.is_(None), other.c.organisation_id == THROUGH))
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


def _by_person(code: Expression = D.c.agreement_code) -> Select[Any]:
    own = func.coalesce(ORGANISATION, _own_organisation(), type_=Uuid())
    organisation = case((G.c.id.is_not(None), G.c.organisation_id), else_=own)
    project = func.coalesce(G.c.project_id, PROJECT, type_=Uuid())
    source = (
        D.outerjoin(P, P.c.id == PERSON)
        .outerjoin(G, G.c.id == _best_grant())
        .outerjoin(V, _version())
        .outerjoin(ORG, ORG.c.id == organisation)
    )
    columns = _columns(organisation, project, code)
    return select(*columns).select_from(source).where(D.c.id == DATASET)


BY_GRANT = HotStatement(_by_grant())
BY_PERSON = HotStatement(_by_person())
# Crowd work has an agreement of its own, whatever the dataset's users sign.
BY_TASK = HotStatement(_by_person(literal(CROWD_AGREEMENT)))
