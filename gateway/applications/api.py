"""The JSON API of applications: drafts, submission, review."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Blueprint, Response, request

from gateway.applications import (
    service_drafts,
    service_queries,
    service_review,
    service_screens,
    service_submit,
    views,
)
from gateway.applications.schemas import (
    ApplicationList,
    ApplicationOut,
    BallotForm,
    EvidenceForm,
    NewApplication,
    Nothing,
    QueueList,
    QueueQuery,
    ReviewOut,
    RevisionSeen,
    SavedApplication,
)
from gateway.applications.service_case import entry, load
from gateway.applications.service_review import Ballot
from gateway.applications.service_transaction import look, transact
from gateway.identity.http import require_person, require_role_somewhere, require_viewer, rt
from gateway.identity.models import Role
from gateway.journal import Act
from gateway.web.forms import parse, parse_query
from gateway.web.openapi import documented
from gateway.web.paging import scope_of

TAG = "Applications"
REVIEWING = (Role.STEWARD, Role.COMMITTEE)

api = Blueprint("applications_api", __name__, url_prefix="/api/v1")


@api.get("/applications")
@documented(tag=TAG, answer=ApplicationList)
def listing() -> dict[str, Any]:
    """One's own applications, newest first."""
    person = require_viewer().person_id
    cursors = views.cursors()
    window = cursors.window(request.args, f"applications:{person}")
    with rt().db.read() as session:
        rows = service_queries.own_applications(session, person, window)
    page = cursors.page(rows, window, lambda row: (row.application.id,))
    items = [views.row_out(row) for row in page.items]
    return views.dump(ApplicationList(items=items, next=page.next, previous=page.previous))


@api.post("/applications")
@documented(tag=TAG, json=NewApplication, answer=ApplicationOut, status=201)
def create() -> Response:
    """Begin a draft."""
    require_person()
    form = parse(NewApplication)
    return views.once(
        lambda session, person: views.application_out(
            session, person, service_drafts.create(session, rt(), person, form.draft())
        ),
        status=201,
    )


@api.get("/applications/<uuid:application_id>")
@documented(tag=TAG, answer=ApplicationOut)
def show(application_id: uuid.UUID) -> dict[str, Any]:
    """One application."""
    person = require_person()
    with rt().db.read() as session:
        case = load(session, rt(), person, application_id, lock=False)
        return views.dump(views.case_out(case, service_screens.names(session, case)))


@api.put("/applications/<uuid:application_id>")
@documented(tag=TAG, json=SavedApplication, answer=ApplicationOut)
def save(application_id: uuid.UUID) -> dict[str, Any]:
    """Save a draft over the revision that was read."""
    person = require_person()
    form = parse(SavedApplication)

    def work(session: Any) -> dict[str, Any]:
        saved = service_drafts.save(
            session, rt(), person, application_id, form.draft(), revision=form.revision
        )
        return views.dump(views.application_out(session, person, saved))

    return transact(rt(), work)


@api.post("/applications/<uuid:application_id>/submit")
@documented(tag=TAG, json=RevisionSeen, answer=ApplicationOut)
def submit(application_id: uuid.UUID) -> Response:
    """Hand in the revision that was read."""
    require_person()
    form = parse(RevisionSeen)
    return views.once(
        lambda session, person: views.application_out(
            session,
            person,
            service_submit.submit(session, rt(), person, application_id, revision=form.revision),
        )
    )


@api.post("/applications/<uuid:application_id>/withdraw")
@documented(tag=TAG, json=Nothing, answer=ApplicationOut)
def withdraw(application_id: uuid.UUID) -> Response:
    """Take back what is not decided."""
    require_person()
    parse(Nothing)
    return views.once(
        lambda session, person: views.application_out(
            session, person, service_submit.withdraw(session, rt(), person, application_id)
        )
    )


@api.post("/applications/<uuid:application_id>/close")
@documented(tag=TAG, json=Nothing, answer=ApplicationOut)
def close(application_id: uuid.UUID) -> Response:
    """Close a decided application whose grants have ended."""
    require_person()
    parse(Nothing)
    return views.once(
        lambda session, person: views.application_out(
            session, person, service_submit.close(session, rt(), person, application_id)
        )
    )


@api.post("/applications/<uuid:application_id>/evidence")
@documented(tag=TAG, json=EvidenceForm, answer=ApplicationOut)
def add_evidence(application_id: uuid.UUID) -> Response:
    """Add the IRB's decision on the research project."""
    require_person()
    form = parse(EvidenceForm)

    def work(session: Any, person: Any) -> ApplicationOut:
        case = load(session, rt(), person, application_id, lock=False)
        new = views.evidence(form, case.project.id)
        added = service_submit.add_evidence(session, rt(), person, application_id, new)
        return views.application_out(session, person, added)

    return views.once(work)


@api.get("/review")
@documented(tag=TAG, query=QueueQuery, answer=QueueList)
def queue() -> dict[str, Any]:
    """What waits for reviewers in one's scopes, the longest waiting first."""
    person = require_role_somewhere(*REVIEWING)
    query, cursors = parse_query(QueueQuery), views.cursors()
    window = cursors.window(request.args, scope_of(f"review:{person.person_id}", request.args))
    with rt().db.read() as session:
        rows = service_queries.queue(session, views.queue_filter(person, query), window)
    views.note_queue(rows)
    page = cursors.page(rows, window, lambda row: (row.item.turn_since, row.item.id))
    items = [views.queue_out(row) for row in page.items]
    return views.dump(QueueList(items=items, next=page.next, previous=page.previous))


@api.get("/review/<uuid:item_id>")
@documented(tag=TAG, answer=ReviewOut)
def review(item_id: uuid.UUID) -> dict[str, Any]:
    """One dataset's review, with what the policy says."""
    person = require_role_somewhere(*REVIEWING)
    screen = look(
        rt(), lambda session: service_screens.review_screen(session, rt(), person, item_id)
    )
    rt().journal.append(entry(person, Act.APPLICATION_VIEWED, screen.case, screen.item))
    return views.dump(views.review_out(screen))


@api.post("/review/<uuid:item_id>/votes")
@documented(tag=TAG, json=BallotForm, answer=ApplicationOut, status=201)
def vote(item_id: uuid.UUID) -> Response:
    """Vote on the submission that was read, with a reason."""
    require_role_somewhere(*REVIEWING)
    form = parse(BallotForm)
    ballot = Ballot(form.choice, form.reason, form.revision)
    return views.once(
        lambda session, person: views.application_out(
            session, person, service_review.vote(session, rt(), person, item_id, ballot)
        ),
        status=201,
    )
