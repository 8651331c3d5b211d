"""Reading the catalogue: lists, one dataset, its versions, what an applicant needs."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import Session

from gateway.catalog.models import ConstructionProject, Dataset, DatasetVersion
from gateway.catalog.schemas import DatasetQuery, Requirement
from gateway.catalog.service import unknown_dataset
from gateway.scanning.models import FindingRow, Scan
from gateway.web.paging import Window, keyset
from policies.vocabulary import Delivery, Sensitivity, VersionState

# What strangers may see of a version: it is open, or it was.
PUBLISHED = (VersionState.RELEASED, VersionState.WITHDRAWN)
NAMES_ARE_PUBLIC = frozenset({Sensitivity.OPEN, Sensitivity.RESTRICTED})


@dataclass(frozen=True, slots=True)
class Opening:
    """What the gate holds open now: counts, and bytes."""

    projects: int
    datasets: int
    versions: int
    items: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Card:
    """A dataset in a list, with its newest released version if there is one."""

    dataset: Dataset
    newest: DatasetVersion | None


@dataclass(frozen=True, slots=True)
class Detail:
    """A dataset with its versions (newest first) and its construction project."""

    dataset: Dataset
    versions: Sequence[DatasetVersion]
    project: ConstructionProject | None

    @property
    def newest(self) -> DatasetVersion | None:
        """The newest version that is open now."""
        return next((each for each in self.versions if each.state == VersionState.RELEASED), None)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A version that waits for a steward, with its dataset and last scan."""

    dataset: Dataset
    version: DatasetVersion
    scan: Scan | None


def opening(session: Session) -> Opening:
    """The counts of the front page."""
    released = DatasetVersion.state == VersionState.RELEASED
    versions, items, size = session.execute(
        select(
            func.count(),
            func.coalesce(func.sum(DatasetVersion.items), 0),
            func.coalesce(func.sum(DatasetVersion.bytes), 0),
        ).where(released)
    ).one()
    offered = select(func.count()).select_from(Dataset).where(Dataset.withdrawn_at.is_(None))
    projects = select(func.count()).select_from(ConstructionProject)
    # SUM of BIGINT is NUMERIC on PostgreSQL.
    return Opening(
        session.scalar(projects) or 0, session.scalar(offered) or 0, versions, int(items), int(size)
    )


def list_datasets(session: Session, query: DatasetQuery, window: Window) -> Sequence[Card]:
    """Up to `window.limit` + 1 datasets that match `query`, the newest first."""
    statement = select(Dataset).where(*_conditions(query))
    found = session.scalars(keyset(statement, [Dataset.id], window)).all()
    newest = newest_versions(session, [each.id for each in found])
    return [Card(each, newest.get(each.id)) for each in found]


def newest_versions(
    session: Session, dataset_ids: Sequence[uuid.UUID]
) -> Mapping[uuid.UUID, DatasetVersion]:
    """The newest released version of each of these datasets that has one."""
    rows = session.scalars(
        select(DatasetVersion)
        .where(DatasetVersion.dataset_id.in_(dataset_ids))
        .where(DatasetVersion.state == VersionState.RELEASED)
        .order_by(DatasetVersion.released_at, DatasetVersion.id)
    )
    return {version.dataset_id: version for version in rows}


def domains(session: Session) -> Sequence[str]:
    """Every domain in use, for the filter."""
    return session.scalars(select(Dataset.domain).distinct().order_by(Dataset.domain)).all()


def show(session: Session, slug: str, *, everything: bool) -> Detail:
    """One dataset; without `everything` only versions that are or were open.

    Raises Problem NOT_FOUND.
    """
    dataset = session.scalar(select(Dataset).where(Dataset.slug == slug))
    if dataset is None:
        raise unknown_dataset(slug)
    return detail(session, dataset, everything=everything)


def detail(session: Session, dataset: Dataset, *, everything: bool = False) -> Detail:
    """The same for a dataset at hand."""
    statement = select(DatasetVersion).where(DatasetVersion.dataset_id == dataset.id)
    if not everything:
        statement = statement.where(*_published())
    versions = session.scalars(statement.order_by(DatasetVersion.id.desc())).all()
    project = dataset.project_id and session.get(ConstructionProject, dataset.project_id)
    return Detail(dataset, versions, project or None)


