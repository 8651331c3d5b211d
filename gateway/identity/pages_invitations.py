"""Invitations: on the organisation's page for its managers, and the page behind the link."""

from __future__ import annotations

import uuid

from flask import Blueprint, Response, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup
from werkzeug.wrappers import Response as BaseResponse

from gateway.identity import service_invitations as invitations
from gateway.identity import service_joining as joining
from gateway.identity.forms import done, submitted
from gateway.identity.http import actor, require_person, rt
from gateway.identity.schemas_organisations import InvitationForm
from gateway.identity.service_invitations import Offer
from gateway.identity.service_organisations import is_manager, require_manager
from gateway.notify import transport
from gateway.web.forms import Form
from gateway.web.i18n import gettext as _
from gateway.web.pages import render

blueprint = Blueprint("invitations", __name__, template_folder="templates")


@blueprint.get("/orgs/<uuid:organisation_id>/invitations")
def overview(organisation_id: uuid.UUID) -> str:
    """Open invitations, with the form for another."""
    require_person()
    return _page(organisation_id, Form())


@blueprint.post("/orgs/<uuid:organisation_id>/invitations")
def invite(organisation_id: uuid.UUID) -> ResponseReturnValue:
    """Invite somebody."""
    me = require_person()
    result = submitted(
        InvitationForm,
        lambda form: invitations.invite(rt(), me, organisation_id, Offer(form.email, form.kind)),
    )
    if result.done is None:
        return _page(organisation_id, result.form), result.status
    return done(_("The invitation is on its way."), _address(organisation_id))


@blueprint.post("/invitations/<uuid:invitation_id>/withdraw")
def withdraw(invitation_id: uuid.UUID) -> BaseResponse:
    """Cancel an open invitation."""
    organisation_id = invitations.withdraw(rt(), require_person(), invitation_id)
    text = _("The invitation is cancelled; its address no longer works.")
    return done(text, _address(organisation_id))


@blueprint.get("/invitations/<token>")
def read(token: str) -> Response:
    """What is offered, for whoever has the link; the answer needs an account."""
    require_person()
    row, organisation = joining.opened(rt(), token)
    page = render("identity/invitation.html", invitation=row, org=organisation, token=token)
    # The address is a secret: neither a cache nor a search engine may learn it.
    return Response(page, headers={"Cache-Control": "no-store", "X-Robots-Tag": "noindex"})


@blueprint.post("/invitations/<token>")
def accept(token: str) -> BaseResponse:
    """Take the offered place."""
    place = joining.accept(rt(), require_person(), token)
    text = _("You belong to the organisation now.")
    return done(text, url_for("orgs.show", organisation_id=place.organisation_id))


def panel(organisation_id: uuid.UUID, **_context: object) -> Markup:
    """The invitations of an organisation, for its managers."""
    with rt().db.read() as session:
        if not is_manager(session, actor(), organisation_id):
            return Markup("")
    return Markup(_body(organisation_id, Form()))  # noqa: S704 the template escapes


def _page(organisation_id: uuid.UUID, form: Form) -> str:
    with rt().db.read() as session:
        org = require_manager(session, actor(), organisation_id)
    body = Markup(_body(organisation_id, form))  # noqa: S704 the template escapes
    return render("identity/org_part.html", org=org, heading=_("Invitations"), body=body)


def _body(organisation_id: uuid.UUID, form: Form) -> str:
    with rt().db.read() as session:
        org = require_manager(session, actor(), organisation_id)
        rows = invitations.open_invitations(session, organisation_id, rt().clock.now())
    return render(
        "identity/org_invitations.html",
        org=org, rows=rows, form=form, transport=transport(rt().settings),
    )  # fmt: skip


def _address(organisation_id: uuid.UUID) -> str:
    return url_for("invitations.overview", organisation_id=organisation_id)
