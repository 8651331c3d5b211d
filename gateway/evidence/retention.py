"""How long the law asks to keep access records, and records of who was given which right."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gateway.catalog.models import Dataset
from gateway.identity.models import Person
from gateway.journal import Act
from gateway.runtime import Runtime
from policies.vocabulary import Sensitivity


@dataclass(frozen=True, slots=True)
class Term:
    """A time to keep records for: calendar years, or days where a setting replaces them."""

    years: int = 0
    days: int = 0

    def after(self, moment: datetime) -> datetime:
        """When a record of `moment` has been kept for this long; of 29 February, on 1 March."""
        try:
            ends = moment.replace(year=moment.year + self.years)
        except ValueError:
            ends = moment.replace(year=moment.year + self.years, month=3, day=1)
        return ends + timedelta(days=self.days)

    def before(self, moment: datetime) -> datetime:
        """The newest moment that `moment` is this long after; on 29 February, of the 28th."""
        try:
            began = moment.replace(year=moment.year - self.years)
        except ValueError:
            began = moment.replace(year=moment.year - self.years, day=28)
        return began - timedelta(days=self.days)


# PIPA, Standard of Measures to Ensure the Safety of Personal Data: access records, article 8;
# rights given, changed and taken away, article 5.
ONE_YEAR, TWO_YEARS, RIGHTS_TERM = Term(years=1), Term(years=2), Term(years=3)
RIGHTS = ("role.", "membership.", "grant.")
RIGHTS_ACTS = tuple(act for act in Act if act.startswith(RIGHTS))
MANY_PEOPLE = 50_000
SENSITIVE = (Sensitivity.SENSITIVE, Sensitivity.CRITICAL)


def access_records(runtime: Runtime, session: Session) -> Term:
    """How long access records are kept: the setting, else one year; two for sensitive data or
    more than 50,000 people."""
    chosen = runtime.settings.audit_retention_days
    if chosen is not None:
        return Term(days=chosen)
    sensitive = select(Dataset.id).where(Dataset.sensitivity.in_(SENSITIVE)).limit(1)
    many = (session.scalar(select(func.count()).select_from(Person)) or 0) > MANY_PEOPLE
    return TWO_YEARS if many or session.scalar(sensitive) is not None else ONE_YEAR
