"""The form that issues a download address, on the page of one's grants."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Blueprint, current_app
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from gateway.access import reading
from gateway.access.grants import not_found
from gateway.access.reading import GrantView
from gateway.access.views import caller
from gateway.delivery.api import EXTENSION
from gateway.delivery.schemas import UrlForm
from gateway.delivery.service import Wanted, issue_item
from gateway.errors import Problem
from gateway.identity.http import require_person, rt
from gateway.web.forms import Form, try_parse
from gateway.web.i18n import language
from gateway.web.pages import render

blueprint = Blueprint("delivery_pages", __name__, template_folder="templates")


@blueprint.post("/access/<uuid:grant_id>/url")
def issue(grant_id: uuid.UUID) -> ResponseReturnValue:
    """Show a download address once: it is a capability, so it never stands in a redirect."""
    person = require_person()
    view = reading.one(rt(), grant_id)
    if view.holder.id != person.person_id:
        raise not_found()
    parsed = try_parse(UrlForm)
    if parsed.value is None:
        return render("delivery/url.html", view=view, form=parsed.form, issued=None), 422
    form = parsed.value
    wanted = Wanted(view.dataset.slug, form.path, form.version, grant_id, form.minutes * 60)
    try:
        issued = issue_item(current_app.extensions[EXTENSION], person, wanted, caller())
    except Problem as problem:
        return _again(view, parsed.raw, problem)
    return render("delivery/url.html", view=view, form=Form(), issued=issued)


def url_panel(view: GrantView, **_context: Any) -> Markup:
    """The form on a grant's card."""
    form = render("delivery/panel.html", view=view, form=Form())
    return Markup(form)  # noqa: S704 - a template of ours, already escaped


def _again(view: GrantView, raw: dict[str, Any], problem: Problem) -> ResponseReturnValue:
    if "blockers" in problem.extra or "acr_values" in problem.extra:
        raise problem
    sentence = problem.detail_ko if language() == "ko" else problem.detail_en
    form = Form(raw, {"path": sentence})
    return render("delivery/url.html", view=view, form=form, issued=None), problem.status
