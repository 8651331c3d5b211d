"""The applicant's pages: the form, the list, the application with its timeline."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup
from sqlalchemy.orm import Session

from gateway import ids
from gateway.applications import (
    service_drafts,
    service_projects,
    service_queries,
    service_screens,
    service_submit,
    views,
)
from gateway.applications.models import Application
from gateway.applications.pages_what_if import shown
from gateway.applications.rules import Command
from gateway.applications.schemas import (
    EvidenceForm,
    NewApplicationForm,
    Press,
    RevisionSeen,
    SavedApplicationForm,
)
from gateway.applications.service_case import load, not_found, require
from gateway.applications.service_facts import may_apply_anew
from gateway.applications.service_transaction import transact
from gateway.errors import Problem, ProblemCode
from gateway.identity.http import require_person, rt
from gateway.journal import Actor
from gateway.web.forms import Form, Parsed, parse, try_parse
from gateway.web.i18n import gettext as _
from gateway.web.i18n import language
from gateway.web.idempotency import Answer, Attempt, replay_or_run
from gateway.web.pages import render

PAGE = 25

blueprint = Blueprint("applications", __name__, template_folder="templates")


@blueprint.get("/apply/<slug>")
def apply(slug: str) -> ResponseReturnValue:
    """The form, with what is needed first."""
    require_person()
    project = request.args.get("project", "")
    form = Form({"datasets": [slug], "project_id": project, "form_key": str(ids.new(rt().clock))})
    return _new_form(slug, form)


@blueprint.post("/apply/<slug>")
def begin(slug: str) -> ResponseReturnValue:
    """Save a new draft, and hand it in when asked to."""
    person = require_person()
    parsed = try_parse(NewApplicationForm)
    if parsed.value is None:
        return _new_form(slug, parsed.form), 422
    form = parsed.value
    try:
        application_id = _create_once(person, form)
    except Problem as problem:
        return _new_form(slug, _mistake(parsed, problem)), 422
    return _saved(person, application_id, form.press)


@blueprint.get("/applications")
def listing() -> str:
    """One's own applications."""
    person = require_person()
    cursors = views.cursors()
    window = cursors.window(request.args, f"own:{person.person_id}", PAGE)
    with rt().db.read() as session:
        rows = service_queries.own_applications(session, _id(person), window)
    page = cursors.page(rows, window, lambda row: (row.application.id,))
    return render("applications/list.html", page=page)


@blueprint.get("/applications/<uuid:application_id>")
def show(application_id: uuid.UUID) -> str:
    """State, timeline, whose turn it is, what is missing."""
    return _show(application_id, Form())


@blueprint.get("/applications/<uuid:application_id>/edit")
def edit(application_id: uuid.UUID) -> ResponseReturnValue:
    """The form of a draft or of a returned application."""
    person = require_person()
    with rt().db.read() as session:
        case = load(session, rt(), person, application_id, lock=False)
        require(case, Command.SAVE)
        people = service_screens.names(session, case)
    application = views.case_out(case, people)
    raw = views.dump(application) | {"datasets": [item.dataset for item in application.items]}
    return _edit_form(application_id, Form(raw))


@blueprint.post("/applications/<uuid:application_id>/edit")
def save(application_id: uuid.UUID) -> ResponseReturnValue:
    """Save the draft, and hand it in when asked to."""
    person = require_person()
    parsed = try_parse(SavedApplicationForm)
    if parsed.value is None:
        return _edit_form(application_id, parsed.form), 422
    form = parsed.value
    try:
        transact(
            rt(),
            lambda session: service_drafts.save(
                session, rt(), person, application_id, form.draft(), revision=form.revision
            ),
        )
    except Problem as problem:
        return _edit_form(application_id, _mistake(parsed, problem)), 422
    return _saved(person, application_id, form.press)


@blueprint.post("/applications/<uuid:application_id>/submit")
def submit(application_id: uuid.UUID) -> ResponseReturnValue:
    """Hand in what was saved."""
    person, seen = require_person(), parse(RevisionSeen)
    _submit(person, application_id, seen.revision)
    return _back(application_id)


@blueprint.post("/applications/<uuid:application_id>/withdraw")
def withdraw(application_id: uuid.UUID) -> ResponseReturnValue:
    """Take back what is not decided."""
    return _command(application_id, service_submit.withdraw, _("The application was withdrawn."))


@blueprint.post("/applications/<uuid:application_id>/close")
def close(application_id: uuid.UUID) -> ResponseReturnValue:
    """Close a decided application."""
    return _command(application_id, service_submit.close, _("The application is closed."))


@blueprint.post("/applications/<uuid:application_id>/evidence")
def add_evidence(application_id: uuid.UUID) -> ResponseReturnValue:
    """Add the IRB's decision."""
    person = require_person()
    parsed = try_parse(EvidenceForm)
    if parsed.value is None:
        return _show(application_id, parsed.form), 422
    form = parsed.value

    def work(session: Session) -> Application:
        case = load(session, rt(), person, application_id, lock=False)
        new = views.evidence(form, case.project.id)
        return service_submit.add_evidence(session, rt(), person, application_id, new)

    try:
        transact(rt(), work)
    except Problem as problem:
        return _show(application_id, _mistake(parsed, problem)), 422
    flash(_("Saved. A steward compares it with its issuer."), "ok")
    return _back(application_id)


