"""The periodic review of the access log, and reports."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Response, flash, redirect, url_for
from markupsafe import Markup
from werkzeug.wrappers import Response as BaseResponse

from gateway.errors import Problem, ProblemCode
from gateway.identity.http import rt, viewer
from gateway.identity.models import Role
from gateway.oversight import (
    service_anomalies,
    service_exceptions,
    service_reports,
    service_reviews,
    views,
)
from gateway.oversight import views_review as shown
from gateway.oversight.pages import blueprint
from gateway.oversight.pages_anomalies import refused
from gateway.oversight.schemas_review import (
    ExceptionMarked,
    ExceptionQuery,
    ReasonsConfirmed,
    Signature,
    SpanQuery,
)
from gateway.web import forms
from gateway.web.forms import Form
from gateway.web.i18n import gettext as _
from gateway.web.i18n import ngettext
from gateway.web.pages import render


@blueprint.get("/reports")
def reports() -> str:
    """Reviews, reports, and what the log does not cover."""
    return shown.reports_page(views.auditor(), Form())


@blueprint.get("/reports/rights")
def rights() -> str:
    """Roles, memberships and grants that were given, changed or taken in a period."""
    desk, parsed = views.auditor(), forms.try_query(SpanQuery)
    given = shown.usual_days() | parsed.raw
    if parsed.value is None:
        return render("oversight/rights.html", given=given, errors=parsed.errors, rows=None)
    try:
        rows, count = shown.rights(desk, given["since"], given["until"])
    except Problem as problem:
        if problem.code not in {ProblemCode.VALIDATION_FAILED, ProblemCode.WRONG_STATE}:
            raise
        errors = refused(Form(), problem).errors
        return render("oversight/rights.html", given=given, errors=errors, rows=None)
    return render(
        "oversight/rights.html", given=given, errors={}, rows=rows, count=count,
        gaps=views.gaps_since(desk, given["since"]),
    )  # fmt: skip


@blueprint.get("/reports/rights/<name>")
def rights_file(name: str) -> Response:
    """The same report as one of its files."""
    desk, query = views.auditor(), forms.parse_query(SpanQuery)
    shown.expect_file(name)
    made = service_reports.rights_report(desk, query.since or "", query.until or "")
    return shown.file(made, name, f"sumun-rights-{query.since}-{query.until}")


@blueprint.get("/reviews/<uuid:review_id>")
def review(review_id: uuid.UUID) -> str:
    """One review: downloads, anomalies, rights, signature."""
    return shown.sheet(views.auditor(), review_id, Form())


@blueprint.post("/reviews/<uuid:review_id>/confirm")
def confirm_reasons(review_id: uuid.UUID) -> BaseResponse:
    """Confirm the reasons of many downloads at once."""
    desk, body = views.auditor(), forms.parse(ReasonsConfirmed)
    count = service_reviews.confirm(
        desk.runtime, desk.actor, review_id, None if body.all else body.keys
    )
    flash(
        ngettext(
            "The reason of %(num)d group of downloads is confirmed.",
            "The reasons of %(num)d groups of downloads are confirmed.",
            count,
        ),
        "ok",
    )
    return redirect(url_for("audit.review", review_id=review_id), 303)


@blueprint.get("/reviews/<uuid:review_id>/exception")
def exception_form(review_id: uuid.UUID) -> str:
    """Ask for the reason of an exception."""
    desk, query = views.auditor(), forms.parse_query(ExceptionQuery)
    return shown.exception(desk, review_id, query.key, Form())


@blueprint.post("/reviews/<uuid:review_id>/exception")
def mark_exception(review_id: uuid.UUID) -> BaseResponse | tuple[str, int]:
    """Mark downloads as an exception, with a reason."""
    desk, body = views.auditor(), forms.parse(ExceptionMarked)
    form = Form(body.model_dump(), {})
    try:
        service_exceptions.mark_exception(desk.runtime, desk.actor, review_id, body.key, body.note)
    except Problem as problem:
        if problem.code is not ProblemCode.VALIDATION_FAILED:
            raise
        return shown.exception(desk, review_id, body.key, refused(form, problem)), 422
    flash(_("The exception is recorded."), "ok")
    return redirect(url_for("audit.review", review_id=review_id), 303)


@blueprint.post("/reviews/<uuid:review_id>/withdraw")
def withdraw_exception(review_id: uuid.UUID) -> BaseResponse:
    """Take back an exception that one has marked oneself."""
    desk, body = views.auditor(), forms.parse(ExceptionQuery)
    service_exceptions.withdraw(desk.runtime, desk.actor, review_id, body.key)
    flash(_("The exception is withdrawn. The downloads wait to be looked at again."), "ok")
    return redirect(url_for("audit.review", review_id=review_id), 303)


@blueprint.post("/reviews/<uuid:review_id>/sign")
def sign_review(review_id: uuid.UUID) -> BaseResponse | tuple[str, int]:
    """Sign a review."""
    desk, body = views.auditor(), forms.parse(Signature)
    form = Form(body.model_dump(mode="json"), {})
    try:
        service_reports.sign(desk, review_id, body.statement, body.revision)
    except Problem as problem:
        if problem.code not in {ProblemCode.VALIDATION_FAILED, ProblemCode.CONFLICT}:
            raise
        return shown.sheet(desk, review_id, refused(form, problem)), problem.status
    flash(_("The review is signed. Its report can be made again at any time."), "ok")
    return redirect(url_for("audit.review", review_id=review_id), 303)


@blueprint.get("/reviews/<uuid:review_id>/files/<name>")
def review_file(review_id: uuid.UUID, name: str) -> Response:
    """One file of a signed review's report."""
    desk = views.auditor()
    shown.expect_file(name)
    made = service_reports.export(desk, review_id, printed=name == service_reports.PDF)
    start = made.report.start.astimezone(rt().settings.zone)
    return shown.file(made, name, f"sumun-review-{start:%Y-%m}")


def home_panel(**_context: Any) -> Markup:
    """What waits for the auditor, on the first page."""
    seen = viewer()
    if seen is None or Role.AUDITOR not in seen.roles:
        return Markup("")
    now = rt().clock.now()
    with rt().db.read() as session:
        late = service_reviews.overdue(session, now)
        waiting = service_reviews.waiting(session)
        found = service_anomalies.counts(session).get("open", 0)
    text = render("oversight/home_panel.html", late=late, waiting=waiting, anomalies=found)
    return Markup(text)  # noqa: S704 the template escapes
