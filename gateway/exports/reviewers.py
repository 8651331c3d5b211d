"""Who reviews an export: stewards of its dataset, and of the safe zone that it may come out of.

A result that was handed in from a seat, or during a session, may hold that data whatever grant it
names. So stewards of every safe-zone dataset involved look at it, and nobody else.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, and_, or_, select, true
from sqlalchemy.orm import Session, aliased

from gateway.catalog.models import Dataset
from gateway.exports.models import Export, ExportOrigin
from gateway.identity.models import EVERYWHERE
from policies.vocabulary import Delivery


def origins(session: Session, export: Export) -> Sequence[Dataset]:
    """The safe-zone datasets that the export may hold, by slug; none for what came from outside."""
    found = select(Dataset).join(ExportOrigin, ExportOrigin.dataset_id == Dataset.id)
    return session.scalars(
        found.where(ExportOrigin.export_id == export.id).order_by(Dataset.slug)
    ).all()


def slugs_to_cover(session: Session, export: Export) -> frozenset[str]:
    """The datasets of all of which one must be a steward to see and decide on the export."""
    own = session.get_one(Dataset, export.dataset_id)
    involved = frozenset(dataset.slug for dataset in origins(session, export))
    if involved and own.delivery != Delivery.SAFE_ZONE:
        return involved
    return involved | {own.slug}


def covered(scopes: frozenset[str]) -> ColumnElement[bool]:
    """The same for a query over `Export` joined with its `Dataset`: steward of `scopes`."""
    if EVERYWHERE in scopes:
        return true()
    other = aliased(Dataset)
    mine = select(other.id).where(other.slug.in_(scopes))
    involved = select(ExportOrigin.dataset_id).where(ExportOrigin.export_id == Export.id)
    elsewhere = and_(involved.exists(), Dataset.delivery != Delivery.SAFE_ZONE)
    foreign = involved.where(ExportOrigin.dataset_id.not_in(mine))
    return and_(~foreign.exists(), or_(elsewhere, Dataset.slug.in_(scopes)))
