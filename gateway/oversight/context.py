"""Under which agreement, for what purpose and by which rule something was done."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.access.models import Grant
from gateway.agreements.models import Acceptance, AgreementVersion
from gateway.applications.models import ResearchProject
from gateway.catalog.models import Dataset
from gateway.exports.models import Export
from gateway.oversight.entries import Seen
from gateway.oversight.happenings import ids_of


@dataclass(frozen=True, slots=True)
class Context:
    """What stands behind an access: the grant's purpose, its research project, and the agreement
    that its holder had signed last at that moment."""

    grant_id: uuid.UUID
    purpose: str
    project: str | None
    agreement: str | None = None
    agreement_number: int | None = None


@dataclass(frozen=True, slots=True)
class _Granted:
    context: Context
    person_id: uuid.UUID
    code: str


def contexts(session: Session, rows: Sequence[Seen]) -> dict[int, Context]:
    """The context of each entry that refers to a grant, or to an export of one, by its index."""
    grants = _grants(session, [seen.ref for seen in rows if seen.ref])
    signed = _signed(session, grants.values())
    found = {}
    for seen in rows:
        granted = grants.get(seen.ref or "")
        if granted is not None:
            found[seen.index] = _with_agreement(granted, signed, seen.at)
    return found


def release(seen: Seen) -> str | None:
    """The release of the rules that allowed, by its SHA-256; None where a rule refused."""
    found = seen.detail.get("policy_release")
    return found if isinstance(found, str) and not seen.reason else None


def projects(session: Session, refs: Iterable[str | None]) -> dict[str, str]:
    """The titles of the research projects behind grants and exports, by their references."""
    known = _grants(session, [ref for ref in refs if ref])
    return {ref: one.context.project for ref, one in known.items() if one.context.project}


def _grants(session: Session, refs: Sequence[str]) -> dict[str, _Granted]:
    of_export = _exports(session, refs)
    wanted = {*ids_of("grant:", refs), *of_export.values()}
    query = (
        select(Grant, ResearchProject.title, Dataset.agreement_code)
        .join(Dataset, Dataset.id == Grant.dataset_id)
        .outerjoin(ResearchProject, ResearchProject.id == Grant.project_id)
        .where(Grant.id.in_(wanted))
    )
    known = {
        grant.id: _Granted(Context(grant.id, grant.purpose, title), grant.person_id, code)
        for grant, title, code in session.execute(query)
    }
    named = {f"grant:{grant_id}": granted for grant_id, granted in known.items()}
    exported = {ref: known[grant_id] for ref, grant_id in of_export.items() if grant_id in known}
    return named | exported


def _exports(session: Session, refs: Iterable[str]) -> dict[str, uuid.UUID]:
    query = select(Export.id, Export.grant_id).where(Export.id.in_(ids_of("export:", refs)))
    return {f"export:{export_id}": grant_id for export_id, grant_id in session.execute(query)}


def _signed(
    session: Session, grants: Iterable[_Granted]
) -> Mapping[tuple[uuid.UUID, str], list[Any]]:
    people = {granted.person_id for granted in grants}
    query = (
        select(
            Acceptance.person_id, Acceptance.code, Acceptance.accepted_at, AgreementVersion.number
        )
        .join(AgreementVersion, AgreementVersion.id == Acceptance.agreement_version_id)
        .where(Acceptance.person_id.in_(people))
        .order_by(Acceptance.accepted_at)
    )
    found: dict[tuple[uuid.UUID, str], list[Any]] = {}
    for person_id, code, at, number in session.execute(query):
        found.setdefault((person_id, code), []).append((at, number))
    return found


def _with_agreement(
    granted: _Granted, signed: Mapping[tuple[uuid.UUID, str], list[Any]], at: datetime
) -> Context:
    context = granted.context
    before = [number for when, number in signed.get((granted.person_id, granted.code), [])
              if when <= at]  # fmt: skip
    if not before:
        return context
    return Context(context.grant_id, context.purpose, context.project, granted.code, before[-1])
