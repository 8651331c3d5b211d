"""The machines for which one answers: accepting, declining and ending them."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Blueprint, redirect, request, url_for
from markupsafe import Markup
from werkzeug.wrappers import Response

from gateway.identity import passkeys, service_fresh
from gateway.identity import service_people as people
from gateway.identity.forms import done, submitted
from gateway.identity.http import actor, require_person, require_viewer, rt
from gateway.identity.oauth import service_acceptance as machines
from gateway.identity.oauth.words import scope_words
from gateway.identity.schemas_factors import FactorChange
from gateway.identity.service_fresh import Given, Self
from gateway.identity.service_people import NO_PASSWORD
from gateway.web.forms import Form
from gateway.web.i18n import gettext as _
from gateway.web.pages import render

pages = Blueprint(
    "machines", __name__, template_folder="../templates", url_prefix="/account/machines"
)


@pages.get("/<client_id>")
def show(client_id: str) -> str | Response:
    """What the machine may do, and what is asked before one answers for it."""
    require_person()
    return _page(client_id, Form())


@pages.post("/<client_id>/accept")
def accept(client_id: str) -> str | tuple[str | Response, int] | Response:
    """Answer for it from now on."""
    seen = require_viewer()
    me = Self(actor(), seen.session_id)
    result = submitted(
        FactorChange,
        lambda form: machines.accept(rt(), me, client_id, Given(form.password, form.code)),
    )
    if result.again:
        return _page(client_id, result.form), result.status
    return done(_("You now answer for this machine."), url_for("account.show") + "#machines")


@pages.post("/<client_id>/end")
def end(client_id: str) -> Response:
    """Decline it, or end it when it was accepted."""
    require_person()
    accepted = machines.end_own(rt(), actor(), client_id)
    ended = _("The machine has ended. Its tokens no longer open anything.")
    message = ended if accepted else _("You do not answer for this machine. It has ended.")
    return done(message, url_for("account.show") + "#machines")


def panel(person_id: uuid.UUID, **_context: Any) -> Markup:
    """The part of `/account` about machines; nothing where there are none."""
    with rt().db.read() as session:
        held = machines.machines_of(session, person_id, rt().clock.now())
    page = render("identity/_machines.html", machines=held) if held else ""
    return Markup(page)  # noqa: S704  # a rendered template


def _page(client_id: str, form: Form) -> str | Response:
    seen = require_viewer()
    with rt().db.read() as session:
        one = machines.machine_of(session, seen.person_id, client_id, rt().clock.now())
        person = people.get_person(session, seen.person_id)
    if person.password_hash == NO_PASSWORD:
        return redirect(url_for("first_password.show"), code=303)
    return render(
        "identity/machine.html",
        one=one,
        form=form,
        scopes=scope_words(one.client.scope),
        due=service_fresh.due(rt(), Self(actor(), seen.session_id)),
        back=url_for("machines.show", client_id=client_id)
        if request.method == "POST"
        else request.path,
        possible=passkeys.possible(rt().settings),
    )
