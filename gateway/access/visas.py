"""ControlledAccessGrants visas: the grants of a person that are live."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import and_, exists, or_, select
from sqlalchemy.orm import Session

from gateway.access.models import Grant
from gateway.catalog.models import Dataset
from gateway.identity.models import Membership, Organisation, OrganisationStatus
from gateway.identity.passports.assertions import Asked, Assertion
from gateway.identity.passports.vocabulary import Authority, VisaType


def granted(session: Session, asked: Asked) -> Sequence[Assertion]:
    """One for each dataset; the value is the dataset's address. A grant through an organisation
    counts while the person belongs to it and it is verified."""
    belongs = exists().where(
        Membership.person_id == Grant.person_id,
        Membership.organisation_id == Grant.organisation_id,
        Membership.confirmed_by.is_not(None),
        Membership.ended_at.is_(None),
        and_(
            Organisation.id == Grant.organisation_id,
            Organisation.status == OrganisationStatus.VERIFIED,
        ),
    )
    rows = session.execute(
        select(Dataset.slug, Grant.created_at, Grant.ends_at)
        .join(Dataset, Dataset.id == Grant.dataset_id)
        .where(Grant.person_id == asked.person_id, Grant.ended_at.is_(None))
        .where(Grant.starts_at <= asked.now, Grant.ends_at > asked.now)
        .where(Grant.suspended.is_(False), or_(Grant.organisation_id.is_(None), belongs))
        .order_by(Dataset.slug, Grant.ends_at)
    )
    # Of several grants for one dataset the longest speaks.
    longest = {row.slug: row for row in rows}
    return [
        Assertion(
            VisaType.GRANT,
            f"{asked.base}/datasets/{row.slug}",
            asked.base,
            Authority.DAC,
            row.created_at,
            row.ends_at,
        )
        for row in longest.values()
    ]
