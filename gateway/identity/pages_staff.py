"""Pages of staff: the operators' roles, the stewards' queue of evidence."""

from __future__ import annotations

import uuid

from flask import Blueprint, url_for
from werkzeug.wrappers import Response

from gateway.identity import service_attestations as attestations
from gateway.identity import service_roles as roles
from gateway.identity.forms import done, submitted
from gateway.identity.http import actor, require_person, require_role, rt
from gateway.identity.models import Role, RoleGrant
from gateway.identity.schemas import RoleForm, end_of
from gateway.identity.service_people import by_account
from gateway.identity.service_roles import NewRole, waits
from gateway.identity.service_viewing import viewed
from gateway.web.forms import Form
from gateway.web.i18n import gettext as _
from gateway.web.pages import render

staff = Blueprint("roles", __name__, template_folder="templates")
evidence = Blueprint("attestations", __name__, template_folder="templates")


@staff.get("/roles")
def index() -> str:
    """Who holds which role, on whose word; what waits for a second person."""
    return _page(Form())


@staff.post("/roles")
def grant() -> tuple[str, int] | Response:
    """Grant a role; a sensitive one waits for a second operator."""
    require_role(Role.OPERATOR)
    result = submitted(RoleForm, _grant)
    if result.done is None:
        return _page(result.form), result.status
    waiting = _("The role is granted. It counts once a second operator has confirmed it.")
    message = waiting if waits(result.done) else _("The role is granted.")
    return done(message, url_for("roles.index"))


def _grant(form: RoleForm) -> RoleGrant:
    with rt().db.read() as session:
        holder = by_account(session, form.account)
    ends_at = end_of(form.until, rt().settings.zone) if form.until else None
    new = NewRole(holder.id, form.role, form.scope, ends_at=ends_at)
    return roles.grant_role(rt(), actor(), new)


@staff.post("/roles/<uuid:grant_id>/confirm")
def confirm(grant_id: uuid.UUID) -> Response:
    """Confirm a role as the second person."""
    roles.confirm_role(rt(), require_role(Role.OPERATOR), grant_id)
    return done(_("The role is confirmed and counts from now."), url_for("roles.index"))


@staff.post("/roles/<uuid:grant_id>/end")
def end(grant_id: uuid.UUID) -> Response:
    """End a role, as an operator."""
    roles.end_role(rt(), require_role(Role.OPERATOR), grant_id)
    return done(_("The role has ended."), url_for("roles.index"))


@evidence.get("/attestations")
def queue() -> str:
    """What waits for a steward, oldest first."""
    me = require_role(Role.STEWARD)
    with rt().db.read() as session:
        waiting = attestations.unchecked(session)
    viewed(rt(), me, [person for _row, person in waiting], "attestations")
    return render("identity/attestations.html", waiting=waiting, me=me)


@evidence.post("/attestations/<uuid:attestation_id>/check")
def check(attestation_id: uuid.UUID) -> Response:
    """A steward confirms that evidence agrees with its source."""
    attestations.check_attestation(rt(), require_role(Role.STEWARD), attestation_id)
    return done(_("The evidence is checked and counts from now."), url_for("attestations.queue"))


@evidence.post("/attestations/<uuid:attestation_id>/end")
def end_evidence(attestation_id: uuid.UUID) -> Response:
    """Take evidence back: one's own, or as a steward."""
    attestations.end_attestation(rt(), me := require_person(), attestation_id)
    target = "attestations.queue" if Role.STEWARD in me.roles else "account.show"
    return done(_("The evidence no longer counts."), url_for(target))


def _page(form: Form) -> str:
    me = require_role(Role.OPERATOR)
    with rt().db.read() as session:
        listed = roles.list_roles(session, rt().clock.now())
        names = roles.names_of(session, listed)
    viewed(rt(), me, [person for _row, person in listed], "roles")
    return render("identity/roles.html", form=form, listed=listed, names=names, waits=waits, me=me)
