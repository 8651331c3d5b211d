"""The auditor's pages, and everybody's own access history."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Blueprint, Response, flash, redirect, url_for
from markupsafe import Markup
from werkzeug.wrappers import Response as BaseResponse

from gateway.errors import Problem, ProblemCode
from gateway.identity.http import rt
from gateway.journal import Act
from gateway.oversight import pictures, service_proof, service_search, views
from gateway.oversight.api import own_or_missing, proof_file
from gateway.oversight.context import release
from gateway.oversight.entries import Seen
from gateway.oversight.figures import Values
from gateway.oversight.reading import verifier_key
from gateway.oversight.schemas import EntryQuery, OwnQuery
from gateway.oversight.service_search import Desk
from gateway.oversight.views_review import review_of
from gateway.oversight.witnesses import witnesses
from gateway.web import csv, forms
from gateway.web.i18n import gettext as _
from gateway.web.i18n import language, ngettext
from gateway.web.pages import render
from gateway.web.paging import Page, Window, scope_of

blueprint = Blueprint("audit", __name__, url_prefix="/audit", template_folder="templates")
own_blueprint = Blueprint("accesses", __name__, url_prefix="/account/accesses")
# Whole groups first: a code that ends in a dot stands for every action below it.
_GROUPS = sorted({f"{act.partition('.')[0]}." for act in Act})
ACTIONS = [(code, f"{code}*") for code in _GROUPS] + [(str(act), str(act)) for act in Act]
PANEL_ROWS = 5


@blueprint.get("")
def index() -> str:
    """Search the log."""
    desk, parsed = views.auditor(), forms.try_query(EntryQuery)
    if parsed.value is None:
        return _search_page(parsed.raw, parsed.errors)
    try:
        return _results(desk, parsed.value, parsed.raw)
    except Problem as problem:
        if problem.code is not ProblemCode.VALIDATION_FAILED:
            raise
        return _search_page(
            parsed.raw, {problem.extra["field"]: problem.to_json(language())["detail"]}
        )


def _results(desk: Desk, query: EntryQuery, raw: dict[str, Any]) -> str:
    question = query.question
    days: list[tuple[date, Values]] = []

    def rows(window: Window) -> list[Seen]:
        found = service_search.search(desk, question, window)
        days.extend(found.days)
        return found.rows

    page = views.page("audit", question.given(), rows)
    return _search_page(
        raw, {}, page=page, chart=pictures.by_day(days), question=question,
        contexts=views.contexts(desk, page.items), gaps=views.gaps_since(desk, question.since),
    )  # fmt: skip


def _search_page(raw: dict[str, Any], errors: dict[str, str], **found: Any) -> str:
    question = found.pop("question", None)
    given = {name: value for name, value in raw.items() if name not in {"cursor", "limit"}}
    return render(
        "oversight/audit.html",
        given=given,
        errors=errors,
        action_options=ACTIONS,
        here=views.address(url_for("audit.index"), question) if question else None,
        csv=views.address(url_for("audit.export"), question) if question else None,
        **found,
    )


@blueprint.get("/entries.csv")
def export() -> Response:
    """The same search as CSV."""
    desk, query = views.auditor(), forms.parse_query(EntryQuery)
    found = service_search.export(desk, query.question)
    return csv.answer("sumun-audit.csv", views.CSV_HEAD, views.csv_rows(found, desk.runtime))


@blueprint.get("/<int:index>")
def entry(index: int) -> str:
    """One entry in words and in full, with its proof."""
    desk = views.auditor()
    seen, row = service_search.entry(desk, index)
    proof = service_proof.prove(desk.runtime, index)
    document = views.pretty(row.leaf)
    return render(
        "oversight/entry.html",
        seen=seen,
        context=views.contexts(desk, [seen]).get(seen.index),
        release=release(seen),
        proof=proof,
        document=document,
        opened=views.opened_rows(seen),
        vkey=verifier_key(rt()),
        offline=views.offline_command(index, verifier_key(rt())),
        newest=proof.checkpoint.size - 1,
        review=review_of(desk, seen),
    )


@blueprint.get("/<int:index>/proof")
def proof(index: int) -> Response:
    """The proof file of an entry."""
    desk = views.auditor()
    made = service_proof.prove(desk.runtime, index)
    service_search.record_reading(desk, index)
    return proof_file(made)


@blueprint.get("/<int:index>/leaf")
def leaf(index: int) -> Response:
    """The exact stored bytes of an entry."""
    _seen, row = service_search.entry(views.auditor(), index)
    response = Response(row.leaf, content_type="application/octet-stream")
    response.headers["Content-Disposition"] = f'attachment; filename="sumun-{index}.leaf"'
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.get("/checkpoints")
def checkpoints() -> str:
    """How the log stands, and every signed checkpoint."""
    desk = views.auditor()
    signer, parsed = views.cursors(), forms.parse_query(OwnQuery)
    window = signer.window(parsed.model_dump(exclude_none=True), scope_of("checkpoints", {}))
    rows = service_proof.checkpoints(desk.runtime, window)
    page: Page[Any] = signer.page(rows, window, lambda row: (row.seq,))
    return render(
        "oversight/checkpoints.html",
        standing=service_proof.standing(desk),
        outside=witnesses(desk.runtime),
        page=page,
        when_signed=views.signed_at,
        public_url=desk.runtime.settings.public_url.rstrip("/"),
        vkey=verifier_key(rt()),
    )


@blueprint.post("/checkpoints/verify")
def verify() -> BaseResponse:
    """Re-read the whole log now."""
    report = service_proof.verify_all(views.auditor())
    if report.clean:
        flash(_("Every entry was read again: the log is as it was written."), "ok")
    else:
        found = len(report.findings) + report.more
        text = ngettext(
            "Verification found %(num)d fault:", "Verification found %(num)d faults:", found
        )
        flash(f"{text} {views.first_findings(report)}", "stop")
    return redirect(url_for("audit.checkpoints"), 303)


@own_blueprint.get("")
def own() -> str:
    """One's own accesses, each with its proof."""
    desk, query = views.person(), forms.parse_query(OwnQuery)
    given = {"action": query.action} if query.action else {}
    page = views.page("own", given, lambda part: service_search.own(desk, part, query.action))
    vkey, newest = verifier_key(rt()), page.items[0].index if page.items else 0
    return render(
        "oversight/accesses.html", page=page, given=given, action_options=ACTIONS, vkey=vkey,
        here=views.link(url_for("accesses.own"), given),
        offline=views.offline_command(newest, vkey), gaps=views.gaps_since(desk),
    )  # fmt: skip


@own_blueprint.get("/<int:index>/proof")
def own_proof(index: int) -> Response:
    """The proof file of one of one's own accesses."""
    return proof_file(own_or_missing(views.person(), index))


def account_panel(**_context: Any) -> Markup:
    """The newest own accesses, for `/account`."""
    desk = views.person()
    rows = service_search.own(desk, Window(PANEL_ROWS, "panel"))[:PANEL_ROWS]
    return Markup(render("oversight/account_panel.html", rows=rows))  # noqa: S704 the template escapes
