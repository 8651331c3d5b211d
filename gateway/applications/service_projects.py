"""Research projects: what an application is for, who leads it, who is on the team."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway import ids
from gateway.access.ask import Stated
from gateway.applications.models import (
    Application,
    ApplicationItem,
    ApplicationState,
    ItemState,
    ProjectMember,
    ResearchProject,
)
from gateway.applications.service_case import members_of
from gateway.errors import Problem, ProblemCode
from gateway.identity.models import Membership, PersonStatus
from gateway.identity.service_people import find_by_account
from gateway.journal import Act, Actor, Entry
from gateway.runtime import Runtime
from policies.duo import Kind

MIN_PLAN = 30


@dataclass(frozen=True, slots=True)
class ProjectDraft:
    """A research project as far as it is typed; people by their account names.

    Purpose, uses and study are codes, as in `gateway.access.ask.Stated`.
    """

    title: str = ""
    purpose: str = ""
    uses: tuple[str, ...] = ()
    study: Mapping[str, Any] = field(default_factory=dict)
    plan: str = ""
    supervisor: str = ""
    team: tuple[str, ...] = ()
    organisation_id: uuid.UUID | None = None


def own_projects(session: Session, person_id: uuid.UUID) -> Sequence[ResearchProject]:
    """The person's running research projects, newest first."""
    return session.scalars(
        select(ResearchProject)
        .where(ResearchProject.owner_id == person_id, ResearchProject.closed_at.is_(None))
        .order_by(ResearchProject.id.desc())
    ).all()


def own_project(session: Session, actor: Actor, project_id: uuid.UUID) -> ResearchProject:
    """A running research project of the actor's own, locked. Raises Problem NOT_FOUND."""
    project = session.get(ResearchProject, project_id, with_for_update=True)
    if project is None or project.owner_id != actor.person_id or project.closed_at is not None:
        raise Problem(
            ProblemCode.NOT_FOUND,
            "진행 중인 본인의 연구과제가 아닙니다.",
            "This is not a running research project of yours.",
        )
    return project


def new_project(session: Session, runtime: Runtime, actor: Actor) -> ResearchProject:
    """An empty research project of the actor's own."""
    assert actor.person_id is not None
    project = ResearchProject(
        id=ids.new(runtime.clock),
        owner_id=actor.person_id,
        title="",
        purpose="",
        plan="",
        created_at=runtime.clock.now(),
    )
    session.add(project)
    session.flush()
    return project


def write_project(
    session: Session,
    runtime: Runtime,
    actor: Actor,
    project: ResearchProject,
    draft: ProjectDraft,
    *,
    by: uuid.UUID | None = None,
) -> None:
    """Bring `project` in line with what was typed for the application `by`, with its event.

    Raises Problem VALIDATION_FAILED for people or organisations that cannot be named,
    WRONG_STATE when this would change what another application is reviewed or approved on.
    """
    _check_organisation(session, project.owner_id, draft.organisation_id)
    supervisor = _supervisor(session, project, draft)
    team = _team(session, project, draft)
    if supervisor is not None:
        team.discard(supervisor)
    if _changes(session, project, draft, supervisor, team):
        _check_unrelied(session, project, by)
    submitted = _was_submitted(session, project)
    if submitted and project.supervisor_id and project.supervisor_id != supervisor:
        # Whoever supervised what was submitted stays excluded from deciding on it.
        _keep_as_former(session, runtime, project, project.supervisor_id)
    project.title, project.plan = draft.title, draft.plan
    project.purpose = draft.purpose
    project.uses, project.study = list(draft.uses), dict(draft.study)
    project.organisation_id, project.supervisor_id = draft.organisation_id, supervisor
    _write_team(session, runtime, project, team, keep=submitted)
    runtime.journal.record(
        session,
        Entry(actor, Act.RESEARCH_PROJECT_SAVED, ref=f"research_project:{project.id}"),
    )


def stated_of(project: ResearchProject) -> Stated:
    """What the research project says now of purpose, uses and study."""
    return Stated(project.purpose, tuple(project.uses), project.study)


def missing(project: ResearchProject) -> list[str]:
    """The fields that a submission still needs, by name."""
    needed = {
        "title": bool(project.title),
        "purpose": bool(project.purpose),
        "uses": bool(project.uses),
        "diseases": _names_its_diseases(project),
        "plan": len(project.plan) >= MIN_PLAN,
    }
    return [name for name, there in needed.items() if not there]


def _names_its_diseases(project: ResearchProject) -> bool:
    kinds = project.study.get("kinds", ())
    return Kind.DISEASE not in kinds or bool(project.study.get("diseases"))


def _supervisor(
    session: Session, project: ResearchProject, draft: ProjectDraft
) -> uuid.UUID | None:
    if not draft.supervisor:
        return None
    found = _people(session, [draft.supervisor], "supervisor")
    if found == {project.owner_id}:
        raise _field(
            "supervisor",
            "신청인 본인은 지도교수·연구책임자로 적지 않습니다. 비워 두십시오.",
            "Applicants do not name themselves as supervisor: leave this empty.",
        )
    return next(iter(found))


