"""The pages of break-glass access: open, use, end, review."""

from __future__ import annotations

import uuid

from flask import Blueprint, url_for
from flask.typing import ResponseReturnValue

from gateway.emergency import reading, service, service_review, views
from gateway.emergency.schemas import OpenBody, ReviewBody, UseBody
from gateway.emergency.shared import TOLD
from gateway.identity.forms import done, submitted
from gateway.identity.http import (
    actor,
    require_person,
    require_role_somewhere,
    require_viewer,
    rt,
)
from gateway.identity.models import Role
from gateway.identity.service_viewing import viewed
from gateway.web.forms import Form
from gateway.web.i18n import gettext as _
from gateway.web.pages import render

blueprint = Blueprint("emergency", __name__, template_folder="templates")


@blueprint.get("/emergency")
def index() -> str:
    """Every emergency, and the form to open one."""
    require_person()
    return _index(Form())


@blueprint.post("/emergency")
def open_() -> ResponseReturnValue:
    """Open one."""
    me = require_role_somewhere(Role.OPERATOR)
    result = submitted(OpenBody, lambda form: service.open_(rt(), me, form.new()))
    if result.done is None:
        return _index(result.form), result.status
    message = _("The emergency is open. Every other operator and auditor is being told.")
    return done(message, url_for("emergency.show", emergency_id=result.done))


@blueprint.get("/emergency/<uuid:emergency_id>")
def show(emergency_id: uuid.UUID) -> str:
    """One emergency: what may be stopped while it lives, its end, its review."""
    require_person()
    return _page(emergency_id, Form(), Form())


@blueprint.post("/emergency/<uuid:emergency_id>/uses")
def use(emergency_id: uuid.UUID) -> ResponseReturnValue:
    """Stop one thing under it."""
    me = require_role_somewhere(Role.OPERATOR)

    def stop(form: UseBody) -> bool:
        service.use(rt(), me, emergency_id, form.use())
        return True

    result = submitted(UseBody, stop)
    if result.done is None:
        return _page(emergency_id, result.form, Form()), result.status
    return done(_("Stopped, and recorded."), url_for("emergency.show", emergency_id=emergency_id))


@blueprint.post("/emergency/<uuid:emergency_id>/end")
def end(emergency_id: uuid.UUID) -> ResponseReturnValue:
    """End it at once."""
    service.end(rt(), require_role_somewhere(*TOLD), emergency_id)
    return done(_("The emergency is over."), url_for("emergency.show", emergency_id=emergency_id))


@blueprint.post("/emergency/<uuid:emergency_id>/review")
def review(emergency_id: uuid.UUID) -> ResponseReturnValue:
    """Judge one that is over."""
    me = require_role_somewhere(Role.AUDITOR)

    def judge(form: ReviewBody) -> bool:
        service_review.review(rt(), me, emergency_id, form.verdict, form.note)
        return True

    result = submitted(ReviewBody, judge)
    if result.done is None:
        return _page(emergency_id, Form(), result.form), result.status
    return done(_("Your review is recorded."), url_for("emergency.index"))


def _index(form: Form) -> str:
    page, now = views.page_of_cases(), rt().clock.now()
    return render("emergency/index.html", page=page, form=form, now=now)


def _page(emergency_id: uuid.UUID, using: Form, judging: Form) -> str:
    case, now = views.case_of(emergency_id), rt().clock.now()
    state = case.state(now)
    own = case.person.id == require_viewer().person_id
    stoppable = reading.NOTHING
    if own and state == "live":
        with rt().db.read() as session:
            stoppable = reading.stoppable(session, case.dataset.id, now)
        holders = [person for _grant, person in stoppable.grants]
        viewed(rt(), actor(), holders, f"emergency:{emergency_id}")
    return render(
        "emergency/show.html", case=case, state=state, own=own, stoppable=stoppable,
        using=using, judging=judging,
    )  # fmt: skip
