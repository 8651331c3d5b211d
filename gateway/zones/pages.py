"""The pages of safe zones for those who work there: seats, sessions, imports."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from gateway.access.reading import GrantView
from gateway.catalog.models import Dataset
from gateway.errors import Problem, ProblemCode
from gateway.identity.http import require_person, require_viewer, rt
from gateway.web.forms import Form, Parsed, parse_query, try_parse
from gateway.web.i18n import gettext as _
from gateway.web.i18n import language
from gateway.web.pages import render
from gateway.zones import service_reading, service_sessions, views
from gateway.zones.models import Zone
from gateway.zones.schemas import BookingForm, DayQuery, ImportForm
from gateway.zones.service_bookings import book as book_seat
from gateway.zones.service_imports import request_import
from gateway.zones.service_reading import Stay
from gateway.zones.service_zones import open_zone
from policies.vocabulary import Delivery

# What can be mended in the form itself; any other problem is a page of its own.
MENDED_HERE = frozenset({ProblemCode.VALIDATION_FAILED, ProblemCode.CONFLICT})

blueprint = Blueprint("zones", __name__, template_folder="templates")


@dataclass(frozen=True, slots=True)
class Seen:
    """What a zone's page shows for `day`: free and taken, and the grants that count here."""

    zone: Zone
    datasets: list[Dataset]
    grants: list[tuple[str, str]]
    day: date
    taken: list[Stay]


@blueprint.get("/zones")
def index() -> str:
    """One's own bookings and imports, and where one's data is worked on."""
    me = require_viewer().person_id
    with rt().db.read() as session:
        seatings = service_reading.seatings(session, me)
        places = service_reading.places(session)
    return render(
        "zones/index.html",
        page=views.own_sessions(),
        imports=views.own_imports(views.IMPORTS),
        seatings=seatings,
        places=places,
    )


@blueprint.get("/zones/<slug>")
def show(slug: str) -> str:
    """A zone: its seats on a day, and the forms for a booking and an import."""
    require_person()
    return _page(slug, Form(), Form())


@blueprint.post("/zones/<slug>/bookings")
def book(slug: str) -> ResponseReturnValue:
    """Book a seat."""
    me, parsed = require_person(), try_parse(BookingForm)

    def make(form: BookingForm) -> uuid.UUID:
        return book_seat(rt(), me, form.wanted(slug, rt().settings.zone))

    done = _("The seat is booked. Staff open your session when you arrive.")
    return _made(parsed, make, lambda form: _page(slug, form, Form()), done)


@blueprint.post("/zones/<slug>/imports")
def bring(slug: str) -> ResponseReturnValue:
    """Ask to bring a file in."""
    me, parsed = require_person(), try_parse(ImportForm)

    def make(form: ImportForm) -> uuid.UUID:
        return request_import(rt(), me, form.new(slug))

    done = _("Your import request is with the staff of the zone.")
    return _made(parsed, make, lambda form: _page(slug, Form(), form), done)


@blueprint.post("/zones/sessions/<uuid:session_id>/cancel")
def cancel(session_id: uuid.UUID) -> ResponseReturnValue:
    """Give one's seat back."""
    service_sessions.cancel(rt(), require_person(), session_id)
    flash(_("The booking is cancelled."), "ok")
    return redirect(url_for("zones.index"), 303)


@blueprint.post("/zones/sessions/<uuid:session_id>/leave")
def leave(session_id: uuid.UUID) -> ResponseReturnValue:
    """End one's own session."""
    service_sessions.close_session(rt(), require_person(), session_id)
    flash(_("The session is over."), "ok")
    return redirect(url_for("zones.index"), 303)


def dataset_panel(dataset: Dataset, **_context: Any) -> Markup:
    """Where a safe-zone dataset is worked on: for the dataset's page."""
    if dataset.delivery != Delivery.SAFE_ZONE:
        return Markup("")
    with rt().db.read() as session:
        zones = service_reading.zones_of(session, dataset.id)
    panel = render("zones/dataset_panel.html", dataset=dataset, zones=zones)
    return Markup(panel)  # noqa: S704 - a template of ours, already escaped


def grant_panel(view: GrantView, **_context: Any) -> Markup:
    """The way to a seat, or the session that is booked or open: for the card of a grant."""
    if view.dataset.delivery != Delivery.SAFE_ZONE or view.grant.ended_at is not None:
        return Markup("")
    with rt().db.read() as session:
        now = rt().clock.now()
        stays = service_reading.sessions_of_grant(session, view.grant.id, now)
        zones = service_reading.zones_of(session, view.dataset.id)
    panel = render("zones/grant_panel.html", view=view, stays=stays, zones=zones)
    return Markup(panel)  # noqa: S704 - a template of ours, already escaped


def _page(slug: str, booking: Form, parcel: Form) -> str:
    query = parse_query(DayQuery) if request.method == "GET" else DayQuery()
    seen = _seen(slug, query.day or views.today())
    chosen = query.grant or (seen.grants[0][0] if len(seen.grants) == 1 else "")
    return render(
        "zones/show.html", seen=seen, booking=booking, parcel=parcel, chosen=chosen,
        seats=[(str(seat), str(seat)) for seat in range(1, seen.zone.seats + 1)],
    )  # fmt: skip


def _seen(slug: str, day: date) -> Seen:
    begin, end = views.bounds(day)
    title = "title_ko" if language() == "ko" else "title_en"
    with rt().db.read() as session:
        zone = open_zone(session, slug)
        datasets = list(service_reading.datasets_in(session, zone.id))
        here = service_reading.seatings(session, require_viewer().person_id)
        taken = service_reading.day(session, zone.id, begin, end, rt().clock.now())
    known = {dataset.id for dataset in datasets}
    grants = [
        (str(each.grant.id), f"{getattr(each.dataset, title)} · {each.dataset.slug}")
        for each in here
        if each.dataset.id in known
    ]
    return Seen(zone, datasets, grants, day, [stay for stay in taken if not stay.row.ended_at])


def _made(
    parsed: Parsed[Any],
    make: Callable[[Any], uuid.UUID],
    again: Callable[[Form], str],
    message: str,
) -> ResponseReturnValue:
    """The list with the new entry, or the form again with what is wrong."""
    if parsed.value is None:
        return again(parsed.form), 422
    try:
        make(parsed.value)
    except Problem as problem:
        if problem.code not in MENDED_HERE:
            raise
        return again(_form_of(problem, parsed)), problem.status
    flash(message, "ok")
    return redirect(url_for("zones.index"), 303)


# What the service calls by its moment, the form asks for by day and hours.
_FIELDS = {"starts_at": "start", "ends_at": "hours"}


def _form_of(problem: Problem, parsed: Parsed[Any]) -> Form:
    sentence = problem.detail_ko if language() == "ko" else problem.detail_en
    field = str(problem.extra.get("field", ""))
    return Form(parsed.raw, {_FIELDS.get(field, field): sentence})
