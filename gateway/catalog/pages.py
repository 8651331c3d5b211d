"""The catalogue's pages."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from gateway.catalog import service, service_reading, service_versions, views, words
from gateway.catalog.models import DatasetVersion, Modality, Tier
from gateway.catalog.schemas import DatasetQuery, ItemQuery, ReasonForm, ReleaseForm, VersionQuery
from gateway.catalog.service_reading import Waiting
from gateway.catalog.service_versions import version_entry
from gateway.identity.http import actor, require_role, require_role_somewhere, rt, scopes_of, viewer
from gateway.identity.models import EVERYWHERE, Role
from gateway.journal import Act
from gateway.scanning.models import FindingRow, Scan
from gateway.web.forms import parse, parse_query
from gateway.web.i18n import gettext as _
from gateway.web.pages import render
from gateway.web.paging import Page, Window, scope_of
from policies.facts import Sensitivity

PAGE = 25
FINDINGS = 50
SAMPLE_ITEMS = 8
PREVIEW_FINDINGS = 3
NO_FINDINGS: Page[FindingRow] = Page((), None, None)

blueprint = Blueprint("catalog", __name__, template_folder="templates")


@blueprint.get("/")
def home() -> str:
    """What this is, what is open, how to apply."""
    with rt().db.read() as session:
        opening = service_reading.opening(session)
        cards = service_reading.list_datasets(session, DatasetQuery(), Window(6, "home"))[:6]
    return render("catalog/home.html", opening=opening, cards=cards)


@blueprint.get("/projects")
def projects() -> str:
    """Construction projects with their datasets."""
    cursors = views.cursors()
    window = cursors.window(request.args, "projects", PAGE)
    with rt().db.read() as session:
        found = service_reading.projects(session, window)
        page = cursors.page(found, window, lambda each: (each.id,))
        datasets = service_reading.datasets_of(session, [each.id for each in page.items])
    return render("catalog/projects.html", page=page, datasets=datasets)


@blueprint.get("/datasets")
def datasets() -> str:
    """The list of datasets with filters."""
    query, cursors = parse_query(DatasetQuery), views.cursors()
    window = cursors.window(request.args, scope_of("datasets", request.args), PAGE)
    with rt().db.read() as session:
        cards = service_reading.list_datasets(session, query, window)
        domains = service_reading.domains(session)
    page = cursors.page(cards, window, lambda card: (card.dataset.id,))
    filters = query.model_dump(exclude={"cursor", "limit"}, exclude_defaults=True)
    options = {kind.__name__: words.options(kind) for kind in (Modality, Sensitivity, Tier)}
    return render(
        "catalog/datasets.html",
        page=page,
        query=query,
        filters=filters,
        options=options,
        domain_options=[(domain, domain) for domain in domains],
        href=url_for("catalog.datasets", **filters),
    )


@blueprint.get("/datasets/<slug>")
def dataset(slug: str) -> str:
    """The data card: what it holds, what is needed, who decides, its versions."""
    steward = views.is_steward(slug)
    with rt().db.read() as session:
        detail = service_reading.show(session, slug, everything=steward)
    return render(
        "catalog/dataset.html",
        detail=detail,
        dataset=detail.dataset,
        steward=steward,
        requirements=service_reading.requirements(detail.dataset),
        sample=_sample(detail),
    )


@blueprint.get("/datasets/<slug>/versions/<label>")
def version(slug: str, label: str) -> str:
    """A version: its files, and for stewards what its scan found."""
    query, steward = parse_query(VersionQuery), views.is_steward(slug)
    with rt().db.read() as session:
        dataset, found = views.visible_version(session, slug, label)
        scan = service_reading.last_scan(session, found) if steward else None
        findings = _findings(session, scan)
    if scan:
        rt().journal.append(version_entry(actor(), Act.MANIFEST_READ, dataset, found))
    readable = found.index_sha256 and (viewer() or views.names_are_public(dataset))
    arguments = {key: value for key, value in request.args.items() if key != "findings"}
    return render(
        "catalog/version.html",
        dataset=dataset,
        version=found,
        steward=steward,
        scan=scan,
        findings=findings,
        query=query,
        page=views.items_page(dataset, found, query, arguments) if readable else None,
        href=url_for("catalog.version", slug=slug, label=label, prefix=query.prefix or None),
    )


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


@blueprint.get("/review/versions")
def review() -> str:
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
        rt().journal.append(version_entry(actor(), Act.MANIFEST_READ, row.dataset, row.version))
    return render("catalog/review.html", page=page, previews=previews)


def _sample(detail: service_reading.Detail) -> list[object]:
    """The first files of the newest open version, where strangers may read names."""
    newest: DatasetVersion | None = detail.newest
    if newest is None or not views.names_are_public(detail.dataset):
        return []
    page = views.items_page(detail.dataset, newest, ItemQuery(), {"limit": str(SAMPLE_ITEMS)})
    return list(page.items)


def _findings(session: Session, scan: Scan | None) -> Page[FindingRow]:
    if scan is None:
        return NO_FINDINGS
    cursors = views.cursors()
    given = {"cursor": request.args.get("findings", "")}
    window = cursors.window(given, f"findings:{scan.id}", FINDINGS)
    rows = service_reading.findings(session, scan, window)
    return cursors.page(rows, window, lambda row: (int(row.declared), row.id))


def _preview(session: Session, row: Waiting) -> list[FindingRow]:
    if row.scan is None:
        return []
    window = Window(PREVIEW_FINDINGS, "preview")
    return list(service_reading.findings(session, row.scan, window))[:PREVIEW_FINDINGS]


def _back(slug: str, label: str, message: str) -> ResponseReturnValue:
    flash(message, "ok")
    return redirect(url_for("catalog.version", slug=slug, label=label), code=303)
