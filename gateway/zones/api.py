"""The JSON API of safe zones."""

from __future__ import annotations

import uuid

from flask import Blueprint, Response
from pydantic import BaseModel

from gateway.identity.http import require_person, require_role, rt
from gateway.identity.models import Role
from gateway.web.forms import parse, parse_query
from gateway.web.openapi import documented
from gateway.zones import service_imports, service_reading, service_sessions, views
from gateway.zones.schemas import (
    BookingBody,
    CarryBody,
    DayOut,
    DayQuery,
    ImportBody,
    ImportDecision,
    ImportList,
    ImportOut,
    SessionList,
    SessionOut,
    ZoneList,
    ZonesQuery,
)
from gateway.zones.service_bookings import book
from gateway.zones.service_zones import open_zone

TAG = "Safe zones"
blueprint = Blueprint("zones_api", __name__, url_prefix="/api/v1")


@blueprint.get("/zones")
@documented(tag=TAG, answer=ZoneList)
def zones() -> Response:
    """List the safe zones and what is worked on there."""
    require_person()
    with rt().db.read() as session:
        found = service_reading.places(session)
    return _json(ZoneList(zones=[views.place_out(place) for place in found]))


@blueprint.get("/zones/<slug>/day")
@documented(tag=TAG, answer=DayOut, query=DayQuery)
def day(slug: str) -> Response:
    """List a day's bookings and sessions, as staff of the zone."""
    require_person()
    require_role(Role.ZONE_STAFF, scope=slug)
    chosen = parse_query(DayQuery).day or views.today()
    with rt().db.read() as session:
        zone = open_zone(session, slug)
    stays = views.zone_day(zone, chosen)
    return _json(DayOut(day=chosen, sessions=[views.visit_out(stay) for stay in stays]))


@blueprint.get("/zone-sessions")
@documented(tag=TAG, answer=SessionList, query=ZonesQuery)
def sessions() -> Response:
    """List one's own bookings and sessions, newest first."""
    require_person()
    parse_query(ZonesQuery)
    page = views.own_sessions()
    shown = [views.stay_out(stay) for stay in page.items]
    return _json(SessionList(sessions=shown, next=page.next, previous=page.previous))


@blueprint.post("/zone-sessions")
@documented(tag=TAG, json=BookingBody, answer=SessionOut, status=201)
def book_seat() -> Response:
    """Book a seat; repeating it with the same Idempotency-Key books once."""
    me, body = require_person(), parse(BookingBody)
    made = book(rt(), me, body.wanted(), views.attempt())
    return _json(views.session_out(made), 201)


@blueprint.post("/zone-sessions/<uuid:session_id>/cancel")
@documented(tag=TAG, status=204)
def cancel(session_id: uuid.UUID) -> Response:
    """Give a booked seat back."""
    service_sessions.cancel(rt(), require_person(), session_id)
    return Response(status=204)


@blueprint.post("/zone-sessions/<uuid:session_id>/open")
@documented(tag=TAG, status=204)
def open_(session_id: uuid.UUID) -> Response:
    """Open a booked session, as staff of the zone."""
    service_sessions.open_session(rt(), require_person(), session_id)
    return Response(status=204)


@blueprint.post("/zone-sessions/<uuid:session_id>/close")
@documented(tag=TAG, status=204)
def close(session_id: uuid.UUID) -> Response:
    """End an open session: one's own, or as staff of the zone."""
    service_sessions.close_session(rt(), require_person(), session_id)
    return Response(status=204)


@blueprint.get("/zone-imports")
@documented(tag=TAG, answer=ImportList, query=ZonesQuery)
def imports() -> Response:
    """List one's own import requests, newest first."""
    require_person()
    parse_query(ZonesQuery)
    page = views.own_imports()
    shown = [views.parcel_out(parcel) for parcel in page.items]
    return _json(ImportList(imports=shown, next=page.next, previous=page.previous))


@blueprint.post("/zone-imports")
@documented(tag=TAG, json=ImportBody, answer=ImportOut, status=201)
def request_import() -> Response:
    """Ask to bring a file into a safe zone."""
    me, body = require_person(), parse(ImportBody)
    made = service_imports.request_import(rt(), me, body.new(body.zone), views.attempt())
    return _json(views.import_out(made), 201)


@blueprint.post("/zone-imports/<uuid:import_id>/decision")
@documented(tag=TAG, json=ImportDecision, status=204)
def decide(import_id: uuid.UUID) -> Response:
    """Approve or reject an import, as staff of the zone."""
    me, body = require_person(), parse(ImportDecision)
    service_imports.decide(rt(), me, import_id, body.verdict())
    return Response(status=204)


@blueprint.post("/zone-imports/<uuid:import_id>/bring-in")
@documented(tag=TAG, json=CarryBody, status=204)
def bring_in(import_id: uuid.UUID) -> Response:
    """Record that an approved file was brought in, as staff of the zone."""
    me, body = require_person(), parse(CarryBody)
    service_imports.bring_in(rt(), me, import_id, body.sha256)
    return Response(status=204)


def _json(answer: BaseModel, status: int = 200) -> Response:
    return Response(answer.model_dump_json(), status, content_type="application/json")
