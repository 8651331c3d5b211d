"""Everything that somebody may be doing now, with the facts that it is judged by at a moment.

Grants that have not ended, exports that wait to be fetched, applications that are under way: what
a change takes away is among them, and nothing else is.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVarTuple

from sqlalchemy import Row, Select, exists, select

from gateway.access.ask import Ask, Gathered
from gateway.access.binding import terms_of_grant
from gateway.access.facts import gather
from gateway.access.models import Grant
from gateway.applications.models import Application, ApplicationItem, ItemState, ResearchProject
from gateway.applications.service_projects import stated_of
from gateway.catalog.models import Dataset
from gateway.clock import to_ms
from gateway.exports.models import Export, ExportState
from gateway.exports.service_reading import export_facts
from gateway.runtime import Runtime
from gateway.zones.models import Zone, ZoneDataset
from gateway.zones.service_facts import first_opened, term_from
from policies.facts import Facts, ZoneFacts
from policies.vocabulary import Action, ImportState, ZoneSession

BY_GRANT = (Action.DOWNLOAD, Action.PACKAGE, Action.SUBMIT_RESULT)
UNDER_WAY = (ItemState.DRAFT, ItemState.IN_REVIEW, ItemState.RETURNED)


@dataclass(frozen=True, slots=True)
class Held:
    """Somebody and a dataset, with the facts by which each of `actions` is judged.

    `agreement` is the code that the dataset names. `granted` says that a grant carries this: then
    a signature for another organisation does not count. `began` is when staff opened the first
    session in a safe zone under it.
    """

    person_id: uuid.UUID
    dataset: str
    agreement: str
    actions: tuple[Action, ...]
    facts: Facts
    granted: bool
    began: datetime | None


Columns = TypeVarTuple("Columns")
# The facts as they will be once a change is in force.
Alter = Callable[[Held], Facts]


@dataclass(frozen=True, slots=True)
class _Question:
    """One round of facts; they differ by action only in the place in a safe zone."""

    ask: Ask
    agreement: str
    asked: tuple[tuple[tuple[Action, ...], ZoneFacts | None], ...]
    began: datetime | None = None


def everything_held(runtime: Runtime, at: datetime) -> Iterator[Held]:
    """Everything somebody may be doing now, with the facts it would be judged by at `at`."""
    for question in _questions(runtime, at):
        found = gather(runtime.db, question.ask, at, runtime.ontology)
        if found is not None and found.person_id is not None:
            yield from _held(question, found, found.person_id)


def _held(question: _Question, found: Gathered, person_id: uuid.UUID) -> Iterator[Held]:
    for actions, zone in question.asked:
        yield Held(
            person_id=person_id,
            dataset=found.dataset,
            agreement=question.agreement,
            actions=actions,
            facts=replace(found.facts, zone=zone),
            granted=found.grant_id is not None,
            began=question.began,
        )


def _questions(runtime: Runtime, at: datetime) -> Iterator[_Question]:
    for grant_id, code, zoned in _rows(runtime, _grants()):
        yield _of_grant(runtime, at, grant_id, code, zoned=zoned)
    for export_id, code in _rows(runtime, _exports()):
        yield _of_export(runtime, export_id, code)
    for item, application, project, code in _rows(runtime, _applications()):
        yield _of_application(item, application, project, code)


def _rows(runtime: Runtime, query: Select[*Columns]) -> Sequence[Row[*Columns]]:
    with runtime.db.read() as session:
        return session.execute(query).all()


def _grants() -> Select[uuid.UUID, str, bool]:
    zoned = (
        exists()
        .where(ZoneDataset.dataset_id == Grant.dataset_id)
        .where(Zone.id == ZoneDataset.zone_id, Zone.closed_at.is_(None))
    )
    return (
        select(Grant.id, Dataset.agreement_code, zoned)
        .join(Dataset, Dataset.id == Grant.dataset_id)
        .where(Grant.ended_at.is_(None))
        .order_by(Grant.id)
    )


def _exports() -> Select[uuid.UUID, str]:
    return (
        select(Export.id, Dataset.agreement_code)
        .join(Grant, Grant.id == Export.grant_id)
        .join(Dataset, Dataset.id == Grant.dataset_id)
        .where(Export.state == ExportState.RELEASED, Grant.ended_at.is_(None))
        .order_by(Export.id)
    )


def _applications() -> Select[ApplicationItem, Application, ResearchProject, str]:
    return (
        select(ApplicationItem, Application, ResearchProject, Dataset.agreement_code)
        .join(Application, Application.id == ApplicationItem.application_id)
        .join(ResearchProject, ResearchProject.id == Application.project_id)
        .join(Dataset, Dataset.id == ApplicationItem.dataset_id)
        .where(ApplicationItem.state.in_(UNDER_WAY), Application.ended_at.is_(None))
        .order_by(ApplicationItem.id)
    )


def _of_grant(
    runtime: Runtime, at: datetime, grant_id: uuid.UUID, code: str, *, zoned: bool
) -> _Question:
    """For a dataset that a zone is open for, also what its holder may do at a seat."""
    ask = Ask(Action.DOWNLOAD, grant_id=grant_id)
    if not zoned:
        return _Question(ask, code, ((BY_GRANT, None),))
    with runtime.db.read() as session:
        began = first_opened(session, grant_id)
        ends = term_from(began, terms_of_grant(session, grant_id, at))
    # The question is what they may do once staff open a session and approve what they bring.
    seat = ZoneFacts(ZoneSession.OPEN, None if ends is None else to_ms(ends), None)
    bringing = replace(seat, zone_import=ImportState.APPROVED)
    asked = (
        (BY_GRANT, None),
        ((Action.READ_IN_ZONE,), seat),
        ((Action.IMPORT_TO_ZONE,), bringing),
    )
    return _Question(ask, code, asked, began)


def _of_export(runtime: Runtime, export_id: uuid.UUID, code: str) -> _Question:
    with runtime.db.read() as session:
        export = session.get_one(Export, export_id)
        facts = export_facts(session, export, is_holder=True)
    ask = Ask(
        Action.FETCH_EXPORT,
        grant_id=export.grant_id,
        version_id=export.version_id,
        export=facts,
    )
    return _Question(ask, code, (((Action.FETCH_EXPORT,), None),))


def _of_application(
    item: ApplicationItem, application: Application, project: ResearchProject, code: str
) -> _Question:
    ask = Ask(
        Action.APPLY,
        person_id=application.applicant_id,
        dataset_id=item.dataset_id,
        organisation_id=application.organisation_id,
        project_id=project.id,
        stated=stated_of(project),
    )
    return _Question(ask, code, (((Action.APPLY,), None),))
