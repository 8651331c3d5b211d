"""Organisations and memberships: register, join, confirm, verify."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Blueprint, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from gateway.identity import rules
from gateway.identity import service_memberships as memberships
from gateway.identity import service_organisation_reads as reads
from gateway.identity import service_organisations as organisations
from gateway.identity.federation.service_places import statements_for
from gateway.identity.forms import done, submitted
from gateway.identity.http import actor, require_person, require_role, rt
from gateway.identity.models import Role
from gateway.identity.schemas import MembershipForm, OrganisationForm, ReasonForm
from gateway.identity.service_organisations import is_manager, is_steward
from gateway.identity.service_viewing import viewed
from gateway.web.forms import Form, parse
from gateway.web.i18n import gettext as _
from gateway.web.i18n import language
from gateway.web.pages import render

orgs = Blueprint("orgs", __name__, template_folder="templates")


@orgs.get("/orgs")
def index() -> str:
    """One's own organisations, a search, and for stewards what waits for them."""
    me = require_person()
    text = request.args.get("q", "")[:100].strip()
    with rt().db.read() as session:
        steward = is_steward(session, rt(), me)
        mine = memberships.memberships_of(session, _own_id())
        found = reads.find_organisations(session, text) if text else []
        queue = reads.list_organisations(session) if steward else []
        orphans = memberships.waiting_for_steward(session) if steward else []
    viewed(rt(), me, [person for _row, person, _org in orphans], "memberships")
    context = {"mine": mine, "found": found, "queue": queue, "orphans": orphans}
    return render("identity/orgs.html", text=text, steward=steward, **context)


@orgs.get("/orgs/new")
def new() -> str:
    """Ask for what an organisation needs."""
    require_person()
    return _form_page(Form(), None)


@orgs.post("/orgs")
def register() -> tuple[str, int] | Response:
    """Register an organisation."""
    require_person()
    result = submitted(
        OrganisationForm,
        lambda form: organisations.register(rt(), actor(), form.organisation()),
    )
    if result.done is None:
        return _form_page(result.form, None), result.status
    message = _("The organisation is registered. A data steward will verify it.")
    return done(message, url_for("orgs.show", organisation_id=result.done.id))


@orgs.get("/orgs/<uuid:organisation_id>")
def show(organisation_id: uuid.UUID) -> str:
    """An organisation; its members only for its manager and stewards."""
    return _page(organisation_id, Form())


@orgs.get("/orgs/<uuid:organisation_id>/correct")
def correcting(organisation_id: uuid.UUID) -> str:
    """The form with what was registered."""
    me = require_person()
    with rt().db.read() as session:
        row = organisations.get_organisation(session, organisation_id)
        organisations.check_correctable(session, me, row)
    return _form_page(Form(), row)


@orgs.post("/orgs/<uuid:organisation_id>/correct")
def correct(organisation_id: uuid.UUID) -> tuple[str, int] | Response:
    """Correct it and ask for verification again."""
    require_person()
    result = submitted(OrganisationForm, lambda form: _correct(organisation_id, form))
    if result.again:
        with rt().db.read() as session:
            row = organisations.get_organisation(session, organisation_id)
        return _form_page(result.form, row), result.status
    message = _("The organisation is corrected. A data steward will verify it.")
    return done(message, _address(organisation_id))


def _correct(organisation_id: uuid.UUID, form: OrganisationForm) -> None:
    new_data = form.organisation()
    organisations.correct_organisation(rt(), actor(), organisation_id, new_data)


@orgs.post("/orgs/<uuid:organisation_id>/verify")
def verify(organisation_id: uuid.UUID) -> Response:
    """A steward verifies it."""
    organisations.verify(rt(), require_role(Role.STEWARD), organisation_id)
    return done(_("The organisation is verified."), _address(organisation_id))


@orgs.post("/orgs/<uuid:organisation_id>/reject")
def reject(organisation_id: uuid.UUID) -> tuple[str, int] | Response:
    """A steward says why it cannot be verified."""
    return _stopped(organisation_id, organisations.reject, _("The reason is recorded."))


@orgs.post("/orgs/<uuid:organisation_id>/suspend")
def suspend(organisation_id: uuid.UUID) -> tuple[str, int] | Response:
    """A steward stops it."""
    message = _("The organisation is suspended.")
    return _stopped(organisation_id, organisations.suspend_organisation, message)


@orgs.post("/orgs/<uuid:organisation_id>/join")
def join(organisation_id: uuid.UUID) -> Response:
    """Ask to belong to it."""
    me, form = require_person(), parse(MembershipForm)
    memberships.request_membership(rt(), me, organisation_id, form.kind)
    message = _("Your request is stored. The organisation's manager will confirm it.")
    return done(message, _address(organisation_id))


@orgs.post("/memberships/<uuid:membership_id>/confirm")
def confirm(membership_id: uuid.UUID) -> Response:
    """Take somebody in."""
    memberships.confirm_membership(rt(), require_person(), membership_id)
    return done(_("The membership is confirmed."), _back(membership_id))


@orgs.post("/memberships/<uuid:membership_id>/end")
def end(membership_id: uuid.UUID) -> Response:
    """Leave, or remove somebody."""
    memberships.end_membership(rt(), require_person(), membership_id)
    return done(_("The membership has ended."), _back(membership_id))


def _stopped(organisation_id: uuid.UUID, verb: Any, message: str) -> tuple[str, int] | Response:
    steward = require_role(Role.STEWARD)
    result = submitted(ReasonForm, lambda form: verb(rt(), steward, organisation_id, form.reason))
    if result.again:
        return _page(organisation_id, result.form), result.status
    return done(message, _address(organisation_id))


def _page(organisation_id: uuid.UUID, form: Form) -> str:
    me = require_person()
    with rt().db.read() as session:
        row = organisations.get_organisation(session, organisation_id)
        context = _standing(session, row.id)
        members = memberships.members_of(session, row.id)
        stated = statements_for(session, [each.id for each, _person in members])
    own = next((each for each, person in members if person.id == me.person_id), None)
    entitled = context["steward"] or context["manager"]
    listed = members if entitled else []
    viewed(rt(), me, [person for _row, person in listed], f"organisation:{row.id}")
    context |= {"country": rules.countries(language())[row.country], "stated": stated}
    return render(
        "identity/org.html", org=row, own=own, members=listed, form=form, me=me, **context
    )


def _standing(session: Session, organisation_id: uuid.UUID) -> dict[str, Any]:
    steward = is_steward(session, rt(), actor())
    manager = is_manager(session, actor(), organisation_id)
    orphaned = not memberships.has_manager(session, organisation_id)
    return {"steward": steward, "manager": manager, "confirms": manager or (steward and orphaned)}


def _form_page(form: Form, org: Any) -> str:
    countries = rules.countries(language()).items()
    return render("identity/org_form.html", form=form, org=org, countries=countries)


def _own_id() -> uuid.UUID:
    person_id = actor().person_id
    assert person_id is not None
    return person_id


def _address(organisation_id: uuid.UUID) -> str:
    return url_for("orgs.show", organisation_id=organisation_id)


def _back(membership_id: uuid.UUID) -> str:
    with rt().db.read() as session:
        return _address(memberships.organisation_of(session, membership_id))
