"""The reviewers' pages: the queue, and one dataset's review on one screen."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from gateway.applications import service_queries, service_review, service_screens, views
from gateway.applications.schemas import BallotForm, QueueQuery
from gateway.applications.service_case import entry
from gateway.applications.service_review import Ballot
from gateway.applications.service_transaction import look, transact
from gateway.catalog import words
from gateway.catalog.models import Tier
from gateway.identity.http import require_role_somewhere, rt
from gateway.identity.models import Role
from gateway.journal import Act
from gateway.web.forms import Form, parse_query, try_parse
from gateway.web.i18n import gettext as _
from gateway.web.pages import render
from gateway.web.paging import scope_of

PAGE = 25
REVIEWING = (Role.STEWARD, Role.COMMITTEE)

blueprint = Blueprint("review", __name__, template_folder="templates")


@blueprint.get("/review")
def queue() -> str:
    """What waits, the longest waiting first."""
    person = require_role_somewhere(*REVIEWING)
    query, cursors = parse_query(QueueQuery), views.cursors()
    window = cursors.window(request.args, scope_of(f"queue:{person.person_id}", request.args), PAGE)
    with rt().db.read() as session:
        rows = service_queries.queue(session, views.queue_filter(person, query), window)
    views.note_queue(rows)
    page = cursors.page(rows, window, lambda row: (row.item.turn_since, row.item.id))
    tiers = [option for option in words.options(Tier) if option[0] != Tier.INSTANT]
    return render(
        "applications/queue.html", page=page, query=query, tiers=tiers, now=rt().clock.now()
    )


@blueprint.get("/review/<uuid:item_id>")
def show(item_id: uuid.UUID) -> str:
    """Person, purpose, plan, policy, evidence, precedents, votes, and the decision form."""
    return _show(item_id, Form())


@blueprint.post("/review/<uuid:item_id>/begin")
def begin(item_id: uuid.UUID) -> ResponseReturnValue:
    """Take the review up, so that everyone sees who handles it."""
    person = require_role_somewhere(*REVIEWING)
    transact(rt(), lambda session: service_review.begin(session, rt(), person, item_id))
    return redirect(url_for("review.show", item_id=item_id), 303)


@blueprint.post("/review/<uuid:item_id>/votes")
def vote(item_id: uuid.UUID) -> ResponseReturnValue:
    """Vote with a reason."""
    person = require_role_somewhere(*REVIEWING)
    parsed = try_parse(BallotForm)
    if parsed.value is None:
        return _show(item_id, parsed.form), 422
    form = parsed.value
    ballot = Ballot(form.choice, form.reason, form.revision)
    transact(rt(), lambda session: service_review.vote(session, rt(), person, item_id, ballot))
    flash(_("Your vote is recorded."), "ok")
    return redirect(url_for("review.show", item_id=item_id), 303)


@blueprint.post("/review/<uuid:item_id>/evidence/<uuid:attestation_id>")
def check_evidence(item_id: uuid.UUID, attestation_id: uuid.UUID) -> ResponseReturnValue:
    """Confirm that the IRB's decision agrees with its source."""
    person = require_role_somewhere(*REVIEWING)
    service_review.check_evidence(rt(), person, item_id, attestation_id)
    flash(_("The evidence is confirmed."), "ok")
    return redirect(url_for("review.show", item_id=item_id), 303)


def _show(item_id: uuid.UUID, form: Form) -> str:
    person = require_role_somewhere(*REVIEWING)

    def screen(session: Any) -> service_screens.ReviewScreen:
        return service_screens.review_screen(session, rt(), person, item_id)

    found = look(rt(), screen)
    rt().journal.append(entry(person, Act.APPLICATION_VIEWED, found.case, found.item))
    return render("applications/review.html", screen=found, case=found.case, form=form)
