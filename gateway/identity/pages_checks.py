"""What the tax service says of an organisation, for its managers and for stewards."""

from __future__ import annotations

import uuid

from flask import Blueprint, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from gateway.identity import service_checks as checks
from gateway.identity.forms import done, submitted
from gateway.identity.http import actor, require_role, rt
from gateway.identity.models import Role
from gateway.identity.schemas_organisations import CheckForm
from gateway.identity.service_checks import Compared
from gateway.identity.service_organisations import get_organisation, is_manager, is_steward
from gateway.identity.tax_service import TaxService
from gateway.identity.verifier import BusinessState, Match
from gateway.web.forms import Form
from gateway.web.i18n import gettext as _
from gateway.web.pages import render

blueprint = Blueprint("checks", __name__, template_folder="templates")


@blueprint.post("/orgs/<uuid:organisation_id>/check")
def compare(organisation_id: uuid.UUID) -> ResponseReturnValue:
    """A steward compares the registration with the tax service's."""
    steward = require_role(Role.STEWARD)
    verifier = TaxService.of(rt().settings)
    result = submitted(
        CheckForm,
        lambda form: checks.compare(
            rt(), verifier, steward, organisation_id, (form.opened_on, form.representative)
        ),
    )
    if result.done is None:
        return _page(organisation_id, result.form), result.status
    return done(_said(result.done), url_for("orgs.show", organisation_id=organisation_id))


def panel(organisation_id: uuid.UUID, **_context: object) -> Markup:
    """The latest checks; nothing for other people, or where there is nothing to ask about."""
    return Markup(_body(organisation_id, Form()))  # noqa: S704 the template escapes


def _said(found: Compared) -> str:
    if Match.UNKNOWN is found.match or found.state is BusinessState.UNKNOWN:
        return str(_("The tax service gave no clear answer. Nothing was changed; try again later."))
    if found.match is Match.SAME and found.state is BusinessState.OPERATING:
        return str(_("The tax service knows this registration, and the business operates."))
    return str(_("The tax service does not confirm this registration. See what it said below."))


def _page(organisation_id: uuid.UUID, form: Form) -> str:
    with rt().db.read() as session:
        org = get_organisation(session, organisation_id)
    body = Markup(_body(organisation_id, form))  # noqa: S704 the template escapes
    return render("identity/org_part.html", org=org, heading=_("Tax service"), body=body)


def _body(organisation_id: uuid.UUID, form: Form) -> str:
    with rt().db.read() as session:
        org = get_organisation(session, organisation_id)
        steward = is_steward(session, rt(), actor())
        found = checks.latest(session, organisation_id)
        manager = is_manager(session, actor(), organisation_id)
    if not (steward or manager) or org.business_number is None:
        return ""
    ready = TaxService.of(rt().settings).ready
    return render(
        "identity/org_checks.html", org=org, form=form, checks=found, steward=steward, ready=ready
    )
