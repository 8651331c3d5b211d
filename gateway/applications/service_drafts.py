"""Drafts: typed in any order, saved as often as one likes, complete only when submitted."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway import ids
from gateway.applications.models import (
    Application,
    ApplicationItem,
    ApplicationState,
    ItemState,
    ResearchProject,
    StepKind,
    Turn,
)
from gateway.applications.rules import Command, Relation
from gateway.applications.service_case import (
    Case,
    add_step,
    entry,
    load,
    members_of,
    require,
    require_revision,
    wrong_state,
)
from gateway.applications.service_projects import (
    ProjectDraft,
    new_project,
    own_project,
    write_project,
)
from gateway.catalog.models import Dataset
from gateway.errors import Problem, ProblemCode
from gateway.journal import Act, Actor
from gateway.runtime import Runtime

MAX_DATASETS = 20
# Crockford's letters: no I, L, O or U, so a number can be read out on the telephone.
_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_NUMBER_LENGTH = 8


@dataclass(frozen=True, slots=True)
class Draft:
    """What is typed on the application form.

    `datasets` are slugs; empty leaves them as they are. `project_id` picks a research project
    typed before; `project` None then takes it over unchanged.
    """

    datasets: tuple[str, ...] = ()
    project_id: uuid.UUID | None = None
    project: ProjectDraft | None = field(default_factory=ProjectDraft)


def create(session: Session, runtime: Runtime, actor: Actor, draft: Draft) -> Application:
    """Begin an application in the caller's transaction.

    Raises Problem VALIDATION_FAILED naming the field, NOT_FOUND for someone else's project,
    WRONG_STATE for changing a research project that another application relies on.
    """
    assert actor.person_id is not None
    datasets = _datasets(session, draft.datasets)
    if not datasets:
        raise _no_datasets()
    project = _project(session, runtime, actor, draft)
    application = _new(session, runtime, actor, project)
    items = [_add_item(session, runtime, application, dataset) for dataset in datasets]
    members = members_of(session, project.id)
    case = Case(
        application,
        project,
        items,
        {dataset.id: dataset for dataset in datasets},
        members,
        frozenset({Relation.APPLICANT}),
    )
    add_step(session, runtime, actor, case, StepKind.CREATED, turn=Turn.APPLICANT)
    _record(session, runtime, actor, case)
    return application


def save(
    session: Session,
    runtime: Runtime,
    actor: Actor,
    application_id: uuid.UUID,
    draft: Draft,
    *,
    revision: int,
) -> Application:
    """Keep what was typed. `revision` is the one the form was opened with.

    Raises Problem NOT_FOUND, WRONG_STATE, CONFLICT for another revision, VALIDATION_FAILED.
    WRONG_STATE also stands for changing a research project that another application relies on.
    """
    case = load(session, runtime, actor, application_id, lock=True)
    require(case, Command.SAVE)
    require_revision(revision, case.application.revision)
    _choose_datasets(session, runtime, case, draft.datasets)
    if draft.project is not None:
        write_project(session, runtime, actor, case.project, draft.project, by=case.application.id)
    case.application.organisation_id = case.project.organisation_id
    case.application.revision += 1
    _record(session, runtime, actor, case)
    return case.application


def _project(session: Session, runtime: Runtime, actor: Actor, draft: Draft) -> ResearchProject:
    if draft.project_id is not None:
        project = own_project(session, actor, draft.project_id)
    else:
        project = new_project(session, runtime, actor)
    if draft.project is not None:
        write_project(session, runtime, actor, project, draft.project)
    return project


def _new(session: Session, runtime: Runtime, actor: Actor, project: ResearchProject) -> Application:
    now = runtime.clock.now()
    application = Application(
        id=ids.new(runtime.clock),
        number=_number(now.astimezone(runtime.settings.zone).year),
        project_id=project.id,
        applicant_id=actor.person_id,
        organisation_id=project.organisation_id,
        state=ApplicationState.DRAFT,
        revision=1,
        created_at=now,
        turn_since=now,
    )
    session.add(application)
    session.flush()
    return application


def _number(year: int) -> str:
    """Random, because a running number would tell everybody how many applications there are."""
    letters = "".join(secrets.choice(_LETTERS) for _place in range(_NUMBER_LENGTH))
    return f"{year}-{letters}"


def _datasets(session: Session, slugs: Sequence[str]) -> list[Dataset]:
    wanted = list(dict.fromkeys(slugs))
    found = {
        dataset.slug: dataset
        for dataset in session.scalars(select(Dataset).where(Dataset.slug.in_(wanted)))
    }
    if len(wanted) > MAX_DATASETS or len(found) < len(wanted):
        raise Problem(
            ProblemCode.VALIDATION_FAILED,
            f"목록에 있는 데이터셋을 {MAX_DATASETS}개까지 고를 수 있습니다.",
            f"Choose up to {MAX_DATASETS} datasets of the catalogue.",
            field="datasets",
        )
    return [found[slug] for slug in wanted]


def _no_datasets() -> Problem:
    return Problem(
        ProblemCode.VALIDATION_FAILED,
        "데이터셋을 하나 이상 골라 주십시오.",
        "Choose at least one dataset.",
        field="datasets",
    )


def _choose_datasets(session: Session, runtime: Runtime, case: Case, slugs: Sequence[str]) -> None:
    wanted = _datasets(session, slugs) if slugs else list(case.datasets.values())
    if {dataset.id for dataset in wanted} == case.datasets.keys():
        return
    if case.state is not ApplicationState.DRAFT:
        # What reviewers have begun to decide on stays; another dataset is another application.
        raise wrong_state()
    kept = {dataset.id for dataset in wanted}
    for item in [item for item in case.items if item.dataset_id not in kept]:
        session.delete(item)
    for dataset in [each for each in wanted if each.id not in case.datasets]:
        _add_item(session, runtime, case.application, dataset)
    session.flush()


def _add_item(
    session: Session, runtime: Runtime, application: Application, dataset: Dataset
) -> ApplicationItem:
    item = ApplicationItem(
        id=ids.new(runtime.clock),
        application_id=application.id,
        dataset_id=dataset.id,
        tier=dataset.tier,
        state=ItemState.DRAFT,
        grant_days=dataset.grant_days,
        turn_since=runtime.clock.now(),
    )
    session.add(item)
    session.flush()
    return item


def _record(session: Session, runtime: Runtime, actor: Actor, case: Case) -> None:
    revision = case.application.revision
    runtime.journal.record(session, entry(actor, Act.APPLICATION_SAVED, case, revision=revision))
