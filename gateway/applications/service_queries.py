"""What pages and API read: own applications, the reviewers' queue, and what stands on a case."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import Session

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
    Vote,
)
from gateway.applications.rules import DECIDER
from gateway.catalog.models import Dataset, Tier
from gateway.identity.models import (
    EVERYWHERE,
    Attestation,
    AttestationKind,
    Organisation,
    Person,
    Role,
)
from gateway.web.paging import Window, keyset
from policies.vocabulary import Approval

PRECEDENTS = 5
CHOICES = 100
_STEP_ORDER = list(StepKind)


@dataclass(frozen=True, slots=True)
class Listed:
    """One application in a list: what it is for, and each dataset with its state."""

    application: Application
    project: ResearchProject
    items: Sequence[tuple[ApplicationItem, Dataset]]


@dataclass(frozen=True, slots=True)
class Waiting:
    """One dataset of an application as it stands in the reviewers' queue."""

    item: ApplicationItem
    application: Application
    project: ResearchProject
    dataset: Dataset
    applicant: Person


@dataclass(frozen=True, slots=True)
class QueueFilter:
    """`scopes` says where the reader holds each role; `mine` keeps what waits for their vote."""

    person_id: uuid.UUID
    scopes: dict[Role, frozenset[str]]
    mine: bool = False
    tier: Tier | None = None


def own_applications(session: Session, person_id: uuid.UUID, window: Window) -> list[Listed]:
    """The person's applications, and those of projects they supervise or work on; newest first."""
    supervised = select(ResearchProject.id).where(ResearchProject.supervisor_id == person_id)
    joined = select(ProjectMember.project_id).where(
        ProjectMember.person_id == person_id, ProjectMember.removed_at.is_(None)
    )
    shared = or_(Application.project_id.in_(supervised), Application.project_id.in_(joined))
    visible = or_(
        Application.applicant_id == person_id,
        and_(Application.submitted_at.is_not(None), shared),
    )
    statement = keyset(select(Application).where(visible), [Application.id], window)
    return _listed(session, session.scalars(statement).all())


def _listed(session: Session, applications: Sequence[Application]) -> list[Listed]:
    chosen = [application.id for application in applications]
    rows = session.execute(
        select(ApplicationItem, Dataset)
        .join(Dataset, Dataset.id == ApplicationItem.dataset_id)
        .where(ApplicationItem.application_id.in_(chosen))
        .order_by(ApplicationItem.id)
    ).all()
    return [
        Listed(
            application,
            session.get_one(ResearchProject, application.project_id),
            [(item, dataset) for item, dataset in rows if item.application_id == application.id],
        )
        for application in applications
    ]


def draft_for(session: Session, person_id: uuid.UUID, dataset_id: uuid.UUID) -> Application | None:
    """The person's newest draft that includes this dataset."""
    return session.scalar(
        select(Application)
        .join(ApplicationItem, ApplicationItem.application_id == Application.id)
        .where(
            Application.applicant_id == person_id,
            Application.state == ApplicationState.DRAFT,
            ApplicationItem.dataset_id == dataset_id,
        )
        .order_by(Application.id.desc())
        .limit(1)
    )


def queue(session: Session, wanted: QueueFilter, window: Window) -> list[Waiting]:
    """What waits for reviewers in the reader's scopes, the longest waiting first.

    What the reader has a part in themselves is left out.
    """
    statement = _queue(wanted).where(_uninvolved(wanted.person_id))
    if wanted.tier:
        statement = statement.where(ApplicationItem.tier == wanted.tier)
    if wanted.mine:
        statement = statement.where(_votes_wanted(wanted))
    columns = [ApplicationItem.turn_since, ApplicationItem.id]
    rows = session.execute(keyset(statement, columns, window, descending=False)).all()
    return [Waiting(*row) for row in rows]


def _queue(wanted: QueueFilter) -> Select[*tuple[Any, ...]]:
    return (
        select(ApplicationItem, Application, ResearchProject, Dataset, Person)
        .join(Application, Application.id == ApplicationItem.application_id)
        .join(ResearchProject, ResearchProject.id == Application.project_id)
        .join(Dataset, Dataset.id == ApplicationItem.dataset_id)
        .join(Person, Person.id == Application.applicant_id)
        .where(ApplicationItem.state == ItemState.IN_REVIEW)
        .where(or_(*(_within(scopes) for scopes in wanted.scopes.values())))
    )


def _within(scopes: Iterable[str]) -> ColumnElement[bool]:
    found = set(scopes)
    everywhere = EVERYWHERE in found
    return Dataset.id.is_not(None) if everywhere else Dataset.slug.in_(sorted(found))


