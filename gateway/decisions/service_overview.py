"""Who can access a dataset and why; what a person can access and what is missing."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Select, select, union
from sqlalchemy.orm import Session

from gateway.access.models import Grant
from gateway.agreements.models import Acceptance
from gateway.applications.models import Application, ApplicationItem, ItemState
from gateway.catalog.models import Dataset
from gateway.decisions.asking import Asker, record_look
from gateway.decisions.service_evaluation import explained, facts_between
from gateway.decisions.service_search import datasets_among
from gateway.identity.models import Person
from gateway.runtime import Runtime
from gateway.web.paging import Window, keyset
from policies.explain import Explanation
from policies.vocabulary import Action


class Tie(StrEnum):
    """What joins a person to a dataset."""

    GRANT = "grant"
    APPLICATION = "application"
    SIGNATURE = "signature"


@dataclass(frozen=True, slots=True)
class PersonRow:
    """A person beside a dataset, with the decision at this moment and the grant it rests on."""

    person: Person
    ties: frozenset[Tie]
    grant_id: uuid.UUID | None
    found: Explanation


@dataclass(frozen=True, slots=True)
class DatasetRow:
    """A dataset beside a person, with the decision about each of `acts` at this moment."""

    dataset: Dataset
    grant_id: uuid.UUID | None
    acts: Mapping[Action, Explanation]


def people_of(
    runtime: Runtime, asker: Asker, dataset: Dataset, action: Action, window: Window
) -> list[PersonRow]:
    """Everybody who holds a grant of the dataset, applied for it or signed its agreement; up to
    `window.limit` + 1 rows. Whoever is shown is recorded as looked at."""
    statement = select(Person).where(Person.id.in_(_tied(dataset)))
    with runtime.db.read() as session:
        people = session.scalars(keyset(statement, [Person.id], window)).all()
        ties = _ties(session, dataset, [person.id for person in people])
    shown = [person.id for person in people[: window.limit]]
    record_look(runtime, asker, shown, dataset.slug, action=str(action))
    return [
        PersonRow(
            person,
            ties.get(person.id, frozenset()),
            *_beside(runtime, asker, dataset, action, person),
        )
        for person in people
    ]


def datasets_of(
    runtime: Runtime, asker: Asker, person: Person, action: Action | None, window: Window
) -> list[DatasetRow]:
    """The datasets that the asker watches, each with what `person` may do: `action`, or every act
    that there is. Up to `window.limit` + 1 rows; recorded."""
    acts = (action,) if action else tuple(Action)
    statement = datasets_among(asker.watched())
    with runtime.db.read() as session:
        found = session.scalars(keyset(statement, [Dataset.slug], window, descending=False)).all()
    record_look(runtime, asker, [person.id], None)
    return [_dataset_row(runtime, asker, dataset, acts, person) for dataset in found]


def watched_datasets(session: Session, asker: Asker) -> Sequence[Dataset]:
    """Every dataset that the asker watches, by slug."""
    return session.scalars(datasets_among(asker.watched()).order_by(Dataset.slug)).all()


def _beside(
    runtime: Runtime, asker: Asker, dataset: Dataset, action: Action, person: Person
) -> tuple[uuid.UUID | None, Explanation]:
    facts = facts_between(runtime, asker, person.id, dataset.id)
    return facts.grant_id, explained(runtime, facts, action)


def _dataset_row(
    runtime: Runtime, asker: Asker, dataset: Dataset, acts: Iterable[Action], person: Person
) -> DatasetRow:
    facts = facts_between(runtime, asker, person.id, dataset.id)
    found = {action: explained(runtime, facts, action) for action in acts}
    return DatasetRow(dataset, facts.grant_id, found)


def _by_tie(dataset: Dataset) -> dict[Tie, Select[Any]]:
    """The ids of the people that each tie joins to the dataset; drafts are nobody's business."""
    applied = (
        select(Application.applicant_id.label("person_id"))
        .join(ApplicationItem, ApplicationItem.application_id == Application.id)
        .where(ApplicationItem.dataset_id == dataset.id)
        .where(ApplicationItem.state != ItemState.DRAFT)
    )
    signed = select(Acceptance.person_id).where(
        Acceptance.code == dataset.agreement_code, Acceptance.ended_at.is_(None)
    )
    return {
        Tie.GRANT: select(Grant.person_id).where(Grant.dataset_id == dataset.id),
        Tie.APPLICATION: applied,
        Tie.SIGNATURE: signed,
    }


def _tied(dataset: Dataset) -> Any:
    everybody = union(*_by_tie(dataset).values()).subquery()
    return select(everybody.c.person_id)


def _ties(
    session: Session, dataset: Dataset, people: Collection[uuid.UUID]
) -> dict[uuid.UUID, frozenset[Tie]]:
    found: dict[uuid.UUID, frozenset[Tie]] = {}
    for tie, statement in _by_tie(dataset).items():
        column = statement.selected_columns[0]
        for person_id in session.scalars(statement.where(column.in_(people)).distinct()):
            found[person_id] = found.get(person_id, frozenset()) | {tie}
    return found
