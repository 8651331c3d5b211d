"""The event of each act on an export: it always names content and manifest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from gateway.catalog.models import Dataset, DatasetVersion
from gateway.exports.models import Export
from gateway.journal import Act, Actor, Entry, Outcome


@dataclass(frozen=True, slots=True)
class Named:
    """An export with the names of what it is of; `label` None for a result."""

    export: Export
    dataset: Dataset
    label: str | None


def named(session: Session, export: Export) -> Named:
    """`export` with its dataset and version."""
    dataset = session.get_one(Dataset, export.dataset_id)
    version = session.get(DatasetVersion, export.version_id) if export.version_id else None
    return Named(export, dataset, version.label if version else None)


def entry(
    actor: Actor,
    act: Act,
    about: Named,
    *,
    outcome: Outcome = Outcome.SUCCESS,
    reason: str | None = None,
    detail: Mapping[str, Any] | None = None,
) -> Entry:
    """The event of `act` on an export; its subject is the person who asked for it."""
    export = about.export
    return Entry(
        actor,
        act,
        outcome,
        subjects=(export.person_id,),
        dataset=about.dataset.slug,
        version=about.label,
        ref=f"export:{export.id}",
        reason=reason,
        detail={
            "kind": str(export.kind),
            "grant": str(export.grant_id),
            "content": export.content_sha256 or "",
            "manifest": export.manifest_sha256 or "",
            **(detail or {}),
        },
    )
