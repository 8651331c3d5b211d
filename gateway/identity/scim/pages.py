"""Provisioning tokens on the organisation's page, for its managers."""

from __future__ import annotations

import uuid

from flask import Blueprint, Response, make_response, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup
from werkzeug.wrappers import Response as BaseResponse

from gateway.identity.forms import done, submitted
from gateway.identity.http import actor, require_person, rt
from gateway.identity.schemas_organisations import TokenForm
from gateway.identity.scim import tokens
from gateway.identity.scim.resources import PREFIX
from gateway.identity.service_organisations import is_manager, require_manager
from gateway.web.forms import Form
from gateway.web.i18n import gettext as _
from gateway.web.pages import render

blueprint = Blueprint("provisioning", __name__, template_folder="../templates")


@blueprint.get("/orgs/<uuid:organisation_id>/provisioning")
def overview(organisation_id: uuid.UUID) -> str:
    """The tokens, with the form for another."""
    require_person()
    return _page(organisation_id, Form())


@blueprint.post("/orgs/<uuid:organisation_id>/provisioning")
def create(organisation_id: uuid.UUID) -> ResponseReturnValue:
    """Make a token; this answer alone shows it."""
    me = require_person()
    result = submitted(
        TokenForm,
        lambda form: tokens.create(rt(), me, organisation_id, form.label, form.days),
    )
    if result.done is None:
        return _page(organisation_id, result.form), result.status
    return _secret(_page(organisation_id, Form(), result.done))


@blueprint.post("/provisioning-tokens/<uuid:token_id>/revoke")
def revoke(token_id: uuid.UUID) -> BaseResponse:
    """End a token."""
    organisation_id = tokens.revoke(rt(), require_person(), token_id)
    address = url_for("provisioning.overview", organisation_id=organisation_id)
    return done(_("The token is revoked and no longer works."), address)


def panel(organisation_id: uuid.UUID, **_context: object) -> Markup:
    """The tokens of an organisation, for its managers."""
    with rt().db.read() as session:
        if not is_manager(session, actor(), organisation_id):
            return Markup("")
    return Markup(_body(organisation_id, Form()))  # noqa: S704 the template escapes


def _secret(page: str) -> Response:
    response = make_response(page)
    response.headers["Cache-Control"] = "no-store"
    return response


def _page(organisation_id: uuid.UUID, form: Form, made: str = "") -> str:
    with rt().db.read() as session:
        org = require_manager(session, actor(), organisation_id)
    body = Markup(_body(organisation_id, form, made))  # noqa: S704 the template escapes
    return str(render("identity/org_part.html", org=org, heading=_("Provisioning"), body=body))


def _body(organisation_id: uuid.UUID, form: Form, made: str = "") -> str:
    with rt().db.read() as session:
        org = require_manager(session, actor(), organisation_id)
        rows = tokens.live(session, organisation_id, rt().clock.now())
    address = rt().settings.public_url.rstrip("/") + PREFIX
    context = {"org": org, "rows": rows, "form": form, "made": made, "address": address}
    return str(render("identity/org_provisioning.html", **context))
