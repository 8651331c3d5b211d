"""The catalogue's pages for everyone."""

from __future__ import annotations

from flask import Blueprint, request, url_for
from sqlalchemy.orm import Session

from gateway.catalog import service_reading, views, words
from gateway.catalog.models import DatasetVersion, Tier
from gateway.catalog.schemas import DatasetQuery, ItemQuery, VersionQuery
from gateway.catalog.service_versions import version_entry
from gateway.identity.http import actor, rt
from gateway.journal import Act
from gateway.scanning.models import FindingRow, Scan
from gateway.web.forms import parse_query
from gateway.web.pages import render
from gateway.web.paging import Page, Window, scope_of
from policies.vocabulary import Modality, Sensitivity

PAGE = 25
FINDINGS = 50
SAMPLE_ITEMS = 8
NO_FINDINGS: Page[FindingRow] = Page((), None, None)

# Each menu entry has a blueprint of its own, which marks it as current.
front = Blueprint("front", __name__)
project_pages = Blueprint("projects", __name__)
blueprint = Blueprint("catalog", __name__, template_folder="templates")


@front.get("/")
def home() -> str:
    """What this is, what is open, how to apply."""
    with rt().db.read() as session:
        opening = service_reading.opening(session)
        cards = service_reading.list_datasets(session, DatasetQuery(), Window(6, "home"))[:6]
    return render("catalog/home.html", opening=opening, cards=cards)


@project_pages.get("/projects")
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
        domain_options=[(each, words.domain_word(each)) for each in domains],
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
        rt().folding.read(version_entry(actor(), Act.MANIFEST_READ, dataset, found))
    readable = found.index_sha256 and views.may_read_names(dataset)
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
