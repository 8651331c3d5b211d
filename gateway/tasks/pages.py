"""The pages of crowd work: sign up, the present task, one item; and the assigners' desk."""

from __future__ import annotations

import uuid

from flask import Blueprint, Response, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from gateway.agreements.views import markdown
from gateway.identity.authenticators import COOKIE
from gateway.identity.devices import device_of
from gateway.identity.forms import done, same, submitted
from gateway.identity.http import (
    actor,
    require_person,
    require_role_somewhere,
    require_viewer,
    rt,
    viewer,
)
from gateway.identity.models import Person, SessionChannel
from gateway.identity.pages_sign import enter, shown
from gateway.identity.schemas_crowd import WorkerForm
from gateway.identity.service_credentials import Credentials
from gateway.identity.service_sessions import SignedIn, sign_in
from gateway.identity.site_documents import SiteDocument, text_of
from gateway.tasks import opening, reading, service, views
from gateway.tasks.schemas import Finished, TaskForm
from gateway.tasks.service import ASSIGNERS
from gateway.tasks.service_joining import Read, agreement, join
from gateway.web.forms import Form, parse
from gateway.web.i18n import gettext as _
from gateway.web.i18n import language
from gateway.web.pages import render

blueprint = Blueprint("tasks", __name__, template_folder="templates")


@blueprint.get("/crowd/sign-up")
def sign_up() -> ResponseReturnValue:
    """Ask for what a crowd worker's account needs, with the texts beside it."""
    if viewer() is not None:
        return redirect(url_for("account.show"), code=303)
    return _sign_up_page(Form())


@blueprint.post("/crowd/sign-up")
def sign_up_post() -> ResponseReturnValue:
    """Make the account and sign in with it."""
    result = submitted(WorkerForm, _sign_up)
    if result.done is None:
        return _sign_up_page(result.form), result.status
    return enter(result.done, url_for("tasks.current"))


def join_panel(**_context: object) -> Markup:
    """On the pages for signing in and up: the way for crowd workers."""
    return Markup(render("tasks/_join.html"))  # noqa: S704 the template escapes


@blueprint.get("/tasks")
def current() -> str:
    """One's own task: what to do, until when, and the way to the next item."""
    me = require_viewer().person_id
    with rt().db.read() as session:
        found = reading.current(session, me, rt().clock.now())
    return render("tasks/current.html", found=found, desk=_has_desk())


@blueprint.get("/tasks/<uuid:task_id>/items/<uuid:item_id>")
def item(task_id: uuid.UUID, item_id: uuid.UUID) -> str:
    """One item of one's own task."""
    return render("tasks/item.html", found=opening.opened(task_id, item_id))


@blueprint.get("/tasks/<uuid:task_id>/items/<uuid:item_id>/file")
def file(task_id: uuid.UUID, item_id: uuid.UUID) -> Response:
    """Its bytes."""
    return opening.file(task_id, item_id)


@blueprint.post("/tasks/<uuid:task_id>/items/<uuid:item_id>/finish")
def finish(task_id: uuid.UUID, item_id: uuid.UUID) -> ResponseReturnValue:
    """Be done with an item, or skip it."""
    me, body = require_person(), parse(Finished)
    service.finish_item(rt(), me, task_id, item_id, body.outcome)
    return done(_("Noted. The item is closed."), url_for("tasks.current"))


@blueprint.get("/tasks/desk")
def desk() -> str:
    """The tasks that one answers for, and the form to assign one."""
    require_person()
    return _desk(Form())


@blueprint.post("/tasks/desk")
def assign() -> ResponseReturnValue:
    """Assign items to a worker."""
    me = require_person()
    require_role_somewhere(*ASSIGNERS)
    now = rt().clock.now()
    result = submitted(TaskForm, lambda form: service.assign(rt(), me, form.new(now)))
    if result.done is None:
        return _desk(result.form), result.status
    return done(_("The task is assigned."), url_for("tasks.desk"))


@blueprint.post("/tasks/<uuid:task_id>/end")
def end(task_id: uuid.UUID) -> ResponseReturnValue:
    """Take a task back."""
    service.end(rt(), require_person(), task_id)
    flash(_("The task is taken back; its items are closed."), "ok")
    return redirect(url_for("tasks.desk"), 303)


def _sign_up(form: WorkerForm) -> SignedIn:
    same(form.password, form.repeated)
    made: Person = join(
        rt(),
        actor(),
        form.worker(language()),
        form.password,
        Read(form.consents, form.agreement_sha256),
    )
    given = Credentials(made.account, form.password, device_of(request.user_agent.string))
    previous = request.cookies.get(COOKIE)
    return sign_in(rt(), actor(), given, SessionChannel.BROWSER, previous)


def _sign_up_page(form: Form) -> str:
    binding = agreement(rt())
    text = binding.text_ko if language() == "ko" else binding.text_en
    return render(
        "tasks/sign_up.html",
        form=form,
        texts={document: text_of(document) for document in SiteDocument},
        shown=shown,
        agreement=binding,
        body=markdown(text),
    )


def _has_desk() -> bool:
    return not require_viewer().roles.isdisjoint(ASSIGNERS)


def _desk(form: Form) -> str:
    page, now = views.page_of_tasks(), rt().clock.now()
    return render("tasks/desk.html", form=form, page=page, now=now)
