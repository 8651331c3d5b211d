"""What pages and API of applications share: cursors, idempotency, and the shapes of answers."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from typing import Any

from flask import Response, jsonify, request
from pydantic import BaseModel
from sqlalchemy.orm import Session

from gateway.access.schemas import data_use, stated_fields
from gateway.applications.models import Application, ApplicationItem
from gateway.applications.schemas import (
    ApplicationOut,
    ApplicationRow,
    BlockerOut,
    EvidenceForm,
    ItemOut,
    QueueQuery,
    QueueRow,
    ReviewOut,
    VoteOut,
)
from gateway.applications.service_case import Case, load, turn_of
from gateway.applications.service_projects import stated_of
from gateway.applications.service_queries import Listed, QueueFilter, Waiting
from gateway.applications.service_revisions import Part, stated_in
from gateway.applications.service_screens import Names, ReviewScreen, names
from gateway.applications.service_transaction import transact
from gateway.identity.http import actor, require_person, rt, scopes_of
from gateway.identity.models import AttestationKind, Role
from gateway.identity.service_attestations import NewAttestation
from gateway.journal import Act, Actor, Entry
from gateway.keys import Purpose
from gateway.web.i18n import language
from gateway.web.idempotency import HEADER, Answer, Attempt, replay_or_run
from gateway.web.paging import Cursors
from policies.decision import Blocker

REPLAYED = "Idempotency-Replayed"


def cursors() -> Cursors:
    """The maker of this gateway's cursors."""
    return Cursors(rt().keys.current(Purpose.CURSOR).material)


def once(verb: Callable[[Session, Actor], BaseModel], status: int = 200) -> Response:
    """Answer a POST with what `verb` returns; a repeat with the same key gets the same answer."""
    person = require_person()
    attempt = Attempt(
        str(person.person_id),
        f"{request.method} {request.path}",
        request.headers.get(HEADER, ""),
        request.get_data(cache=True),
    )

    def work(session: Session) -> Answer:
        def run() -> Answer:
            return Answer(status, verb(session, person).model_dump(mode="json"))

        return replay_or_run(session, rt().clock, attempt, run)

    answer = transact(rt(), work)
    response = jsonify(answer.body)
    response.status_code = answer.status
    if answer.replayed:
        response.headers[REPLAYED] = "true"
    return response


def dump(model: BaseModel) -> dict[str, Any]:
    """The JSON form of an answer."""
    return model.model_dump(mode="json")


def application_out(session: Session, person: Actor, application: Application) -> ApplicationOut:
    """The application after a command, as its applicant reads it."""
    session.flush()
    case = load(session, rt(), person, application.id, lock=False)
    return case_out(case, names(session, case))


def case_out(case: Case, people: Names) -> ApplicationOut:
    """An application as its people read it."""
    application, project = case.application, case.project
    return ApplicationOut(
        **stated_fields(stated_of(project)),
        id=application.id,
        number=application.number,
        state=application.state,
        revision=application.revision,
        project_id=project.id,
        title=project.title,
        plan=project.plan,
        supervisor=people.supervisor.account if people.supervisor else "",
        team=[each.account for each in people.team],
        organisation_id=application.organisation_id,
        created_at=application.created_at,
        submitted_at=application.submitted_at,
        items=[item_out(case, item) for item in case.items],
        commands=sorted(case.commands),
    )


def item_out(case: Case, item: ApplicationItem) -> ItemOut:
    """One dataset of an application."""
    return ItemOut(
        id=item.id,
        dataset=case.dataset(item).slug,
        tier=item.tier,
        state=item.state,
        turn=turn_of(item),
        turn_since=item.turn_since,
        due_at=item.due_at,
        reason=item.reason,
        grant_id=item.grant_id,
    )


def row_out(listed: Listed) -> ApplicationRow:
    """An application in a list."""
    application = listed.application
    return ApplicationRow(
        id=application.id,
        number=application.number,
        state=application.state,
        title=listed.project.title,
        created_at=application.created_at,
        submitted_at=application.submitted_at,
        datasets=[dataset.slug for _item, dataset in listed.items],
    )


def queue_out(waiting: Waiting) -> QueueRow:
    """One dataset in the queue."""
    return QueueRow(
        id=waiting.item.id,
        application=waiting.application.number,
        dataset=waiting.dataset.slug,
        tier=waiting.item.tier,
        title=waiting.project.title,
        applicant=waiting.applicant.name,
        waiting_since=waiting.item.turn_since,
        due_at=waiting.item.due_at,
    )


def review_out(screen: ReviewScreen) -> ReviewOut:
    """One dataset's review."""
    return ReviewOut(
        application=_as_submitted(screen),
        item=item_out(screen.case, screen.item),
        applicant=screen.names.applicant.name,
        revision=screen.submission.revision,
        votes=[
            VoteOut(
                voter=person.name,
                choice=row.choice,
                reason=row.reason,
                revision=row.revision,
                voted_at=row.voted_at,
            )
            for row, person in screen.votes
        ],
        may_vote=screen.decision.allowed,
        blockers=[blocker_out(each) for each in screen.decision.blockers],
        missing=[blocker_out(each) for each in screen.way.decision.blockers],
        data_use=data_use(screen.weighed.matching),
    )


def _as_submitted(screen: ReviewScreen) -> ApplicationOut:
    """The application with the words that votes are bound to, not with what was typed since."""
    content = screen.submission.content
    parts = (Part.TITLE, Part.PLAN, Part.SUPERVISOR, Part.TEAM)
    submitted = {str(part): content[part] for part in parts} | stated_fields(stated_in(content))
    return case_out(screen.case, screen.names).model_copy(update=submitted)


def blocker_out(found: Blocker) -> BlockerOut:
    """A blocker in the reader's language."""
    korean = language() == "ko"
    return BlockerOut(
        code=found.code,
        sentence=found.ko if korean else found.en,
        remedy=found.remedy_ko if korean else found.remedy_en,
        who=found.actor,
    )


def evidence(form: EvidenceForm, project_id: uuid.UUID) -> NewAttestation:
    """The IRB's decision, valid from the first moment of its first day to the end of its last."""
    zone = rt().settings.zone
    start = datetime.combine(form.valid_from, time.min, zone)
    end = datetime.combine(form.valid_until + timedelta(days=1), time.min, zone)
    return NewAttestation(
        AttestationKind.IRB,
        form.issuer,
        form.reference,
        start.astimezone(UTC),
        end.astimezone(UTC),
        form.form,
        project_id=project_id,
    )


def queue_filter(person: Actor, query: QueueQuery) -> QueueFilter:
    """The queue of the reader's own scopes."""
    assert person.person_id is not None
    scopes = {role: scopes_of(role) for role in (Role.STEWARD, Role.COMMITTEE)}
    held = {role: found for role, found in scopes.items() if found}
    return QueueFilter(person.person_id, held, query.mine, query.tier)


def note_queue(rows: list[Waiting]) -> None:
    """Reading the queue shows who applied for what, which is an event of its own."""
    subjects = sorted({row.applicant.id for row in rows}, key=str)
    if subjects:
        detail = {"list": "review", "rows": len(rows)}
        rt().journal.append(
            Entry(actor(), Act.APPLICATION_VIEWED, subjects=subjects, detail=detail)
        )