def _team(session: Session, project: ResearchProject, draft: ProjectDraft) -> set[uuid.UUID]:
    return _people(session, draft.team, "team") - {project.owner_id}


def _people(session: Session, accounts: Iterable[str], field: str) -> set[uuid.UUID]:
    """The people behind `accounts`. One answer for every reason, so that it tells nothing."""
    found = [find_by_account(session, account) for account in accounts]
    people = {person.id for person in found if person and person.status == PersonStatus.ACTIVE}
    if None in found or len(people) < len({person.id for person in found if person}):
        raise _field(
            field,
            "확인되지 않는 아이디가 있습니다. 상대방이 알려 준 아이디를 그대로 적어 주십시오.",
            "An account could not be confirmed: write it exactly as its owner gave it to you.",
        )
    return set(people)


def _check_organisation(
    session: Session, owner_id: uuid.UUID, organisation_id: uuid.UUID | None
) -> None:
    if organisation_id is not None and organisation_id not in own_organisations(session, owner_id):
        raise _field(
            "organisation_id",
            "구성원으로 등록된 소속기관만 고를 수 있습니다.",
            "Choose an organisation you are a confirmed member of.",
        )


def own_organisations(session: Session, person_id: uuid.UUID) -> Sequence[uuid.UUID]:
    """The organisations the person is a confirmed member of, newest membership first."""
    return session.scalars(
        select(Membership.organisation_id)
        .where(Membership.person_id == person_id, Membership.ended_at.is_(None))
        .where(Membership.confirmed_by.is_not(None))
        .order_by(Membership.started_at.desc())
    ).all()


def _changes(
    session: Session,
    project: ResearchProject,
    draft: ProjectDraft,
    supervisor: uuid.UUID | None,
    team: set[uuid.UUID],
) -> bool:
    present = {row.person_id for row in members_of(session, project.id) if row.removed_at is None}
    kept = (project.title, project.plan, project.organisation_id, stated_of(project))
    said = Stated(draft.purpose, draft.uses, draft.study)
    typed = (draft.title, draft.plan, draft.organisation_id, said)
    return (kept, project.supervisor_id, present) != (typed, supervisor, team)


def _check_unrelied(session: Session, project: ResearchProject, by: uuid.UUID | None) -> None:
    """Reviewers, and holders of a right, rely on the words that were submitted."""
    found = (
        select(Application.number)
        .join(ApplicationItem, ApplicationItem.application_id == Application.id)
        .where(
            Application.project_id == project.id,
            Application.state != ApplicationState.CLOSED,
            ApplicationItem.state.in_((ItemState.IN_REVIEW, ItemState.APPROVED)),
        )
    )
    if by is not None:
        found = found.where(Application.id != by)
    number = session.scalar(found.limit(1))
    if number is not None:
        raise _relied_on(number)


def _relied_on(number: str) -> Problem:
    return Problem(
        ProblemCode.WRONG_STATE,
        f"심사 중이거나 승인된 다른 신청({number})이 이 연구과제를 쓰고 있어 "
        "내용을 바꿀 수 없습니다. "
        "내용을 바꾸려면 새 연구과제로 신청해 주십시오.",
        f"Another application in review or approved uses this research project: {number}. "
        "To change anything, apply with a new research project.",
        number=number,
    )


def _was_submitted(session: Session, project: ResearchProject) -> bool:
    found = select(Application.id).where(
        Application.project_id == project.id, Application.submitted_at.is_not(None)
    )
    return session.scalar(found.limit(1)) is not None


def _write_team(
    session: Session,
    runtime: Runtime,
    project: ResearchProject,
    team: set[uuid.UUID],
    *,
    keep: bool,
) -> None:
    rows = {row.person_id: row for row in members_of(session, project.id)}
    for person_id, row in rows.items():
        if person_id in team:
            row.removed_at = None
        elif keep:
            row.removed_at = row.removed_at or runtime.clock.now()
        else:
            session.delete(row)
    for person_id in sorted(team - rows.keys(), key=str):
        _add_member(session, runtime, project, person_id)
    session.flush()


def _add_member(
    session: Session, runtime: Runtime, project: ResearchProject, person_id: uuid.UUID
) -> ProjectMember:
    row = ProjectMember(
        id=ids.new(runtime.clock),
        project_id=project.id,
        person_id=person_id,
        added_at=runtime.clock.now(),
    )
    session.add(row)
    return row


def _keep_as_former(
    session: Session, runtime: Runtime, project: ResearchProject, person_id: uuid.UUID
) -> None:
    known = {row.person_id for row in members_of(session, project.id)}
    if person_id not in known:
        _add_member(session, runtime, project, person_id).removed_at = runtime.clock.now()
        session.flush()


def _field(name: str, ko: str, en: str) -> Problem:
    return Problem(ProblemCode.VALIDATION_FAILED, ko, en, field=name)
