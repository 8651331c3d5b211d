"""What pages and API of safe zones share: cursors, days, the shapes of answers."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from typing import Any

from flask import request

from gateway.identity.http import actor, require_viewer, rt
from gateway.identity.schemas import end_of, start_of
from gateway.identity.service_viewing import viewed
from gateway.keys import Purpose
from gateway.web.idempotency import HEADER, Attempt
from gateway.web.paging import Cursors, Page
from gateway.zones import service_reading as reading
from gateway.zones.models import Zone
from gateway.zones.schemas import ImportOut, SessionOut, VisitOut, ZoneOut
from gateway.zones.service_reading import Parcel, Place, Stay

PAGE = 25
IMPORTS = "imports"


def cursors() -> Cursors:
    """The maker of this gateway's cursors."""
    return Cursors(rt().keys.current(Purpose.CURSOR).material)


def attempt() -> Attempt:
    """This POST, for doing it once."""
    key = request.headers.get(HEADER, "")
    return Attempt(str(actor().person_id), request.path, key, request.get_data())


def own_sessions() -> Page[Stay]:
    """The present page of one's own bookings and sessions."""
    me, now = require_viewer().person_id, rt().clock.now()
    window = cursors().window(request.args, f"zone-sessions:{me}", PAGE)
    with rt().db.read() as session:
        rows = reading.own_sessions(session, me, now, window)
    return cursors().page(rows, window, lambda stay: (stay.row.id,))


def own_imports(parameter: str = "cursor") -> Page[Parcel]:
    """The present page of one's own import requests; its cursor stands in `parameter`."""
    me = require_viewer().person_id
    given = {"cursor": request.args.get(parameter, ""), "limit": request.args.get("limit", "")}
    window = cursors().window(given, f"zone-imports:{me}", PAGE)
    with rt().db.read() as session:
        rows = reading.own_imports(session, me, window)
    return cursors().page(rows, window, lambda parcel: (parcel.row.id,))


def today() -> date:
    """The day of the site's time zone."""
    return rt().clock.now().astimezone(rt().settings.zone).date()


def bounds(day: date) -> tuple[datetime, datetime]:
    """The half-open day in UTC. Raises Problem VALIDATION_FAILED beyond the calendar."""
    zone = rt().settings.zone
    return start_of(day, zone), end_of(day, zone)


def zone_day(zone: Zone, day: date) -> list[Stay]:
    """A zone's day for its staff; that the visitors' names were read is recorded."""
    begin, end = bounds(day)
    with rt().db.read() as session:
        stays = reading.day(session, zone.id, begin, end, rt().clock.now())
    viewed(rt(), actor(), [stay.person for stay in stays], f"zone:{zone.id}")
    return stays


def session_out(session_id: uuid.UUID) -> SessionOut:
    """A booking for the API."""
    with rt().db.read() as session:
        return stay_out(reading.one_session(session, session_id, rt().clock.now()))


def stay_out(stay: Stay) -> SessionOut:
    """A booking or session as its person sees it."""
    return SessionOut(**_stay(stay))


def visit_out(stay: Stay) -> VisitOut:
    """A booking or session as staff see it."""
    return VisitOut(**_stay(stay), account=stay.person.account, name=stay.person.name)


def import_out(import_id: uuid.UUID) -> ImportOut:
    """An import request for the API."""
    with rt().db.read() as session:
        return parcel_out(reading.one_import(session, import_id))


def parcel_out(parcel: Parcel) -> ImportOut:
    """An import request as its person sees it."""
    row = parcel.row
    own = {name: getattr(row, name) for name in ImportOut.model_fields if hasattr(row, name)}
    shown = {"zone": parcel.zone.slug, "dataset": parcel.dataset.slug, "state": parcel.state}
    return ImportOut(**own | shown | {"note": row.decision_note})


def place_out(place: Place) -> ZoneOut:
    """A zone for the API; its networks are nobody's business."""
    own = {name: getattr(place.zone, name) for name in ("slug", "name_ko", "name_en", "place")}
    datasets = [dataset.slug for dataset in place.datasets]
    return ZoneOut(**own, seats=place.zone.seats, datasets=datasets)


def _stay(stay: Stay) -> dict[str, Any]:
    row = stay.row
    own = {name: getattr(row, name) for name in SessionOut.model_fields if hasattr(row, name)}
    return own | {"zone": stay.zone.slug, "dataset": stay.dataset.slug, "state": stay.state}
