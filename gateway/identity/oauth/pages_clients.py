"""The programs of an organisation, for its managers."""

from __future__ import annotations

import uuid

from flask import Blueprint, url_for
from markupsafe import Markup
from werkzeug.wrappers import Response

from gateway.identity import service_memberships as memberships
from gateway.identity.forms import done, submitted
from gateway.identity.http import actor, require_person, rt, viewer
from gateway.identity.oauth import service_clients as clients
from gateway.identity.oauth.models import AuthMethod
from gateway.identity.oauth.schemas import ClientForm
from gateway.identity.oauth.words import AUTH_METHODS, CLIENT_KINDS, SCOPES
from gateway.identity.refusals import manager_missing
from gateway.identity.service_organisations import get_organisation, is_manager
from gateway.web.forms import Form
from gateway.web.i18n import gettext as _
from gateway.web.pages import render

programs = Blueprint("programs", __name__, template_folder="../templates")


@programs.get("/orgs/<uuid:organisation_id>/programs")
def index(organisation_id: uuid.UUID) -> str:
    """What is registered, and a form for another one."""
    return _page(organisation_id, Form())


@programs.post("/orgs/<uuid:organisation_id>/programs")
def register(organisation_id: uuid.UUID) -> str | tuple[str, int]:
    """Register a program; its secret is shown this one time."""
    require_person()
    result = submitted(
        ClientForm, lambda form: clients.register(rt(), actor(), organisation_id, form.client())
    )
    if result.done is None:
        return _page(organisation_id, result.form), result.status
    return render("identity/program_new.html", made=result.done, organisation_id=organisation_id)


@programs.post("/programs/<client_id>/end")
def end(client_id: str) -> Response:
    """End a program at once."""
    require_person()
    organisation_id = clients.end(rt(), actor(), client_id)
    target = url_for("programs.index", organisation_id=organisation_id)
    return done(_("The program has ended. Its tokens no longer open anything."), target)


def panel(organisation_id: uuid.UUID) -> Markup:
    """The way to the programs on the organisation's page, for its managers."""
    if viewer() is None:
        return Markup("")
    with rt().db.read() as session:
        if not is_manager(session, actor(), organisation_id):
            return Markup("")
        held = clients.clients_of(session, organisation_id)
    warned = [row for row in held if clients.runs_out(rt(), row)]
    return Markup(  # noqa: S704  # a rendered template
        render(
            "identity/programs_panel.html",
            organisation_id=organisation_id,
            count=len(held),
            warned=warned,
        )
    )


def _page(organisation_id: uuid.UUID, form: Form) -> str:
    require_person()
    with rt().db.read() as session:
        row = get_organisation(session, organisation_id)
        if not is_manager(session, actor(), organisation_id):
            raise manager_missing(actor())
        held = clients.clients_of(session, organisation_id)
        members = memberships.members_of(session, organisation_id)
    confirmed = [(str(one.id), one.name) for place, one in members if place.confirmed_by]
    return render(
        "identity/programs.html",
        org=row,
        clients=[(each, clients.runs_out(rt(), each)) for each in held],
        names=dict(confirmed),
        form=form,
        members=confirmed,
        kinds=list(CLIENT_KINDS.items()),
        methods=[(str(each), AUTH_METHODS[each]) for each in AuthMethod],
        scopes=list(SCOPES.items()),
        kind_names=CLIENT_KINDS,
    )