def _id(person: Actor) -> uuid.UUID:
    assert person.person_id is not None
    return person.person_id


def _create_once(person: Actor, form: NewApplicationForm) -> uuid.UUID:
    """One draft for one opened form, however often its button is pressed."""
    body = request.get_data(cache=True)
    attempt = Attempt(str(person.person_id), "page:apply", form.form_key, body)

    def work(session: Session) -> Answer:
        def run() -> Answer:
            made = service_drafts.create(session, rt(), person, form.draft())
            return Answer(201, {"id": str(made.id)})

        return replay_or_run(session, rt().clock, attempt, run)

    return uuid.UUID(transact(rt(), work).body["id"])


def _mistake(parsed: Parsed[Any], problem: Problem) -> Form:
    """What was typed, with what the service found wrong in it; other problems are raised."""
    if problem.code is not ProblemCode.VALIDATION_FAILED:
        raise problem
    detail = problem.detail_ko if language() == "ko" else problem.detail_en
    return Form(parsed.raw, {str(problem.extra.get("field", "")): detail})


def _saved(person: Actor, application_id: uuid.UUID, press: Press) -> ResponseReturnValue:
    """After saving: on to the submission, or back to the form."""
    if press is Press.SAVE:
        flash(_("The draft is saved. Nobody else sees it until you hand it in."), "ok")
        return redirect(url_for("applications.edit", application_id=application_id), 303)
    with rt().db.read() as session:
        case = load(session, rt(), person, application_id, lock=False)
    absent = service_projects.missing(case.project)
    if absent:
        return _incomplete(application_id, absent)
    _submit(person, application_id, case.application.revision)
    return _back(application_id)


def _incomplete(application_id: uuid.UUID, absent: list[str]) -> ResponseReturnValue:
    errors = {name: _("A submission needs this.") for name in absent}
    if "plan" in errors:
        least = service_projects.MIN_PLAN
        errors["plan"] = _("Please write at least %(num)d characters.", num=least)
    with rt().db.read() as session:
        case = load(session, rt(), require_person(), application_id, lock=False)
        application = views.case_out(case, service_screens.names(session, case))
    raw = views.dump(application) | {"datasets": [item.dataset for item in application.items]}
    return _edit_form(application_id, Form(raw, errors)), 422


def _submit(person: Actor, application_id: uuid.UUID, revision: int) -> None:
    transact(
        rt(),
        lambda session: service_submit.submit(
            session, rt(), person, application_id, revision=revision
        ),
    )
    flash(_("Handed in. The timeline shows whose turn it is."), "ok")


def _command(
    application_id: uuid.UUID, verb: Callable[..., Application], done: str
) -> ResponseReturnValue:
    person = require_person()
    transact(rt(), lambda session: verb(session, rt(), person, application_id))
    flash(done, "ok")
    return _back(application_id)


def _back(application_id: uuid.UUID) -> ResponseReturnValue:
    return redirect(url_for("applications.show", application_id=application_id), 303)


def _show(application_id: uuid.UUID, form: Form) -> str:
    person = require_person()
    with rt().db.read() as session:
        screen = service_screens.case_screen(session, rt(), person, application_id)
        return render("applications/show.html", screen=screen, case=screen.case, form=form)


def _new_form(slug: str, form: Form) -> str:
    person = require_person()
    with rt().db.read() as session:
        dataset = service_queries.dataset_by_slug(session, slug)
        if dataset is None:
            raise not_found()
        choices = _choices(session, person)
        known = service_queries.draft_for(session, _id(person), dataset.id)
        projects = service_projects.own_projects(session, _id(person))
    may_apply, may_use = may_apply_anew(rt(), _id(person), dataset, None)
    return render(
        "applications/apply.html",
        dataset=dataset,
        form=shown(form),
        known=known,
        projects=[project for project in projects if project.title],
        explanation=may_apply.explanation,
        use=may_use.explanation,
        **choices,
    )


def _edit_form(application_id: uuid.UUID, form: Form) -> str:
    person = require_person()
    with rt().db.read() as session:
        case = load(session, rt(), person, application_id, lock=False)
        choices = _choices(session, person)
    return render("applications/edit.html", case=case, form=shown(form), **choices)


def _choices(session: Session, person: Actor) -> dict[str, Any]:
    own = service_projects.own_organisations(session, _id(person))
    return {
        "open_datasets": service_queries.open_datasets(session),
        "organisations": service_queries.organisations(session, own),
    }


def apply_panel(dataset: Any, **_context: Any) -> Markup:
    """The button of the dataset page that leads to the form."""
    return Markup('<a class="button primary" href="{}">{}</a>').format(
        url_for("applications.apply", slug=dataset.slug), _("Apply for this dataset")
    )
