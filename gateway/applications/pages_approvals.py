"""The stewards' page of approvals: what is registered, registering, ending."""

from __future__ import annotations

import uuid

from flask import Blueprint, url_for
from flask.typing import ResponseReturnValue

from gateway.applications import service_approvals
from gateway.applications.schemas_approvals import ApprovalForm, ApprovalQuery, EndForm
from gateway.applications.service_transaction import transact
from gateway.applications.views_approvals import approvals_page, steward
from gateway.identity.forms import done, submitted
from gateway.identity.http import rt
from gateway.identity.models import Attestation
from gateway.web.forms import Form, parse, parse_query
from gateway.web.i18n import gettext as _
from gateway.web.pages import render

blueprint = Blueprint("approvals", __name__, template_folder="templates")


@blueprint.get("/approvals")
def index() -> str:
    """What is registered, and the form."""
    steward()
    number = parse_query(ApprovalQuery).number
    return _page(Form({"number": number} if number else {}))


@blueprint.post("/approvals")
def register() -> ResponseReturnValue:
    """Register an approval."""
    steward()
    result = submitted(ApprovalForm, _register)
    if result.again:
        return _page(result.form), result.status
    return done(_("The approval is registered."), url_for("approvals.index"))


@blueprint.post("/approvals/<uuid:approval_id>/end")
def end(approval_id: uuid.UUID) -> ResponseReturnValue:
    """End an approval; it bites on the next request."""
    me, form = steward(), parse(EndForm)
    transact(
        rt(), lambda session: service_approvals.end(session, rt(), me, approval_id, form.reason)
    )
    return done(_("The approval has ended."), url_for("approvals.index"))


def _register(form: ApprovalForm) -> Attestation:
    wanted = form.wanted(rt().settings.zone)
    me = steward()
    return transact(rt(), lambda session: service_approvals.register(session, rt(), me, wanted))


def _page(form: Form) -> str:
    me = steward()
    page, numbers = approvals_page(me)
    return render("applications/approvals.html", page=page, numbers=numbers, form=form, me=me)
