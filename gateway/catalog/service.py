"""Construction projects and datasets: register, change, withdraw."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from gateway import ids
from gateway.catalog.models import ConstructionProject, Dataset
from gateway.catalog.schemas import CatalogFile, DatasetSpec, ProjectSpec
from gateway.errors import Problem, ProblemCode
from gateway.identity.models import Organisation
from gateway.journal import Act, Actor, Entry
from gateway.runtime import Runtime
from policies import agreements

# Fields that other rows stand for: looked up, not copied.
LINKS = {"project", "contractor"}


def register_project(runtime: Runtime, actor: Actor, spec: ProjectSpec) -> ConstructionProject:
    """Register a construction project. Raises Problem CONFLICT when its number is taken."""
    project = ConstructionProject(
        id=ids.new(runtime.clock), created_at=runtime.clock.now(), **_stored(spec.model_dump())
    )
    try:
        with runtime.db.write() as session:
            session.add(project)
            session.flush()
            runtime.journal.record(
                session, Entry(actor, Act.PROJECT_REGISTERED, ref=f"project:{project.id}")
            )
    except IntegrityError:
        raise Problem(
            ProblemCode.CONFLICT,
            f"이미 등록된 구축과제입니다: {spec.number}",
            f"The construction project {spec.number} is already registered.",
        ) from None
    return project


def register_dataset(runtime: Runtime, actor: Actor, spec: DatasetSpec) -> Dataset:
    """Register a dataset.

    Raises Problem CONFLICT when the slug is taken, VALIDATION_FAILED when the agreement, the
    construction project or the contractor it names does not exist.
    """
    _check_agreement(spec.agreement_code)
    try:
        with runtime.db.write() as session:
            dataset = Dataset(
                id=ids.new(runtime.clock), created_at=runtime.clock.now(), **_columns(session, spec)
            )
            session.add(dataset)
            session.flush()
            runtime.journal.record(session, Entry(actor, Act.DATASET_REGISTERED, dataset=spec.slug))
    except IntegrityError:
        raise Problem(
            ProblemCode.CONFLICT,
            f"이미 등록된 데이터셋입니다: {spec.slug}",
            f"The dataset {spec.slug} is already registered.",
        ) from None
    return dataset


def differences(session: Session, dataset: Dataset, spec: DatasetSpec) -> list[str]:
    """The names of the columns in which `spec` differs from `dataset`, sorted."""
    wanted = _columns(session, spec)
    return sorted(name for name, value in wanted.items() if getattr(dataset, name) != value)


def change_dataset(runtime: Runtime, actor: Actor, spec: DatasetSpec) -> list[str]:
    """Bring a dataset to what `spec` says; returns the names of the changed columns.

    The event names the columns, not their values. Raises Problem NOT_FOUND, WRONG_STATE for a
    withdrawn dataset, VALIDATION_FAILED as `register_dataset` does.
    """
    _check_agreement(spec.agreement_code)
    with runtime.db.write() as session:
        dataset = locked_dataset(session, spec.slug)
        _refuse_withdrawn(dataset)
        changed = differences(session, dataset, spec)
        for name, value in _columns(session, spec).items():
            setattr(dataset, name, value)
        if changed:
            entry = Entry(actor, Act.DATASET_CHANGED, dataset=spec.slug, detail={"fields": changed})
            runtime.journal.record(session, entry)
    return changed


def apply_file(runtime: Runtime, actor: Actor, file: CatalogFile) -> list[str]:
    """Register what `file` describes, or change the dataset to it; returns what changed.

    The answer is `["registered"]` for a new dataset, else the names of the changed columns.
    """
    known = _known(runtime, file)
    if known is None:
        return _register(runtime, actor, file)
    return change_dataset(runtime, actor, file.dataset)


def register_if_new(runtime: Runtime, actor: Actor, file: CatalogFile) -> None:
    """Register what `file` describes; a dataset that exists must already be like it.

    Raises Problem CONFLICT naming the columns in which they differ.
    """
    known = _known(runtime, file)
    if known is None:
        _register(runtime, actor, file)
        return
    with runtime.db.read() as session:
        changed = ", ".join(differences(session, known, file.dataset))
    if changed:
        raise Problem(
            ProblemCode.CONFLICT,
            f"등록된 데이터셋과 다릅니다: {changed}",
            f"The dataset is registered with other values of: {changed}. "
            "Change it first with: sumun catalog dataset --like",
        )


def _known(runtime: Runtime, file: CatalogFile) -> Dataset | None:
    with runtime.db.read() as session:
        return session.scalar(select(Dataset).where(Dataset.slug == file.dataset.slug))


def _register(runtime: Runtime, actor: Actor, file: CatalogFile) -> list[str]:
    with runtime.db.read() as session:
        known = file.project is None or _project(session, file.project.number)
    if file.project and not known:
        register_project(runtime, actor, file.project)
    register_dataset(runtime, actor, file.dataset)
    return ["registered"]


def withdraw_dataset(runtime: Runtime, actor: Actor, slug: str, reason: str) -> None:
    """Stop offering a dataset; bites on the next request. Raises NOT_FOUND, WRONG_STATE."""
    with runtime.db.write() as session:
        dataset = locked_dataset(session, slug)
        _refuse_withdrawn(dataset)
        dataset.withdrawn_at, dataset.withdrawn_reason = runtime.clock.now(), reason
        runtime.journal.record(session, Entry(actor, Act.DATASET_WITHDRAWN, dataset=slug))


def locked_dataset(session: Session, slug: str) -> Dataset:
    """The dataset for a change in this transaction. Raises Problem NOT_FOUND."""
    dataset = session.scalar(select(Dataset).where(Dataset.slug == slug).with_for_update())
    if dataset is None:
        raise unknown_dataset(slug)
    return dataset


def unknown_dataset(slug: str) -> Problem:
    """The refusal for a slug that names nothing."""
    return Problem(
        ProblemCode.NOT_FOUND,
        f"해당 데이터셋이 없습니다: {slug}",
        f"There is no dataset {slug}.",
    )


def _refuse_withdrawn(dataset: Dataset) -> None:
    if dataset.withdrawn_at is not None:
        raise Problem(
            ProblemCode.WRONG_STATE,
            "제공이 중단된 데이터셋입니다.",
            "This dataset is no longer offered.",
        )


def _check_agreement(code: str) -> None:
    if code not in {text.code for text in agreements.load()}:
        raise _invalid(
            "agreement_code", f"해당 이용협약이 없습니다: {code}", f"No agreement {code}."
        )


def _columns(session: Session, spec: DatasetSpec) -> dict[str, Any]:
    """The values of the dataset's columns that `spec` decides."""
    columns = _stored(spec.model_dump(exclude=LINKS))
    columns["project_id"] = _project_id(session, spec.project)
    columns["contractor_id"] = _contractor_id(session, spec.contractor)
    return columns


def _stored(values: dict[str, Any]) -> dict[str, Any]:
    # JSON columns give lists back, so lists are what is compared and stored.
    return {
        key: list(value) if isinstance(value, tuple) else value for key, value in values.items()
    }


def _project(session: Session, number: str) -> ConstructionProject | None:
    return session.scalar(select(ConstructionProject).where(ConstructionProject.number == number))


def _project_id(session: Session, number: str | None) -> Any:
    if number is None:
        return None
    project = _project(session, number)
    if project is None:
        raise _invalid(
            "project", f"해당 구축과제가 없습니다: {number}", f"No construction project {number}."
        )
    return project.id


def _contractor_id(session: Session, business_number: str | None) -> Any:
    if business_number is None:
        return None
    found = session.scalar(
        select(Organisation.id).where(Organisation.business_number == business_number)
    )
    if found is None:
        raise _invalid(
            "contractor",
            f"사업자등록번호 {business_number}인 수행기관이 없습니다.",
            f"No organisation has the business number {business_number}.",
        )
    return found


def _invalid(field: str, ko: str, en: str) -> Problem:
    return Problem(ProblemCode.VALIDATION_FAILED, ko, en, errors=[{"field": field, "message": en}])
