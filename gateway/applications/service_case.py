"""A case: one application with everything that belongs to it, and who may do what with it.

People who have nothing to do with an application learn nothing of it: the answer is 404.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gateway import ids
from gateway.applications import rules
from gateway.applications.models import (
    Application,
    ApplicationItem,
    ApplicationRevision,
    ApplicationState,
    ItemState,
    ProjectMember,
    ResearchProject,
    Step,
    StepKind,
    Turn,
)
from gateway.applications.rules import Command, Relation
from gateway.catalog.models import Dataset, Tier
from gateway.errors import Problem, ProblemCode
from gateway.identity.models import Role
from gateway.identity.service_roles import covers, roles_held_by
from gateway.journal import Act, Actor, Entry, Outcome
from gateway.runtime import Runtime

FINAL = frozenset({ApplicationState.REJECTED, ApplicationState.CLOSED, ApplicationState.WITHDRAWN})


@dataclass(slots=True)
class Case:
    """An application, its project, its datasets with their rows, and the viewer's relations."""

    application: Application
    project: ResearchProject
    items: Sequence[ApplicationItem]
    datasets: dict[uuid.UUID, Dataset]
    members: Sequence[ProjectMember]
    relations: frozenset[Relation]

    @property
    def state(self) -> ApplicationState:
        return ApplicationState(self.application.state)

    @property
    def commands(self) -> frozenset[Command]:
        """What the viewer may do now. Before the first submission there is only the applicant."""
        seen = self.application.submitted_at is not None
        relations = self.relations if seen else self.relations & {Relation.APPLICANT}
        return rules.allowed(self.state, relations)

    def dataset(self, item: ApplicationItem) -> Dataset:
        return self.datasets[item.dataset_id]

    def item(self, item_id: uuid.UUID) -> ApplicationItem:
        return next(item for item in self.items if item.id == item_id)


def load(
    session: Session, runtime: Runtime, actor: Actor, application_id: uuid.UUID, *, lock: bool
) -> Case:
    """The case with `actor`'s relations. Raises Problem NOT_FOUND when they have none.

    With `lock` nobody else changes the application or its project meanwhile.
    """
    application = session.get(Application, application_id, with_for_update=lock)
    if application is None:
        raise not_found()
    project = session.get_one(ResearchProject, application.project_id, with_for_update=lock)
    items = _items(session, application.id)
    datasets = {each.id: each for each in _datasets(session, items)}
    members = members_of(session, project.id)
    case = Case(application, project, items, datasets, members, frozenset())
    case.relations = relations(session, runtime, actor, case)
    if Command.VIEW not in case.commands:
        raise not_found()
    return case


def require(case: Case, command: Command) -> None:
    """Raises Problem FORBIDDEN for someone who never may, WRONG_STATE when only not now."""
    if command in case.commands:
        return
    ever = any(command in rules.allowed(state, case.relations) for state in ApplicationState)
    if not ever:
        raise _not_theirs(command)
    raise wrong_state()


def _not_theirs(command: Command) -> Problem:
    """Who may: the reviewers decide, and the applicant does everything else."""
    if rules.REVIEWERS & rules.who_may(command):
        return Problem(
            ProblemCode.FORBIDDEN,
            "이 데이터셋의 데이터 관리 담당자나 심의위원만 할 수 있으며, 신청인과 연구팀은 자신의 "
            "이용신청을 심의하지 않습니다.",
            "Only a data steward of the dataset or a committee member can do this, and nobody "
            "decides on an application they have a part in.",
        )
    return Problem(
        ProblemCode.FORBIDDEN,
        "이 이용신청의 신청인만 할 수 있습니다.",
        "Only the applicant of this application can do this.",
        next_ko="신청인에게 요청해 주십시오.",
        next_en="Ask the applicant to do it.",
    )


def require_revision(seen: int, present: int) -> None:
    """Raises Problem CONFLICT when the caller acts on another revision than the present one."""
    if seen != present:
        raise Problem(
            ProblemCode.CONFLICT,
            "그 사이에 내용이 바뀌었습니다. 새로 열어 바뀐 내용을 확인한 뒤 다시 진행해 주십시오.",
            "It has changed in the meantime: open it again, read what changed, then go on.",
            revision=present,
        )


