"""What pages and API of the catalogue share: cursors, who sees what, the shapes of answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy.orm import Session

from gateway.catalog import manifest_index, service_reading
from gateway.catalog.items import Item
from gateway.catalog.models import Dataset, DatasetVersion
from gateway.catalog.schemas import DatasetOut, ItemOut, ItemQuery, VersionOut
from gateway.catalog.service_reading import Detail
from gateway.catalog.service_versions import find_version, version_entry
from gateway.errors import Problem, ProblemCode
from gateway.identity.http import actor, require_person, rt, scopes_of, viewer
from gateway.identity.models import EVERYWHERE, Role
from gateway.journal import Act, Outcome
from gateway.keys import Purpose
from gateway.web.paging import Cursors, Page, scope_of
from policies.vocabulary import Delivery

NAMES_STAY = "SAFE_ZONE_NAMES"


def cursors() -> Cursors:
    """The maker of this gateway's cursors."""
    return Cursors(rt().keys.current(Purpose.CURSOR).material)


def is_steward(slug: str) -> bool:
    """Whether the reader is a steward of this dataset."""
    return not scopes_of(Role.STEWARD).isdisjoint({slug, EVERYWHERE})


def visible_version(session: Session, slug: str, label: str) -> tuple[Dataset, DatasetVersion]:
    """The version, if the reader may know of it. Raises Problem NOT_FOUND."""
    dataset, version = find_version(session, slug, label)
    if not service_reading.is_published(version) and not is_steward(slug):
        raise Problem(
            ProblemCode.NOT_FOUND,
            f"데이터셋 {slug}에 해당 버전이 없습니다: {label}",
            f"The dataset {slug} has no version {label}.",
        )
    return dataset, version


def names_are_public(dataset: Dataset) -> bool:
    """Whether strangers may read file names: in sensitive sets they may name patients, and of
    what is delivered in a safe zone nothing is told outside but counts and sizes in total."""
    return dataset.sensitivity in service_reading.NAMES_ARE_PUBLIC and not _stays(dataset)


def may_read_names(dataset: Dataset) -> bool:
    """Whether the reader may see file names outside a safe zone: of its data only stewards."""
    if _stays(dataset):
        return is_steward(dataset.slug)
    return names_are_public(dataset) or viewer() is not None


def items_page(
    dataset: Dataset, version: DatasetVersion, query: ItemQuery, arguments: Mapping[str, str]
) -> Page[Item]:
    """One page of a version's items. Raises Problem STORAGE_UNAVAILABLE, BAD_REQUEST, FORBIDDEN.

    In sensitive sets only signed-in people see names, in those of safe zones only stewards of
    the dataset; each such reading is an event.
    """
    if not names_are_public(dataset):
        _expect_reader(dataset, version)
        rt().folding.read(version_entry(actor(), Act.MANIFEST_READ, dataset, version))
    scope = scope_of(f"items:{version.id}", {"prefix": query.prefix})
    window = cursors().window(arguments, scope)
    items = manifest_index.listing(rt(), version, query.prefix, window)
    return cursors().page(items, window, lambda item: (item.path,))


def dataset_out(detail: Detail) -> DatasetOut:
    """A dataset as the API gives it."""
    shown: dict[str, Any] = {
        name: getattr(detail.dataset, name)
        for name in DatasetOut.model_fields
        if name not in {"versions", "project", "requirements"}
    }
    return DatasetOut(
        **shown,
        requirements=service_reading.requirements(detail.dataset),
        project=detail.project.number if detail.project else None,
        versions=[version_out(version) for version in detail.versions],
    )


def version_out(version: DatasetVersion) -> VersionOut:
    """A version as the API gives it."""
    return VersionOut(**{name: getattr(version, name) for name in VersionOut.model_fields})


def item_out(item: Item) -> ItemOut:
    """An item as the API gives it; its digest only to signed-in people."""
    digest = item.sha256 if viewer() else None
    return ItemOut(path=item.path, bytes=item.size, media_type=item.media_type, sha256=digest)


def _stays(dataset: Dataset) -> bool:
    return dataset.delivery == Delivery.SAFE_ZONE


def _expect_reader(dataset: Dataset, version: DatasetVersion) -> None:
    require_person()
    if may_read_names(dataset):
        return
    denial = version_entry(actor(), Act.ACCESS_DECIDED, dataset, version)
    rt().folding.record(replace(denial, outcome=Outcome.DENY, reason=NAMES_STAY))
    raise Problem(
        ProblemCode.FORBIDDEN,
        "안심존에서 제공하는 데이터셋의 파일 목록은 안심존 좌석과 데이터 관리 담당자에게만"
        " 보입니다.",
        "The files of a dataset provided in a safe zone are listed at its seats, and to its data"
        " stewards, only.",
    )
