"""A first password for somebody who has come in through an outside provider only."""

from __future__ import annotations

import uuid

from flask import Blueprint, redirect, url_for
from werkzeug.wrappers import Response

from gateway.identity.forms import done, same, submitted
from gateway.identity.http import actor, require_viewer, rt
from gateway.identity.schemas import NewPassword
from gateway.identity.service_first_password import set_first_password
from gateway.identity.service_people import NO_PASSWORD, get_person
from gateway.identity.ways import require_recent
from gateway.web.forms import Form
from gateway.web.i18n import gettext as _
from gateway.web.pages import render

first_password = Blueprint(
    "first_password", __name__, template_folder="templates", url_prefix="/account/first-password"
)


@first_password.get("")
def show() -> str | Response:
    """Ask for a first password, soon after signing in; who has one changes it."""
    seen = require_viewer()
    with rt().db.read() as reading:
        has_one = get_person(reading, seen.person_id).password_hash != NO_PASSWORD
    if has_one:
        return redirect(url_for("account.password"), code=303)
    require_recent(rt(), seen.session_id)
    return render("identity/first_password.html", form=Form())


@first_password.post("")
def store() -> tuple[str, int] | Response:
    """Set it; every other session ends."""
    here = require_viewer().session_id
    result = submitted(NewPassword, lambda form: _set(form, here))
    if result.again:
        return render("identity/first_password.html", form=result.form), result.status
    return done(_("Your password is set. Every other session has ended."), url_for("account.show"))


def _set(form: NewPassword, here: uuid.UUID) -> None:
    set_first_password(rt(), actor(), same(form.password, form.repeated), here)
