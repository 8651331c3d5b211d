"""Reading emergencies: which run, which wait for a review, and what one of them may stop."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from gateway.access.models import Grant
from gateway.catalog.models import Dataset, DatasetVersion
from gateway.emergency.models import Emergency
from gateway.identity.models import Person
from gateway.web.paging import Window, keyset
from policies.vocabulary import VersionState

MOST_GRANTS = 200


@dataclass(frozen=True, slots=True)
class Case:
    """An emergency with its dataset and holder."""

    row: Emergency
    dataset: Dataset
    person: Person

    def state(self, now: datetime) -> str:
        """live, unreviewed, or the auditor's verdict."""
        if self.row.verdict is not None:
            return self.row.verdict
        over = self.row.ended_at is not None or self.row.ends_at <= now
        return "unreviewed" if over else "live"


@dataclass(frozen=True, slots=True)
class Alarm:
    """How many emergencies run now, and how many wait for a review."""

    live: int
    unreviewed: int


@dataclass(frozen=True, slots=True)
class Stoppable:
    """What an emergency may stop: live grants with their holders, labels of versions."""

    grants: Sequence[tuple[Grant, Person]]
    labels: Sequence[str]


NOTHING = Stoppable((), ())


def page(session: Session, window: Window) -> list[Case]:
    """Every emergency, newest first; limit + 1 rows."""
    rows = session.execute(keyset(_joined(), [Emergency.id], window))
    return [Case(*row) for row in rows]


def one(session: Session, emergency_id: uuid.UUID) -> Case | None:
    """One emergency, or None."""
    row = session.execute(_joined().where(Emergency.id == emergency_id)).first()
    return Case(*row) if row else None


def alarm(session: Session, now: datetime) -> Alarm:
    """What auditors, operators, the doctor and the metrics are told."""
    over = or_(Emergency.ended_at.is_not(None), Emergency.ends_at <= now)
    count = select(func.count()).select_from(Emergency)
    live = session.scalar(count.where(~over)) or 0
    waiting = session.scalar(count.where(over, Emergency.reviewed_at.is_(None))) or 0
    return Alarm(live, waiting)


def stoppable(session: Session, dataset_id: uuid.UUID, now: datetime) -> Stoppable:
    """The dataset's live grants with their holders, and the labels of versions not withdrawn."""
    held = session.execute(
        select(Grant, Person)
        .join(Person, Person.id == Grant.person_id)
        .where(Grant.dataset_id == dataset_id, Grant.ended_at.is_(None), Grant.ends_at > now)
        .order_by(Grant.id)
        .limit(MOST_GRANTS)
    )
    labels = session.scalars(
        select(DatasetVersion.label)
        .where(DatasetVersion.dataset_id == dataset_id)
        .where(DatasetVersion.state != VersionState.WITHDRAWN)
        .order_by(DatasetVersion.id)
    ).all()
    return Stoppable([(row.Grant, row.Person) for row in held], labels)


def _joined() -> Any:
    return (
        select(Emergency, Dataset, Person)
        .join(Dataset, Dataset.id == Emergency.dataset_id)
        .join(Person, Person.id == Emergency.person_id)
    )
