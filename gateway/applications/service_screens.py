"""Everything one screen shows, gathered in one reading."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from gateway.applications import service_facts, service_queries, service_revisions
from gateway.applications.models import (
    ApplicationItem,
    ApplicationRevision,
    ItemState,
    ResearchProject,
    Step,
    Vote,
)
from gateway.applications.service_case import Case, load
from gateway.applications.service_facts import Weighed
from gateway.applications.service_projects import stated_of
from gateway.applications.service_review import judge, load_review
from gateway.applications.service_revisions import Change, stated_in
from gateway.catalog.models import Dataset
from gateway.identity.models import Attestation, Organisation, Person
from gateway.journal import Actor
from gateway.runtime import Runtime
from policies.decision import Decision
from policies.explain import Explanation


@dataclass(frozen=True, slots=True)
class Names:
    """The people and the organisation of a case, as accounts and rows."""

    applicant: Person
    supervisor: Person | None
    team: Sequence[Person]
    organisation: Organisation | None


@dataclass(frozen=True, slots=True)
class CaseScreen:
    """An application for its own people. `ways` says, by item, what is missing for a download."""

    case: Case
    names: Names
    steps: Sequence[tuple[Step, Person | None, Dataset | None]]
    evidence: Sequence[Attestation]
    ways: dict[uuid.UUID, Explanation]
    approvals: Sequence[Attestation]


@dataclass(frozen=True, slots=True)
class ReviewScreen:
    """One dataset of an application for its reviewers.

    `submission` is what was handed in and is voted on; `changes` how it differs from the one
    before; `weighed` what the policy says of applying with these words, and how the study fits
    the data use terms; `decision` what the policy says about the reader deciding.
    """

    case: Case
    item: ApplicationItem
    names: Names
    submission: ApplicationRevision
    changes: Sequence[Change]
    votes: Sequence[tuple[Vote, Person]]
    steps: Sequence[tuple[Step, Person | None, Dataset | None]]
    evidence: Sequence[Attestation]
    precedents: Sequence[tuple[ApplicationItem, ResearchProject]]
    approvals: Sequence[Attestation]
    weighed: Weighed
    way: Explanation
    decision: Decision


def case_screen(
    session: Session, runtime: Runtime, actor: Actor, application_id: uuid.UUID
) -> CaseScreen:
    """The application's own page. Raises Problem NOT_FOUND."""
    case = load(session, runtime, actor, application_id, lock=False)
    over = {ItemState.REJECTED, ItemState.WITHDRAWN}
    said = stated_of(case.project)
    live = [item for item in case.items if item.state not in over]
    return CaseScreen(
        case,
        names(session, case),
        service_queries.timeline(session, case.application.id),
        service_queries.irb_evidence(session, case.project.id),
        {item.id: service_facts.way_to_use(runtime, case, item, said) for item in live},
        service_queries.approvals(session, case.project, runtime.clock.now()),
    )


def review_screen(
    session: Session, runtime: Runtime, actor: Actor, item_id: uuid.UUID
) -> ReviewScreen:
    """The review of one dataset. Raises Problem NOT_FOUND; Refused for the applicant's side."""
    case, item = load_review(session, runtime, actor, item_id, lock=False)
    decision = judge(session, runtime, actor, case, item).decision
    submissions = service_revisions.submissions(session, case.application.id)
    said = stated_in(submissions[-1].content)
    previous = submissions[-2].content if len(submissions) > 1 else submissions[-1].content
    return ReviewScreen(
        case,
        item,
        names(session, case),
        submissions[-1],
        service_revisions.difference(previous, submissions[-1].content),
        service_queries.votes(session, item.id),
        service_queries.timeline(session, case.application.id),
        service_queries.irb_evidence(session, case.project.id),
        service_queries.precedents(session, item.dataset_id, case.application.id),
        service_queries.approvals(session, case.project, runtime.clock.now()),
        service_facts.may_apply(runtime, case, item, said),
        service_facts.way_to_use(runtime, case, item, said),
        decision,
    )


def names(session: Session, case: Case) -> Names:
    """Who stands behind the case."""
    project, application = case.project, case.application
    team = [row.person_id for row in case.members if row.removed_at is None]
    return Names(
        session.get_one(Person, application.applicant_id),
        session.get(Person, project.supervisor_id) if project.supervisor_id else None,
        [session.get_one(Person, person_id) for person_id in team],
        session.get(Organisation, application.organisation_id)
        if application.organisation_id
        else None,
    )
