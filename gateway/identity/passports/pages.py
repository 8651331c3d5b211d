"""Pages of passports: the visas about oneself, bringing those of others, what a status means."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Blueprint
from markupsafe import Markup

from gateway.identity.forms import submitted
from gateway.identity.http import require_person, require_viewer, rt
from gateway.identity.passports import schemas
from gateway.identity.passports import service_taking as service
from gateway.identity.passports.assertions import Assertion, gathered
from gateway.identity.passports.http import clearinghouse, sources
from gateway.identity.passports.schemas import PassportForm, Taken
from gateway.identity.passports.service_exchange import asked_about
from gateway.identity.passports.service_taking import Brought
from gateway.identity.passports.words import AUTHORITIES, VISA_TYPES
from gateway.web.forms import Form
from gateway.web.pages import render

pages = Blueprint("passports", __name__, template_folder="../templates")


@pages.get("/account/passports")
def show() -> str:
    """The visas about oneself, of ours and of others."""
    require_person()
    return _page(Form())


@pages.post("/account/passports")
def bring() -> str | tuple[str, int]:
    """Bring a passport or visas, and read what became of each."""
    me = require_person()
    result = submitted(
        PassportForm, lambda form: service.take(rt(), clearinghouse(), me, form.found)
    )
    if result.done is None:
        return _page(result.form), result.status
    return _page(Form(), schemas.taken(result.done))


@pages.get("/passports/researcher")
def researcher() -> str:
    """What the ResearcherStatus visas of this gateway mean; their value is this address."""
    return render("identity/passport_researcher.html")


def panel(person_id: uuid.UUID, **_context: Any) -> Markup:
    """The part of `/account` about visas."""
    issued, brought = _known(person_id)
    page = render(
        "identity/_passports.html",
        issued=issued,
        brought=brought,
        house=clearinghouse(),
        **_words(),
    )
    return Markup(page)  # noqa: S704 — a rendered template, escaped there


def _page(form: Form, result: Taken | None = None) -> str:
    issued, brought = _known(require_viewer().person_id)
    return render(
        "identity/passports.html",
        form=form,
        result=result,
        issued=issued,
        brought=brought,
        issuers=clearinghouse().trust.issuers.values(),
        now=rt().clock.now(),
        **_words(),
    )


def _known(person_id: uuid.UUID) -> tuple[list[Assertion], list[Brought]]:
    with rt().db.read() as session:
        issued = gathered(session, sources(), asked_about(rt(), person_id))
        return issued, list(service.brought_by(session, person_id))


def _words() -> dict[str, Any]:
    return {"visa_types": VISA_TYPES, "authorities": AUTHORITIES}
