"""Anomalies: what the rules found, with the entries behind it, and a decision with a reason."""

from __future__ import annotations

import uuid

from flask import flash, redirect, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from gateway.errors import Problem, ProblemCode
from gateway.oversight import rule_words, service_anomalies, service_search, views
from gateway.oversight.models import Anomaly, LogWatch
from gateway.oversight.pages import blueprint
from gateway.oversight.reading import reading
from gateway.oversight.report_rows import Accounts
from gateway.oversight.schemas_review import AnomalyDecision, AnomalyQuery
from gateway.oversight.service_search import Desk
from gateway.web import forms
from gateway.web.forms import Form
from gateway.web.i18n import gettext as _
from gateway.web.i18n import language
from gateway.web.pages import render
from gateway.web.paging import scope_of


@blueprint.get("/anomalies")
def anomalies() -> str:
    """What the rules found, newest first."""
    desk, query = views.auditor(), forms.parse_query(AnomalyQuery)
    given = query.model_dump(exclude={"cursor", "limit"}, exclude_none=True, mode="json")
    cursors = views.cursors()
    window = cursors.window(request.args, scope_of("anomalies", given))
    with reading(desk.runtime) as opened:
        rows = service_anomalies.page(opened.session, window, query.state, query.rule or "")
        counts = service_anomalies.counts(opened.session)
        watch = opened.session.get(LogWatch, 1)
        accounts = _accounts(desk, rows)
    service_search.record_view(desk, "anomalies")
    page = cursors.page(rows, window, service_anomalies.position)
    return render(
        "oversight/anomalies.html", page=page, given=given, counts=counts, watch=watch,
        accounts=accounts, rules=rule_words.options(),
        here=views.link(url_for("audit.anomalies"), given),
    )  # fmt: skip


@blueprint.get("/anomalies/<uuid:anomaly_id>")
def anomaly(anomaly_id: uuid.UUID) -> str:
    """One anomaly with the entries behind it."""
    return _shown(views.auditor(), anomaly_id, Form())


@blueprint.post("/anomalies/<uuid:anomaly_id>")
def decide_anomaly(anomaly_id: uuid.UUID) -> BaseResponse | tuple[str, int]:
    """Confirm or dismiss an anomaly."""
    desk, parsed = views.auditor(), forms.try_parse(AnomalyDecision)
    if parsed.value is None:
        return _shown(desk, anomaly_id, parsed.form), 422
    decision = parsed.value
    try:
        service_anomalies.decide(
            desk.runtime, desk.actor, anomaly_id, decision.state, decision.note
        )
    except Problem as problem:
        if problem.code is not ProblemCode.VALIDATION_FAILED:
            raise
        return _shown(desk, anomaly_id, refused(parsed.form, problem)), 422
    flash(_("Your judgement is recorded."), "ok")
    return redirect(url_for("audit.anomalies", state="open"), 303)


def refused(form: Form, problem: Problem) -> Form:
    """The form with what a service found wrong about one field."""
    return Form(form.raw, {problem.extra["field"]: problem.to_json(language())["detail"]})


def _shown(desk: Desk, anomaly_id: uuid.UUID, form: Form) -> str:
    with reading(desk.runtime) as opened:
        row = service_anomalies.get(opened.session, anomaly_id)
        account = _accounts(desk, [row])[row.id]
    events = service_search.some(desk, row.evidence["events"], f"anomaly:{row.id}")
    return render(
        "oversight/anomaly.html", row=row, account=account, events=events, form=form,
        contexts=views.contexts(desk, events), at=views.moments(row),
    )  # fmt: skip


def _accounts(desk: Desk, rows: list[Anomaly]) -> dict[uuid.UUID, str]:
    with reading(desk.runtime) as opened:
        names = Accounts(desk.runtime, opened, desk.directory)
        return {row.id: names(row.person) for row in rows}
