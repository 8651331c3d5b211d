"""What stewards do to versions: announce, put in force, plan an end, withdraw."""

from __future__ import annotations

import uuid
from datetime import datetime

from flask import Blueprint, flash, redirect, url_for
from flask.typing import ResponseReturnValue

from gateway.agreements import service, service_schedule
from gateway.agreements.models import AgreementVersion
from gateway.agreements.pages import page
from gateway.agreements.schemas import EndForm, PlanForm
from gateway.identity.forms import submitted
from gateway.identity.http import require_role, rt
from gateway.identity.models import Role
from gateway.journal import Actor
from gateway.web.forms import Form
from gateway.web.i18n import gettext as _

blueprint = Blueprint(
    "agreement_states", __name__, url_prefix="/policies/versions/<uuid:version_id>"
)


@blueprint.post("/in-force")
def in_force(version_id: uuid.UUID) -> ResponseReturnValue:
    """Put a version in force now."""
    service.put_in_force(rt(), _steward(), version_id)
    return _done(_("The version is in force. Everyone is asked to sign it."), version_id)


@blueprint.post("/withdraw")
def withdraw(version_id: uuid.UUID) -> ResponseReturnValue:
    """Withdraw the version in force; its datasets close until another is in force."""
    service.withdraw(rt(), _steward(), version_id)
    text = _("The version is withdrawn. Its datasets are closed until another is in force.")
    return _done(text, version_id)


@blueprint.post("/announce")
def announce(version_id: uuid.UUID) -> ResponseReturnValue:
    """Announce a version for a moment."""
    steward = _steward()
    result = submitted(
        PlanForm,
        lambda form: service_schedule.announce(rt(), steward, version_id, _local(form.moment)),
    )
    if result.again:
        return _again(version_id, _moment_error(result.form)), result.status
    return _done(_("The version is announced. It comes into force by itself."), version_id)


@blueprint.post("/call-off")
def call_off(version_id: uuid.UUID) -> ResponseReturnValue:
    """Make an announced version a draft again."""
    service_schedule.call_off(rt(), _steward(), version_id)
    return _done(_("The announcement is called off. The version is a draft again."), version_id)


@blueprint.post("/end")
def end(version_id: uuid.UUID) -> ResponseReturnValue:
    """Plan when the version in force ends, or take the plan back."""
    steward = _steward()
    result = submitted(EndForm, lambda form: _plan_end(steward, version_id, form))
    if result.again:
        return _again(version_id, _moment_error(result.form)), result.status
    return _done(_("The planned end is stored."), version_id)


def _plan_end(steward: Actor, version_id: uuid.UUID, form: EndForm) -> None:
    moment = None if form.moment is None else _local(form.moment)
    service_schedule.plan_end(rt(), steward, version_id, moment)


def _steward() -> Actor:
    return require_role(Role.STEWARD)


def _local(moment: datetime) -> datetime:
    """What a browser's field says means the gateway's own time zone."""
    return moment if moment.tzinfo else moment.replace(tzinfo=rt().settings.zone)


def _moment_error(form: Form) -> Form:
    """Both services name a column; the page has one field for the moment."""
    return Form(form.raw, {"moment": next(iter(form.errors.values()))})


def _version(version_id: uuid.UUID) -> AgreementVersion:
    with rt().db.read() as session:
        return session.get(AgreementVersion, version_id) or service.missing()


def _again(version_id: uuid.UUID, plan: Form) -> str:
    row = _version(version_id)
    return page(row.code, Form(), row.number, plan)


def _done(message: str, version_id: uuid.UUID) -> ResponseReturnValue:
    row = _version(version_id)
    flash(message, "ok")
    return redirect(url_for("agreements.show", code=row.code, v=row.number), 303)
