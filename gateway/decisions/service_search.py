"""Who may, what may somebody use, what may they do with it: searches over the decisions."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import Select, select

from gateway.access.models import Grant
from gateway.access.reading import find_dataset
from gateway.catalog.models import Dataset
from gateway.decisions.asking import Asker, expect, record_look
from gateway.decisions.service_evaluation import (
    DATASET,
    PERSON,
    Resource,
    Subject,
    decided,
    facts_between,
    look_up,
    unknown,
    version_of,
)
from gateway.decisions.walking import Candidates, Found, Slice, walk
from gateway.identity.models import Person
from gateway.identity.service_people import find_by_account
from gateway.keys import Purpose
from gateway.runtime import Runtime
from gateway.web.paging import Cursors, Window, keyset, scope_of
from policies.vocabulary import Action


@dataclass(frozen=True, slots=True)
class Search:
    """Which page of the entities of `kind` that `action` joins to another; both are any text."""

    kind: str
    action: str
    wanted: Slice


def subjects(runtime: Runtime, asker: Asker, resource: Resource, search: Search) -> Found[Person]:
    """The people who may use `resource` so; whoever is named is recorded as looked at.

    Raises Problem FORBIDDEN unless the asker watches the dataset, NOT_FOUND for a type, dataset or
    version that does not exist, BAD_REQUEST for a bad page.
    """
    expect(runtime, asker, asker.watches(resource.id))
    dataset, version_id = _resource(runtime, asker, search.kind, resource)

    def allowed(person: Person) -> bool:
        found = facts_between(runtime, asker, person.id, dataset.id, version_id)
        return decided(runtime, found, search.action).allowed

    fetch = partial(_fetch, runtime, _possible(dataset, search.action), Person.id)
    people = Candidates(fetch, lambda person: (person.id,), allowed)
    found = walk(_cursors(runtime), _scope("subject", search, resource), search.wanted, people)
    named = (person.id for person in found.results)
    record_look(runtime, asker, named, dataset.slug, action=action_name(search.action))
    return found


def resources(runtime: Runtime, asker: Asker, subject: Subject, search: Search) -> Found[Dataset]:
    """The datasets that `subject` may use so: for others only those that the asker watches, and
    recorded. Raises Problem as `subjects`."""
    watched = None if asker.is_called(subject.id) else asker.watched()
    expect(runtime, asker, watched is None or bool(watched))
    person = _person(runtime, asker, subject, search)
    record_look(runtime, asker, [person.id], None, action=action_name(search.action))

    def allowed(dataset: Dataset) -> bool:
        found = facts_between(runtime, asker, person.id, dataset.id)
        return decided(runtime, found, search.action).allowed

    fetch = partial(_fetch, runtime, datasets_among(watched), Dataset.slug)
    datasets = Candidates(fetch, lambda dataset: (dataset.slug,), allowed)
    scope = _scope("resource", search, subject)
    return walk(_cursors(runtime), scope, search.wanted, datasets)


def actions(
    runtime: Runtime, asker: Asker, subject: Subject, resource: Resource, wanted: Slice
) -> Found[str]:
    """What `subject` may do with `resource` at this moment. Raises Problem as `subjects`."""
    person, dataset, found = look_up(runtime, asker, subject, resource)
    record_look(runtime, asker, [person.id], dataset.slug)

    def allowed(name: str) -> bool:
        return decided(runtime, found, name).allowed

    names = Candidates(_names, lambda name: (name,), allowed)
    scope = _scope("action", None, subject, resource)
    return walk(_cursors(runtime), scope, wanted, names)


def _resource(
    runtime: Runtime, asker: Asker, kind: str, resource: Resource
) -> tuple[Dataset, uuid.UUID | None]:
    with runtime.db.read() as session:
        dataset = find_dataset(session, resource.id)
        if kind != PERSON or resource.type != DATASET or dataset is None:
            raise unknown("데이터셋", "dataset")
        return dataset, version_of(session, asker, dataset, resource.version)


def _person(runtime: Runtime, asker: Asker, subject: Subject, search: Search) -> Person:
    """The person asked about. That nobody has the account is told once the look is recorded."""
    if subject.type != PERSON or search.kind != DATASET:
        raise unknown("사람", "person")
    with runtime.db.read() as session:
        person = find_by_account(session, subject.id)
    if person is None:
        record_look(runtime, asker, [None], None, action=action_name(search.action))
        raise unknown("사람", "person")
    return person


def action_name(action: str) -> str:
    """An action as the log names it: what somebody typed stays out."""
    return action if action in set(Action) else "unknown"


def datasets_among(slugs: frozenset[str] | None) -> Select[Any]:
    """The datasets of these slugs; None stands for all of them."""
    everything = select(Dataset)
    return everything if slugs is None else everything.where(Dataset.slug.in_(sorted(slugs)))


def _possible(dataset: Dataset, action: str) -> Select[Any]:
    """Everybody may be allowed to apply; all else needs a grant, as is proved of every release."""
    if action == Action.APPLY:
        return select(Person)
    holders = select(Grant.person_id).where(Grant.dataset_id == dataset.id)
    return select(Person).where(Person.id.in_(holders))


def _fetch(runtime: Runtime, statement: Select[Any], column: Any, window: Window) -> Sequence[Any]:
    with runtime.db.read() as session:
        return session.scalars(keyset(statement, [column], window, descending=False)).all()


def _names(window: Window) -> Sequence[str]:
    after = str(window.position[0]) if window.position else ""
    return [name for name in sorted(map(str, Action)) if name > after]


def _scope(name: str, search: Search | None, *about: Subject | Resource) -> str:
    action = search.action if search is not None else ""
    return scope_of(f"authzen-{name}", {"action": action, "about": about})


def _cursors(runtime: Runtime) -> Cursors:
    return Cursors(runtime.keys.current(Purpose.CURSOR).material)