def relations(session: Session, runtime: Runtime, actor: Actor, case: Case) -> frozenset[Relation]:
    """Every way in which `actor` stands to the case."""
    if actor.person_id is None:
        return frozenset()
    slugs = [dataset.slug for dataset in case.datasets.values()]
    found = _own(actor.person_id, case)
    held = roles_held_by(session, actor, runtime.clock.now())
    for role, relation in _REVIEW_ROLES.items():
        if any(covers(held, role, slug) for slug in slugs):
            found.add(relation)
    return frozenset(found)


_REVIEW_ROLES = {Role.STEWARD: Relation.STEWARD, Role.COMMITTEE: Relation.COMMITTEE}


def _own(person_id: uuid.UUID, case: Case) -> set[Relation]:
    team = {row.person_id for row in case.members if row.removed_at is None}
    found = set()
    if person_id == case.application.applicant_id:
        found.add(Relation.APPLICANT)
    if person_id in team | {case.project.supervisor_id}:
        found.add(Relation.TEAM)
    return found


def members_of(session: Session, project_id: uuid.UUID) -> Sequence[ProjectMember]:
    """Everyone who is or was on the team, in the order they were named."""
    return session.scalars(
        select(ProjectMember)
        .where(ProjectMember.project_id == project_id)
        .order_by(ProjectMember.id)
    ).all()


def _items(session: Session, application_id: uuid.UUID) -> list[ApplicationItem]:
    statement = (
        select(ApplicationItem)
        .where(ApplicationItem.application_id == application_id)
        .order_by(ApplicationItem.id)
        .execution_options(populate_existing=True)
    )
    return list(session.scalars(statement))


def _datasets(session: Session, items: Iterable[ApplicationItem]) -> Sequence[Dataset]:
    wanted = [item.dataset_id for item in items]
    return session.scalars(select(Dataset).where(Dataset.id.in_(wanted))).all()


def submitted_revision(session: Session, application_id: uuid.UUID) -> int:
    """The revision that lies before the reviewers; 0 before the first submission."""
    newest = select(func.max(ApplicationRevision.revision)).where(
        ApplicationRevision.application_id == application_id
    )
    return session.scalar(newest) or 0


def add_step(
    session: Session,
    runtime: Runtime,
    actor: Actor,
    case: Case,
    what: StepKind,
    *,
    turn: Turn,
    item: ApplicationItem | None = None,
    note: str = "",
) -> None:
    """Write a line of the timeline; `turn` is whose move comes next."""
    session.add(
        Step(
            id=ids.new(runtime.clock),
            application_id=case.application.id,
            item_id=item.id if item else None,
            person_id=actor.person_id,
            what=what,
            note=note,
            turn=turn,
            at=runtime.clock.now(),
        )
    )


def turn_of(item: ApplicationItem) -> Turn:
    """Whose move a dataset of an application waits for."""
    if item.state == ItemState.IN_REVIEW:
        return rules.REVIEW_TURN[Tier(item.tier)]
    waits = item.state in {ItemState.DRAFT, ItemState.RETURNED}
    return Turn.APPLICANT if waits else Turn.NOBODY


def settle(runtime: Runtime, case: Case, *, started: bool) -> None:
    """Bring the application's state in line with its datasets'."""
    now = runtime.clock.now()
    state = rules.aggregate([ItemState(item.state) for item in case.items], started=started)
    if state != case.application.state:
        case.application.state = state
        case.application.turn_since = now
    case.application.ended_at = now if state in FINAL else None


def entry(
    actor: Actor,
    act: Act,
    case: Case,
    item: ApplicationItem | None = None,
    *,
    outcome: Outcome = Outcome.SUCCESS,
    reason: str | None = None,
    **detail: object,
) -> Entry:
    """The audit event of something done to the case, or to one of its datasets."""
    return Entry(
        actor,
        act,
        outcome,
        subjects=[case.application.applicant_id],
        dataset=case.dataset(item).slug if item else None,
        ref=f"application:{case.application.id}",
        reason=reason,
        detail={"number": case.application.number, **detail},
    )


def not_found() -> Problem:
    """The answer for an application that does not exist, or is none of the reader's business."""
    return Problem(
        ProblemCode.NOT_FOUND, "해당 이용신청이 없습니다.", "There is no such application."
    )


def wrong_state() -> Problem:
    """The answer for a step that does not fit the present state."""
    return Problem(
        ProblemCode.WRONG_STATE,
        "이용신청의 현재 상태에서는 할 수 없는 일입니다.",
        "The application's present state does not allow this step.",
    )
