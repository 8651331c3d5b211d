"""The pages of exports: one's own, and for stewards what waits for a decision."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from pydantic import BaseModel

from gateway.access.views import caller
from gateway.delivery.api import gate
from gateway.errors import Problem, ProblemCode
from gateway.exports import service_decision, service_reading, upload, views
from gateway.exports.events import entry, named
from gateway.exports.models import Export
from gateway.exports.schemas import DecisionBody, PackageForm, ResultQuery
from gateway.exports.service import PackageWanted, ResultWanted, request_package, submit_result
from gateway.exports.service_fetch import issue_address
from gateway.identity.http import (
    actor,
    require_person,
    require_role_somewhere,
    rt,
    scopes_of,
)
from gateway.identity.models import Person, Role
from gateway.journal import Act
from gateway.web.forms import Form, Parsed, try_parse
from gateway.web.i18n import gettext as _
from gateway.web.i18n import language
from gateway.web.pages import render

PAGE = 25
PREVIEW = 3
M = TypeVar("M", bound=BaseModel)

blueprint = Blueprint("exports", __name__, template_folder="templates")
review = Blueprint("export_review", __name__, template_folder="templates")


@blueprint.get("/exports")
def index() -> str:
    """One's own exports, and the forms for new ones."""
    require_person()
    return _index(Form(), Form())


@blueprint.post("/exports/packages")
def package() -> ResponseReturnValue:
    """Ask for a package."""
    require_person()
    parsed = try_parse(PackageForm)
    return _made(parsed, _package, lambda form: _index(form, Form()))


@blueprint.post("/exports/results")
def submit() -> ResponseReturnValue:
    """Hand in a result."""
    require_person()
    parsed = try_parse(ResultQuery)
    return _made(parsed, _result, lambda form: _index(Form(), form))


@blueprint.get("/exports/<uuid:export_id>")
def show(export_id: uuid.UUID) -> str:
    """An export, for its owner; for a steward of its dataset the review."""
    require_person()
    with rt().db.read() as session:
        export = session.get(Export, export_id)
    if export is not None and export.person_id == actor().person_id:
        return _own_page(export)
    return _review_page(export_id, Form())


@blueprint.post("/exports/<uuid:export_id>/url")
def fetch(export_id: uuid.UUID) -> ResponseReturnValue:
    """Issue a signed address and go to it."""
    found = issue_address(gate(), require_person(), export_id, caller=caller())
    return redirect(found.url, code=303)


@blueprint.post("/exports/<uuid:export_id>/decision")
def decision(export_id: uuid.UUID) -> ResponseReturnValue:
    """A steward releases or rejects."""
    me, parsed = require_person(), try_parse(DecisionBody)
    if parsed.value is None:
        return _review_page(export_id, parsed.form), 422
    try:
        service_decision.decide(rt(), me, export_id, views.verdicts(parsed.value))
    except Problem as problem:
        form = _form_of(problem, parsed)
        return _review_page(export_id, form), problem.status
    flash(_("Your decision is recorded."), "ok")
    return redirect(url_for("export_review.queue"), code=303)


@review.get("/review/exports")
def queue() -> str:
    """Held exports, the longest waiting first, with the first findings in context."""
    me = require_role_somewhere(Role.STEWARD)
    cursors = views.cursors()
    window = cursors.window(request.args, "review-exports", PAGE)
    with rt().db.read() as session:
        rows = service_reading.waiting(session, window, scopes_of(Role.STEWARD))
        page = cursors.page(
            rows, window, lambda row: (row.seen.export.turn_since, row.seen.export.id)
        )
        events = [
            entry(me, Act.EXPORT_VIEWED, named(session, row.seen.export)) for row in page.items
        ]
    for event in events:
        rt().journal.append(event)
    previews = {row.seen.export.id: views.first_findings(row.seen)[:PREVIEW] for row in page.items}
    return render("exports/queue.html", page=page, previews=previews)


def _place(row: service_reading.Waiting) -> tuple[datetime, uuid.UUID]:
    return row.seen.export.turn_since, row.seen.export.id


def _index(package_form: Form, result_form: Form) -> str:
    cursors = views.cursors()
    window = cursors.window(request.args, "exports", PAGE)
    with rt().db.read() as session:
        rows = service_reading.own(session, actor(), window)
        grants = service_reading.own_grants(session, actor())
    page = cursors.page(rows, window, lambda row: (row.export.id,))
    title = "title_ko" if language() == "ko" else "title_en"
    options = [
        (str(grant.id), f"{getattr(dataset, title)} · {dataset.slug}") for grant, dataset in grants
    ]
    named = request.args.get(upload.GRANT, options[0][0] if len(options) == 1 else "")
    return render(
        "exports/index.html",
        page=page,
        grants=options,
        result_grant=next((each for each in options if each[0] == named), None),
        package_form=package_form,
        result_form=result_form,
    )


def _package(form: PackageForm) -> uuid.UUID:
    lines = tuple(line.strip() for line in form.patterns.splitlines() if line.strip())
    wanted = PackageWanted(form.grant_id, lines, form.version, form.title)
    return request_package(rt(), actor(), wanted)


def _result(form: ResultQuery) -> uuid.UUID:
    wanted = ResultWanted(form.grant_id, form.title)
    return submit_result(rt(), actor(), wanted, upload.from_form())


def _made(
    parsed: Parsed[M], make: Callable[[M], uuid.UUID], again: Callable[[Form], str]
) -> ResponseReturnValue:
    """The new export's page, or the form again with what is wrong."""
    if parsed.value is None:
        return again(parsed.form), 422
    try:
        made = make(parsed.value)
    except Problem as problem:
        form = _form_of(problem, parsed)
        return again(form), problem.status
    flash(_("Your export is on its way. This page tells its state."), "ok")
    return redirect(url_for("exports.show", export_id=made), code=303)


def _form_of(problem: Problem, parsed: Parsed[Any]) -> Form:
    """The form with the sentence of what can be mended in it; any other problem is a page."""
    if problem.code not in {ProblemCode.VALIDATION_FAILED, ProblemCode.TOO_LARGE}:
        raise problem
    sentence = problem.detail_ko if language() == "ko" else problem.detail_en
    return Form(parsed.raw, {str(problem.extra.get("field", "")): sentence})


def _own_page(export: Export) -> str:
    with rt().db.read() as session:
        seen = service_reading.see(session, export)
    return render("exports/show.html", seen=seen, findings=views.first_findings(seen))


def _review_page(export_id: uuid.UUID, form: Form) -> str:
    """What a steward needs on one screen; that they looked is an event, first."""
    me = actor()
    with rt().db.read() as session:
        export = service_reading.find_for_steward(session, rt(), me, export_id)
        seen = service_reading.see(session, export)
        event = entry(me, Act.EXPORT_VIEWED, named(session, export))
        context = {
            "person": session.get_one(Person, export.person_id),
            "earlier": service_reading.earlier(session, export),
            "may_decide": service_decision.may_decide(rt(), session, me, export),
            "purpose": service_reading.purpose_of(session, export),
        }
    rt().journal.append(event)
    return render(
        "exports/review.html",
        seen=seen,
        findings=views.first_findings(seen),
        form=form,
        **context,
    )
