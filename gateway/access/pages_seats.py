"""Seats: made on the steward's page of a grant, moved on the organisation's page."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Blueprint, flash, redirect, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup
from pydantic import BaseModel, ConfigDict

from gateway.access import seats, views
from gateway.identity.forms import done, submitted
from gateway.identity.http import actor, require_person, rt
from gateway.identity.service_organisations import get_organisation, is_manager, require_manager
from gateway.identity.service_viewing import viewed
from gateway.web.forms import Form
from gateway.web.i18n import gettext as _
from gateway.web.pages import render

blueprint = Blueprint("seats", __name__, template_folder="templates")


class MoveForm(BaseModel):
    """Who gets the seat."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    person: uuid.UUID


@blueprint.post("/access/grant/<uuid:grant_id>/make-seat")
def make(grant_id: uuid.UUID) -> ResponseReturnValue:
    """Make a grant a seat of its organisation."""
    seats.make_seat(rt(), views.steward_of(grant_id), grant_id)
    flash(_("The grant is a seat now. The organisation's manager can move it."), "ok")
    return redirect(url_for("access.manage", grant_id=grant_id), 303)


@blueprint.get("/orgs/<uuid:organisation_id>/seats")
def overview(organisation_id: uuid.UUID) -> str:
    """The seats of an organisation."""
    require_person()
    return _page(organisation_id, Form())


@blueprint.post("/orgs/<uuid:organisation_id>/seats/<uuid:grant_id>/move")
def move(organisation_id: uuid.UUID, grant_id: uuid.UUID) -> ResponseReturnValue:
    """Give a seat to another member."""
    me = require_person()
    with rt().db.read() as session:
        require_manager(session, me, organisation_id)
    result = submitted(
        MoveForm, lambda form: seats.move_seat(rt(), me, organisation_id, grant_id, form.person)
    )
    if result.done is None:
        return _page(organisation_id, result.form), result.status
    text = _("The seat has moved. Its new holder signs the usage agreement before using the data.")
    return done(text, url_for("seats.overview", organisation_id=organisation_id))


def panel(organisation_id: uuid.UUID, **_context: Any) -> Markup:
    """The seats of an organisation, for its managers."""
    with rt().db.read() as session:
        if not is_manager(session, actor(), organisation_id):
            return Markup("")
        if not seats.seats_of(session, organisation_id, rt().clock.now()):
            return Markup("")
    return Markup(_body(organisation_id, Form()))  # noqa: S704 the template escapes


def _page(organisation_id: uuid.UUID, form: Form) -> str:
    with rt().db.read() as session:
        org = require_manager(session, actor(), organisation_id)
    body = Markup(_body(organisation_id, form))  # noqa: S704 the template escapes
    return str(
        render("identity/org_part.html", org=org, heading=_("Seats of the organisation"), body=body)
    )


def _body(organisation_id: uuid.UUID, form: Form) -> str:
    me = actor()
    with rt().db.read() as session:
        org = get_organisation(session, organisation_id)
        rows = seats.seats_of(session, organisation_id, rt().clock.now())
        people = seats.candidates(session, organisation_id)
    members = {one.id for one in people}
    viewed(rt(), me, [row.holder for row in rows], f"organisation:{organisation_id}")
    others = [one for one in people if one.id != me.person_id]
    context = {"org": org, "rows": rows, "others": others, "members": members, "form": form}
    return str(render("access/seats.html", **context))