def _uninvolved(person_id: uuid.UUID) -> ColumnElement[bool]:
    member = select(ProjectMember.id).where(
        ProjectMember.project_id == ResearchProject.id, ProjectMember.person_id == person_id
    )
    supervisor = ResearchProject.supervisor_id.is_distinct_from(person_id)
    return and_(Application.applicant_id != person_id, supervisor, ~member.exists())


def _votes_wanted(wanted: QueueFilter) -> ColumnElement[bool]:
    newest = select(func.max(ApplicationRevision.revision)).where(
        ApplicationRevision.application_id == Application.id
    )
    voted = select(Vote.id).where(
        Vote.item_id == ApplicationItem.id,
        Vote.voter_id == wanted.person_id,
        Vote.revision == newest.scalar_subquery(),
    )
    tiers = [
        and_(ApplicationItem.tier == tier, _within(wanted.scopes.get(role, ())))
        for tier, role in DECIDER.items()
    ]
    return and_(or_(*tiers), ~voted.exists())


def timeline(
    session: Session, application_id: uuid.UUID
) -> list[tuple[Step, Person | None, Dataset | None]]:
    """Every step with who took it and the dataset it was about, oldest first."""
    rows = session.execute(
        select(Step, Person, Dataset)
        .outerjoin(Person, Person.id == Step.person_id)
        .outerjoin(ApplicationItem, ApplicationItem.id == Step.item_id)
        .outerjoin(Dataset, Dataset.id == ApplicationItem.dataset_id)
        .where(Step.application_id == application_id)
    )
    found = [(row.Step, row.Person, row.Dataset) for row in rows]
    return sorted(found, key=lambda each: (each[0].at, _STEP_ORDER.index(StepKind(each[0].what))))


def votes(session: Session, item_id: uuid.UUID) -> list[tuple[Vote, Person]]:
    """The votes on one dataset with their voters, oldest first; earlier submissions included."""
    rows = session.execute(
        select(Vote, Person)
        .join(Person, Person.id == Vote.voter_id)
        .where(Vote.item_id == item_id)
        .order_by(Vote.voted_at, Vote.id)
    )
    return [(row.Vote, row.Person) for row in rows]


def precedents(
    session: Session, dataset_id: uuid.UUID, besides: uuid.UUID
) -> list[tuple[ApplicationItem, ResearchProject]]:
    """How the last applications for a dataset were decided, newest first."""
    rows = session.execute(
        select(ApplicationItem, ResearchProject)
        .join(Application, Application.id == ApplicationItem.application_id)
        .join(ResearchProject, ResearchProject.id == Application.project_id)
        .where(ApplicationItem.dataset_id == dataset_id, Application.id != besides)
        .where(ApplicationItem.decided_at.is_not(None))
        .order_by(ApplicationItem.decided_at.desc(), ApplicationItem.id)
        .limit(PRECEDENTS)
    )
    return [(row.ApplicationItem, row.ResearchProject) for row in rows]


def irb_evidence(session: Session, project_id: uuid.UUID) -> Sequence[Attestation]:
    """The IRB decisions given for a research project, newest first."""
    return session.scalars(
        select(Attestation)
        .where(Attestation.project_id == project_id, Attestation.kind == AttestationKind.IRB)
        .order_by(Attestation.id.desc())
    ).all()


def approvals(session: Session, project: ResearchProject, now: datetime) -> Sequence[Attestation]:
    """The approvals that count now for the research project or its owner, newest first."""
    everywhere = and_(Attestation.project_id.is_(None), Attestation.person_id == project.owner_id)
    return session.scalars(
        select(Attestation)
        .where(Attestation.kind.in_([str(kind) for kind in Approval]))
        .where(or_(Attestation.project_id == project.id, everywhere))
        .where(Attestation.checked_at.is_not(None), Attestation.ended_at.is_(None))
        .where(Attestation.valid_from <= now, Attestation.valid_until > now)
        .order_by(Attestation.id.desc())
    ).all()


def open_datasets(session: Session) -> Sequence[Dataset]:
    """Datasets that can be asked for, by slug; at most 100."""
    return session.scalars(
        select(Dataset).where(Dataset.withdrawn_at.is_(None)).order_by(Dataset.slug).limit(CHOICES)
    ).all()


def organisations(session: Session, chosen: Iterable[uuid.UUID]) -> Sequence[Organisation]:
    """The organisations of these ids."""
    return session.scalars(select(Organisation).where(Organisation.id.in_(list(chosen)))).all()


def dataset_by_slug(session: Session, slug: str) -> Dataset | None:
    """The dataset of a slug, or None."""
    return session.scalar(select(Dataset).where(Dataset.slug == slug))
