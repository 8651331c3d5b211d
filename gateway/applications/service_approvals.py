"""Approvals as stewards name them: by account, and by an application's number for its project."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.applications.models import Application, ResearchProject
from gateway.applications.service_case import members_of
from gateway.errors import Problem, ProblemCode
from gateway.identity import service_approvals
from gateway.identity.models import Attestation, Person
from gateway.identity.service_approvals import NewApproval
from gateway.identity.service_people import find_by_account
from gateway.journal import Actor
from gateway.runtime import Runtime
from policies.vocabulary import Approval


@dataclass(frozen=True, slots=True)
class Wanted:
    """An approval as it is typed. With `number` it counts for that application's research project,
    without for everything that the person applies for. The window is half-open."""

    kind: Approval
    account: str
    number: str
    issuer: str
    reference: str
    valid_from: datetime
    valid_until: datetime
    reason: str


def register(session: Session, runtime: Runtime, actor: Actor, wanted: Wanted) -> Attestation:
    """Register an approval in the caller's transaction.

    Raises Problem 403 without the role, for oneself and for a research project one has a part in,
    422 naming the field.
    """
    person = _person(session, wanted.account)
    project = _project(session, person, wanted.number) if wanted.number else None
    _require_uninvolved(session, actor, project)
    new = NewApproval(
        wanted.kind,
        person.id,
        project.id if project else None,
        wanted.issuer,
        wanted.reference,
        wanted.valid_from,
        wanted.valid_until,
        wanted.reason,
    )
    return service_approvals.register(session, runtime, actor, new)


def end(
    session: Session, runtime: Runtime, actor: Actor, approval_id: uuid.UUID, reason: str
) -> Attestation:
    """End an approval in the caller's transaction. Raises Problem as `register`, 404, 409."""
    known = session.get(Attestation, approval_id)
    if known is not None and known.project_id is not None:
        project = session.get(ResearchProject, known.project_id)
        _require_uninvolved(session, actor, project)
    return service_approvals.end(session, runtime, actor, approval_id, reason)


def numbers(session: Session, rows: Iterable[Attestation]) -> Mapping[uuid.UUID, str]:
    """The number of the first application of each research project that an approval names."""
    projects = {row.project_id for row in rows if row.project_id is not None}
    found = session.execute(
        select(Application.project_id, Application.number)
        .where(Application.project_id.in_(projects))
        .order_by(Application.id.desc())
    )
    return {row.project_id: row.number for row in found}


def _person(session: Session, account: str) -> Person:
    person = find_by_account(session, account)
    if person is None:
        raise _field("account", "해당 아이디가 없습니다.", "There is no such account.")
    return person


def _project(session: Session, person: Person, number: str) -> ResearchProject:
    project = session.scalar(
        select(ResearchProject)
        .join(Application, Application.project_id == ResearchProject.id)
        .where(Application.number == number.upper(), Application.applicant_id == person.id)
    )
    if project is None:
        raise _field(
            "number",
            "이 아이디의 이용신청 번호가 아닙니다.",
            "This account has no application of this number.",
        )
    return project


def _require_uninvolved(session: Session, actor: Actor, project: ResearchProject | None) -> None:
    if project is None:
        return
    team = {row.person_id for row in members_of(session, project.id)}
    if actor.person_id in team | {project.owner_id, project.supervisor_id}:
        raise Problem(
            ProblemCode.FORBIDDEN,
            "본인이 참여하는 연구과제의 승인은 다른 데이터 관리 담당자가 등록하거나 끝냅니다.",
            "Approvals for a research project you have a part in are another steward's.",
        )


def _field(name: str, ko: str, en: str) -> Problem:
    return Problem(ProblemCode.VALIDATION_FAILED, ko, en, field=name)
