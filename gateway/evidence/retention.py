"""How long the law asks to keep access records."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gateway.catalog.models import Dataset
from gateway.identity.models import Person
from gateway.runtime import Runtime
from policies.facts import Sensitivity

# PIPA, Standard of Measures to Ensure the Safety of Personal Data, article 8.
ONE_YEAR, TWO_YEARS = timedelta(days=365), timedelta(days=730)
MANY_PEOPLE = 50_000
SENSITIVE = (Sensitivity.SENSITIVE, Sensitivity.CRITICAL)


def access_records(runtime: Runtime, session: Session) -> timedelta:
    """How long access records are kept: the setting, else one year; two for sensitive data or
    more than 50,000 people."""
    chosen = runtime.settings.audit_retention_days
    if chosen is not None:
        return timedelta(days=chosen)
    sensitive = select(Dataset.id).where(Dataset.sensitivity.in_(SENSITIVE)).limit(1)
    many = (session.scalar(select(func.count()).select_from(Person)) or 0) > MANY_PEOPLE
    return TWO_YEARS if many or session.scalar(sensitive) is not None else ONE_YEAR
