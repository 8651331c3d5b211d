"""What stewards do in the catalogue: the queue of versions, releases, withdrawals."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from gateway.catalog import service, service_reading, service_versions, views
from gateway.catalog.schemas import ReasonForm, ReleaseForm
from gateway.catalog.service_reading import Waiting
from gateway.catalog.service_versions import version_entry
from gateway.identity.http import actor, require_role, require_role_somewhere, rt, scopes_of
from gateway.identity.models import EVERYWHERE, Role
from gateway.journal import Act
from gateway.scanning.models import FindingRow
from gateway.web.forms import parse
from gateway.web.i18n import gettext as _
from gateway.web.pages import render
from gateway.web.paging import Window

PAGE = 25
PREVIEW_FINDINGS = 3

queue = Blueprint("version_queue", __name__)
blueprint = Blueprint("catalog_steward", __name__)


@queue.get("/review/versions")
def versions() -> str:
    """Versions that wait for a steward, the oldest first, with masked findings."""
    require_role_somewhere(Role.STEWARD)
    scopes = scopes_of(Role.STEWARD)
    cursors = views.cursors()
    window = cursors.window(request.args, "review-versions", PAGE)
    with rt().db.read() as session:
        rows = service_reading.waiting(session, window, None if EVERYWHERE in scopes else scopes)
        page = cursors.page(rows, window, lambda row: (row.version.id,))
        previews = {row.version.id: _preview(session, row) for row in page.items}
    for row in page.items:
        rt().folding.read(version_entry(actor(), Act.MANIFEST_READ, row.dataset, row.version))
    return render("catalog/review.html", page=page, previews=previews)


@blueprint.post("/datasets/<slug>/versions/<label>/release")
def release(slug: str, label: str) -> ResponseReturnValue:
    """Open a version."""
    steward, form = require_role(Role.STEWARD, scope=slug), parse(ReleaseForm)
    service_versions.release(rt(), steward, slug, label, form.reason)
    return _back(slug, label, _("The version is open now."))


@blueprint.post("/datasets/<slug>/versions/<label>/reject")
def reject(slug: str, label: str) -> ResponseReturnValue:
    """Refuse a held version."""
    steward, form = require_role(Role.STEWARD, scope=slug), parse(ReasonForm)
    service_versions.reject(rt(), steward, slug, label, form.reason)
    return _back(slug, label, _("The version was rejected."))


@blueprint.post("/datasets/<slug>/versions/<label>/withdraw")
def withdraw_version(slug: str, label: str) -> ResponseReturnValue:
    """Stop offering a version."""
    steward, form = require_role(Role.STEWARD, scope=slug), parse(ReasonForm)
    service_versions.withdraw_version(rt(), steward, slug, label, form.reason)
    return _back(slug, label, _("The version is no longer offered."))


@blueprint.post("/datasets/<slug>/versions/<label>/scan")
def scan(slug: str, label: str) -> ResponseReturnValue:
    """Ask for a new scan."""
    steward = require_role(Role.STEWARD, scope=slug)
    service_versions.request_scan(rt(), steward, slug, label)
    return _back(slug, label, _("A new scan was requested."))


@blueprint.post("/datasets/<slug>/withdraw")
def withdraw_dataset(slug: str) -> ResponseReturnValue:
    """Stop offering a dataset."""
    steward, form = require_role(Role.STEWARD, scope=slug), parse(ReasonForm)
    service.withdraw_dataset(rt(), steward, slug, form.reason)
    flash(_("The dataset is no longer offered."), "ok")
    return redirect(url_for("catalog.dataset", slug=slug), code=303)


def _preview(session: Session, row: Waiting) -> list[FindingRow]:
    if row.scan is None:
        return []
    window = Window(PREVIEW_FINDINGS, "preview")
    return list(service_reading.findings(session, row.scan, window))[:PREVIEW_FINDINGS]


def _back(slug: str, label: str, message: str) -> ResponseReturnValue:
    flash(message, "ok")
    return redirect(url_for("catalog.version", slug=slug, label=label), code=303)