def is_published(version: DatasetVersion) -> bool:
    """Whether the version is open, or was: one that was rejected unseen stays unseen."""
    return version.state in PUBLISHED and version.released_at is not None


def projects(session: Session, window: Window) -> Sequence[ConstructionProject]:
    """Up to `window.limit` + 1 construction projects, the newest first."""
    return session.scalars(
        keyset(select(ConstructionProject), [ConstructionProject.id], window)
    ).all()


def datasets_of(
    session: Session, project_ids: Sequence[uuid.UUID]
) -> Mapping[uuid.UUID, Sequence[Dataset]]:
    """The datasets of each of these construction projects."""
    found: dict[uuid.UUID, list[Dataset]] = {each: [] for each in project_ids}
    rows = select(Dataset).where(Dataset.project_id.in_(project_ids)).order_by(Dataset.slug)
    for dataset in session.scalars(rows):
        if dataset.project_id:
            found[dataset.project_id].append(dataset)
    return found


def requirements(dataset: Dataset) -> list[Requirement]:
    """What an applicant must bring, in the order in which it is usually got."""
    asked = {
        Requirement.NATIONAL: dataset.nationals_only,
        Requirement.ORGANISATION: dataset.organisation_required,
        Requirement.IDENTITY: dataset.identity_level > 0,
        Requirement.TRAINING: dataset.training_required,
        Requirement.IRB: dataset.irb_required,
        Requirement.SANDBOX: dataset.originals,
        Requirement.AGREEMENT: True,
        Requirement.SAFE_ZONE: dataset.delivery == Delivery.SAFE_ZONE,
    }
    return [requirement for requirement, needed in asked.items() if needed]


def waiting(session: Session, window: Window, scopes: frozenset[str] | None) -> Sequence[Waiting]:
    """Versions that a steward must decide on, the oldest first; `scopes` None: all datasets."""
    statement: Any = (
        select(Dataset, DatasetVersion, Scan)
        .join(DatasetVersion, DatasetVersion.dataset_id == Dataset.id)
        .outerjoin(Scan, Scan.id == DatasetVersion.scan_id)
        .where(_undecided(), Dataset.withdrawn_at.is_(None))
    )
    if scopes is not None:
        statement = statement.where(Dataset.slug.in_(scopes))
    rows = session.execute(keyset(statement, [DatasetVersion.id], window, descending=False))
    return [Waiting(*row) for row in rows]


def last_scan(session: Session, version: DatasetVersion) -> Scan | None:
    """The last finished scan of this version."""
    return session.get(Scan, version.scan_id) if version.scan_id else None


def findings(session: Session, scan: Scan, window: Window) -> Sequence[FindingRow]:
    """Up to `window.limit` + 1 findings of a scan, undeclared ones first."""
    statement = select(FindingRow).where(FindingRow.scan_id == scan.id)
    columns = [FindingRow.declared, FindingRow.id]
    return session.scalars(keyset(statement, columns, window, descending=False)).all()


def _undecided() -> ColumnElement[bool]:
    ready = (DatasetVersion.state == VersionState.DRAFT) & DatasetVersion.scan_id.is_not(None)
    return or_(DatasetVersion.state == VersionState.HELD, ready)


def _published() -> tuple[ColumnElement[bool], ...]:
    return DatasetVersion.state.in_(PUBLISHED), DatasetVersion.released_at.is_not(None)


def _conditions(query: DatasetQuery) -> list[ColumnElement[bool]]:
    wanted = {
        Dataset.modality: query.modality,
        Dataset.domain: query.domain,
        Dataset.sensitivity: query.sensitivity,
        Dataset.tier: query.tier,
    }
    found = [column == value for column, value in wanted.items() if value]
    if query.project:
        found.append(Dataset.project_id.in_(_project_ids(query.project)))
    return [*found, *(_mentions(word) for word in query.q.split())]


def _project_ids(number: str) -> Select[uuid.UUID]:
    return select(ConstructionProject.id).where(ConstructionProject.number == number)


def _mentions(word: str) -> ColumnElement[bool]:
    searched = (
        Dataset.slug,
        Dataset.title_ko,
        Dataset.title_en,
        Dataset.summary_ko,
        Dataset.summary_en,
        Dataset.domain,
    )
    return or_(*(column.icontains(word, autoescape=True) for column in searched))
