"""What the hot statements ask of one row: tables, parameters, and the sub-queries they share."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    ColumnElement,
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
    null,
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
from gateway.identity.models import Attestation, AttestationKind, Membership, Organisation, Person
from gateway.policy.models import PolicyRelease
from policies.vocabulary import Approval

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
# The organisation whose grants alone count; NULL for all that the person holds.
THROUGH = bindparam("through", type_=Uuid())
# Whether a new grant is in question, so that none which is held already counts.
ANEW = bindparam("anew", type_=Boolean())

Expression = ColumnElement[Any]

APPROVAL_BITS = tuple((kind, 1 << place) for place, kind in enumerate(Approval))


def evidence(kind: AttestationKind, *conditions: Expression) -> Expression:
    """Until when the best checked evidence of `kind` is valid; NULL when there is none."""
    return (
        select(func.max(E.c.valid_until))
        .where(E.c.kind == str(kind), E.c.valid_from <= NOW, *conditions)
        .where(E.c.ended_at.is_(None), E.c.checked_at.is_not(None))
        .scalar_subquery()
    )


def membership(organisation: Expression) -> Expression:
    """Whether the person is a confirmed member of the organisation."""
    return exists(
        select(M.c.id).where(
            M.c.person_id == P.c.id,
            M.c.organisation_id == organisation,
            M.c.ended_at.is_(None),
            M.c.confirmed_by.is_not(None),
        )
    )


def signatures(
    organisation: Expression, code: Expression = D.c.agreement_code
) -> dict[str, Expression]:
    """The version in force of the agreement `code` (the dataset's own), and until when signatures
    of it or of an older version hold.

    `signed_terms` are those of the version that the person's live signature is of, NULL where
    that is the version in force: then there is nothing else to read.
    A signature given for one organisation does not carry a grant held through another.
    """
    own = and_(A.c.person_id == P.c.id, A.c.ended_at.is_(None))
    same_organisation = or_(
        A.c.organisation_id.is_(None),
        G.c.organisation_id.is_(None),
        A.c.organisation_id == G.c.organisation_id,
    )
    official = and_(
        OA.c.organisation_id == organisation,
        OA.c.ended_at.is_(None),
        OA.c.confirmed_at.is_not(None),
    )
    return {
        "in_force": _in_force(code, AV.c.sha256),
        "terms": _in_force(code, AV.c.terms),
        "signed_terms": _signed_instead(code, own, same_organisation),
        "grace_ends_at": _grace(
            code, _signed(code, A, own, same_organisation), _signed(code, OA, official)
        ),
        "signed_until": _until(code, A, own, same_organisation, binding=True),
        "signed_other_until": _until(code, A, own, same_organisation, binding=False),
        "organisation_signed_until": _until(code, OA, official, binding=True),
        "organisation_signed_other_until": _until(code, OA, official, binding=False),
    }


def _in_force(code: Expression, value: Expression) -> Expression:
    return select(value).where(AV.c.code == code, _holds(AV)).scalar_subquery()


def _holds(versions: Any) -> Expression:
    """In force now: a planned end counts from its moment on, before a worker writes it down."""
    ends = versions.c.ends_at
    return and_(versions.c.state == str(AgreementState.IN_FORCE), or_(ends.is_(None), ends > NOW))


def _signed_instead(code: Expression, *conditions: Expression) -> Expression:
    """The terms of the newest version that a live signature is of, unless it is in force."""
    elsewhere = AV.c.state != str(AgreementState.IN_FORCE)
    return (
        select(case((elsewhere, AV.c.terms), else_=null()))
        .select_from(A.join(AV, A.c.agreement_version_id == AV.c.id))
        .where(AV.c.code == code, A.c.expires_at > NOW, *conditions)
        .order_by(AV.c.number.desc())
        .limit(1)
        .scalar_subquery()
    )


def _signed(code: Expression, signatures: Any, *conditions: Expression) -> Expression:
    """The number of the version that was signed last."""
    signed = AV.alias("signed_last")
    source = signatures.join(signed, signatures.c.agreement_version_id == signed.c.id)
    return (
        select(func.max(signed.c.number))
        .select_from(source)
        .where(signed.c.code == code, *conditions)
        # Two levels down, SQLAlchemy no longer sees by itself which tables are the outer ones.
        .correlate(P, D, G)
        .scalar_subquery()
    )


def _grace(code: Expression, *signed: Expression) -> Expression:
    """Until when superseded signatures still hold: the first notice period that ends, of those
    versions that came into force since and accept them no longer."""
    later = AV.alias("later")
    refuses = or_(*(later.c.signed_from > number for number in signed))
    return (
        select(func.min(later.c.grace_ends_at, type_=UtcDateTime()))
        .where(later.c.code == code, later.c.in_force_at.is_not(None), refuses)
        .scalar_subquery()
    )


def _until(code: Expression, signatures: Any, *conditions: Expression, binding: bool) -> Expression:
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
        .where(signed.c.code == code, binds if binding else ~binds, *conditions)
        .scalar_subquery()
    )


def approvals(project: Expression) -> Expression:
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


def of_project(value: Expression, project: Expression) -> Expression:
    """One value of the research project."""
    return select(value).where(PROJECTS.c.id == project).scalar_subquery()
