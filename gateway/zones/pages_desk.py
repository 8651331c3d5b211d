"""The desk of a safe zone: its staff see who comes today, and what is to be brought in."""

from __future__ import annotations

import uuid

from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from gateway.errors import Problem, ProblemCode
from gateway.identity.http import (
    actor,
    require_person,
    require_role_somewhere,
    require_viewer,
    rt,
    scopes_of,
)
from gateway.identity.models import Role
from gateway.identity.service_viewing import viewed
from gateway.web.forms import Form, parse_query, try_parse
from gateway.web.i18n import gettext as _
from gateway.web.i18n import language
from gateway.web.pages import render
from gateway.zones import service_imports, service_reading, service_sessions, views
from gateway.zones.schemas import CarryBody, DayQuery, ImportDecision
from gateway.zones.service_ties import grants_of_own_projects

blueprint = Blueprint("zone_desk", __name__, template_folder="templates")


@blueprint.get("/zone-desk")
def today() -> str:
    """The bookings of a day in the zones that one looks after, and waiting imports."""
    return _desk(None, Form())


@blueprint.post("/zone-desk/sessions/<uuid:session_id>/open")
def open_(session_id: uuid.UUID) -> ResponseReturnValue:
    """Let somebody begin."""
    service_sessions.open_session(rt(), require_person(), session_id)
    return _back(_("The session is open until the booked time is over."))


@blueprint.post("/zone-desk/sessions/<uuid:session_id>/close")
def close(session_id: uuid.UUID) -> ResponseReturnValue:
    """End a session."""
    service_sessions.close_session(rt(), require_person(), session_id)
    return _back(_("The session is over."))


@blueprint.post("/zone-desk/sessions/<uuid:session_id>/cancel")
def cancel(session_id: uuid.UUID) -> ResponseReturnValue:
    """Cancel a booking."""
    service_sessions.cancel(rt(), require_person(), session_id)
    return _back(_("The booking is cancelled."))


@blueprint.post("/zone-desk/imports/<uuid:import_id>/decision")
def decide(import_id: uuid.UUID) -> ResponseReturnValue:
    """Approve or reject an import."""
    me, parsed = require_person(), try_parse(ImportDecision)
    if parsed.value is None:
        return _desk(import_id, parsed.form), 422
    service_imports.decide(rt(), me, import_id, parsed.value.verdict())
    return _back(_("Your decision is recorded."))


@blueprint.post("/zone-desk/imports/<uuid:import_id>/bring-in")
def bring_in(import_id: uuid.UUID) -> ResponseReturnValue:
    """Record that an approved file was brought in."""
    me, parsed = require_person(), try_parse(CarryBody)
    if parsed.value is None:
        return _desk(import_id, parsed.form), 422
    try:
        service_imports.bring_in(rt(), me, import_id, parsed.value.sha256)
    except Problem as problem:
        if problem.code is not ProblemCode.CONFLICT:
            raise
        sentence = problem.detail_ko if language() == "ko" else problem.detail_en
        return _desk(import_id, Form(parsed.raw, {"sha256": sentence})), problem.status
    return _back(_("The import is recorded."))


def _desk(chosen: uuid.UUID | None, form: Form) -> str:
    """The desk; `form` belongs to the import `chosen`. That names were read is recorded."""
    require_role_somewhere(Role.ZONE_STAFF)
    query = parse_query(DayQuery) if request.method == "GET" else DayQuery()
    day, scopes = query.day or views.today(), scopes_of(Role.ZONE_STAFF)
    with rt().db.read() as session:
        zones = service_reading.staffed_zones(session, scopes)
        parcels = service_reading.waiting_imports(session, scopes)
    days = [(zone, views.zone_day(zone, day)) for zone in zones]
    shown = [parcel.row.grant_id for parcel in parcels]
    shown += [stay.row.grant_id for _zone, stays in days for stay in stays]
    viewed(rt(), actor(), [parcel.person for parcel in parcels], "zone-imports")
    return render(
        "zones/desk.html", days=days, parcels=parcels, day=day, chosen=chosen, form=form,
        me=actor().person_id, near=_near(shown),
    )  # fmt: skip


def _near(grants: list[uuid.UUID]) -> frozenset[uuid.UUID]:
    """The grants of one's own research projects: others handle their visits."""
    with rt().db.read() as session:
        return grants_of_own_projects(session, require_viewer().person_id, grants)


def _back(message: str) -> ResponseReturnValue:
    flash(message, "ok")
    return redirect(url_for("zone_desk.today"), 303)
