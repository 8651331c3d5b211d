"""Identity checks: a person goes to the agency and back, or staff record a paper they saw."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request, url_for
from flask.typing import ResponseReturnValue

from gateway.identity import service_identity_checks as checks
from gateway.identity import words
from gateway.identity.check_agency import Agency
from gateway.identity.forms import done, submitted
from gateway.identity.http import actor, require_person, require_viewer, rt
from gateway.identity.schemas_crowd import CheckOut, SeenBody
from gateway.identity.service_attestations import identity_level
from gateway.identity.service_identity_checks import Errand
from gateway.identity.service_seen_papers import record_seen
from gateway.web.forms import Form, parse
from gateway.web.i18n import gettext as _
from gateway.web.openapi import documented
from gateway.web.pages import render

blueprint = Blueprint("identity_check", __name__, template_folder="templates")


@blueprint.get("/account/identity-check")
def show() -> str:
    """How strongly one's identity is checked, and the way to have it checked."""
    return _page()


@blueprint.post("/account/identity-check")
def begin() -> str:
    """Begin a check. The answer is a page with a link: no form may lead to another site."""
    return _page(checks.begin(rt(), _agency(), _errand()))


@blueprint.get("/account/identity-check/return")
def come_back() -> ResponseReturnValue:
    """Take the agency's answer; the flow in the address works once, in the session it began in."""
    state = request.args.get("state", "")
    checks.finish(rt(), _agency(), _errand(), state)
    return done(_("Your identity has been checked."), url_for("identity_check.show"))


@blueprint.get("/identity-checks")
def desk() -> str:
    """Record a paper that one saw: for stewards, and for managers about their own members."""
    require_person()
    return _desk(Form())


@blueprint.post("/identity-checks")
def record() -> ResponseReturnValue:
    """Record it."""
    me = require_person()
    result = submitted(SeenBody, lambda form: record_seen(rt(), me, form.seen()))
    if result.done is None:
        return _desk(result.form), result.status
    return done(_("The identity check is recorded."), url_for("identity_check.desk"))


@blueprint.post("/api/v1/identity-checks")
@documented(tag="identity", json=SeenBody, answer=CheckOut, status=201)
def record_api() -> tuple[dict[str, Any], int]:
    """Record that one saw a person's paper, as a steward or a manager of their organisation."""
    me, body = require_person(), parse(SeenBody)
    made = CheckOut(id=record_seen(rt(), me, body.seen()))
    return made.model_dump(mode="json"), 201


def _page(address: str = "") -> str:
    with rt().db.read() as session:
        level = identity_level(session, require_viewer().person_id, rt().clock.now())
    agency = _agency()
    return render("identity/identity_check.html", level=level, agency=agency, address=address)


def _desk(form: Form) -> str:
    papers = [(str(paper), label) for paper, label in words.PAPERS.items()]
    return render("identity/identity_desk.html", form=form, papers=papers)


def _agency() -> Agency:
    return Agency.of(rt().settings)


def _errand() -> Errand:
    seen = require_viewer()
    return Errand(actor(), seen.person_id, seen.session_id)
