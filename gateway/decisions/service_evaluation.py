"""One question, answered as the gateway itself would decide now. Nothing is let through by it."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.access.ask import Ask, Caller, Gathered
from gateway.access.facts import gather
from gateway.access.reading import find_dataset
from gateway.access.service import Door
from gateway.catalog.models import Dataset, DatasetVersion
from gateway.catalog.service_reading import is_published
from gateway.decisions.asking import Asker, expect, record_look
from gateway.errors import Problem, ProblemCode
from gateway.identity.models import Person
from gateway.identity.service_people import find_by_account
from gateway.identity.service_step_up import last_confirmed
from gateway.policy.loading import engine_for
from gateway.runtime import Runtime
from gateway.zones.service_facts import facts_of_grant
from policies.decision import Decision
from policies.explain import Explanation, explain
from policies.vocabulary import Action, Delivery

PERSON: Final = "person"
DATASET: Final = "dataset"


@dataclass(frozen=True, slots=True)
class Subject:
    """Who the question is about. Only the type `person` is known; `id` is an account."""

    type: str
    id: str


@dataclass(frozen=True, slots=True)
class Resource:
    """What it is about. Only the type `dataset` is known; `id` is a slug, and `version` a label
    (None: the newest released version)."""

    type: str
    id: str
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """May this subject do this with this resource? `action` is any text."""

    subject: Subject
    action: str
    resource: Resource


@dataclass(frozen=True, slots=True)
class Answer:
    """The decision with the way to a yes, and whose standing it shows."""

    explanation: Explanation
    person_id: uuid.UUID
    dataset: str | None

    @property
    def allowed(self) -> bool:
        """Whether it is a yes; what waits for a reviewer is none."""
        return self.explanation.decision.allowed


class Unanswered(Problem):
    """NOT_FOUND for a question about somebody: `person_id` None when nobody has the account,
    `dataset` None when there is no such dataset. Whoever is told this has looked."""

    def __init__(self, told: Problem, person_id: uuid.UUID | None, dataset: str | None) -> None:
        super().__init__(told.code, told.detail_ko, told.detail_en)
        self.person_id = person_id
        self.dataset = dataset


def evaluate(runtime: Runtime, asker: Asker, question: Question) -> Answer:
    """Decide and explain. Nothing is recorded: see `asking.record_look`.

    Raises Problem FORBIDDEN for somebody else's access to a dataset that the asker does not watch,
    NOT_FOUND for a type, `Unanswered` for a person, dataset or version that does not exist.
    """
    person, dataset, found = _found(runtime, asker, question.subject, question.resource)
    explanation = explained(runtime, found, question.action)
    return Answer(explanation, person.id, dataset.slug)


def look_up(
    runtime: Runtime, asker: Asker, subject: Subject, resource: Resource
) -> tuple[Person, Dataset, Gathered]:
    """Person, dataset and the facts between them. Raises Problem as `evaluate`; that somebody or
    something does not exist is told only after the look is recorded."""
    try:
        return _found(runtime, asker, subject, resource)
    except Unanswered as problem:
        record_look(runtime, asker, [problem.person_id], problem.dataset)
        raise


def version_of(
    session: Session, asker: Asker, dataset: Dataset, label: str | None
) -> uuid.UUID | None:
    """The id of a version by its label; None stands for the newest released one.

    Only stewards of the dataset know of a version that is not, and never was, open: for others
    there is none. Raises Problem NOT_FOUND.
    """
    if label is None:
        return None
    wanted = select(DatasetVersion).where(DatasetVersion.dataset_id == dataset.id)
    found = session.scalar(wanted.where(DatasetVersion.label == label))
    if found is None or not (is_published(found) or asker.stewards(dataset.slug)):
        raise unknown("버전", "version")
    return found.id


def facts_between(
    runtime: Runtime,
    asker: Asker,
    person_id: uuid.UUID,
    dataset_id: uuid.UUID,
    version_id: uuid.UUID | None = None,
) -> Gathered:
    """What is known between a person and a dataset at this moment, the safe zone included.

    For the asker by the session of this request; for others by any session of theirs that is
    live. Raises Problem NOT_FOUND.
    """
    # What is gathered does not depend on the action: one reading answers for all of them.
    ask = Ask(
        Action.DOWNLOAD,
        person_id=person_id,
        dataset_id=dataset_id,
        version_id=version_id,
        caller=_caller(runtime, asker, person_id),
    )
    found = gather(runtime.db, ask, runtime.clock.now(), runtime.ontology)
    if found is None:
        raise unknown("데이터셋", "dataset")
    if found.grant_id is None or found.facts.target.delivery is not Delivery.SAFE_ZONE:
        return found
    zone = facts_of_grant(runtime, found.grant_id)
    return replace(found, facts=replace(found.facts, zone=zone))


def _caller(runtime: Runtime, asker: Asker, person_id: uuid.UUID) -> Caller:
    if person_id == asker.person_id:
        return asker.caller
    with runtime.db.read() as session:
        return Caller(last_confirmed(session, person_id, runtime.clock.now()))


def decided(door: Door, found: Gathered, action: str) -> Decision:
    """The decision of the release in force; an unknown action is a no."""
    return engine_for(door.db, found.release).decide(action, found.facts)


def explained(door: Door, found: Gathered, action: str) -> Explanation:
    """The same with the way to a yes."""
    return explain(engine_for(door.db, found.release), action, found.facts)


def _found(
    runtime: Runtime, asker: Asker, subject: Subject, resource: Resource
) -> tuple[Person, Dataset, Gathered]:
    expect(runtime, asker, asker.is_called(subject.id) or asker.watches(resource.id))
    if subject.type != PERSON or resource.type != DATASET:
        raise unknown("종류", "type")
    with runtime.db.read() as session:
        person = find_by_account(session, subject.id)
        dataset = find_dataset(session, resource.id)
        try:
            if person is None or dataset is None:
                raise unknown("사람 또는 데이터셋", "person or dataset")
            version_id = version_of(session, asker, dataset, resource.version)
        except Problem as problem:
            named = dataset.slug if dataset else None
            raise Unanswered(problem, person.id if person else None, named) from None
    return person, dataset, facts_between(runtime, asker, person.id, dataset.id, version_id)


def unknown(ko: str, en: str) -> Problem:
    """The refusal for something that does not exist."""
    return Problem(ProblemCode.NOT_FOUND, f"찾을 수 없는 {ko}입니다.", f"There is no such {en}.")


def until(
    questions: list[Question | Problem],
    answer: Callable[[Question | Problem], Answer | Problem],
    stop_at: bool | None,
) -> list[Answer | Problem]:
    """Answer in order, up to and with the first answer that is `stop_at` (None: all of them)."""
    answers: list[Answer | Problem] = []
    for question in questions:
        answers.append(answer(question))
        if stop_at is not None and is_yes(answers[-1]) is stop_at:
            break
    return answers


def is_yes(answer: Answer | Problem) -> bool:
    """Whether it is a yes; a question that could not be answered is a no."""
    return isinstance(answer, Answer) and answer.allowed
