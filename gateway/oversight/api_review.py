"""Anomalies and reviews as JSON, for auditors."""

from __future__ import annotations

import uuid

from flask import Response, jsonify

from gateway.oversight import service_anomalies, service_reviews, service_search, views
from gateway.oversight.api import TAG, blueprint
from gateway.oversight.reading import reading
from gateway.oversight.report_rows import Accounts
from gateway.oversight.schemas_review import (
    AnomalyDecision,
    AnomalyOut,
    AnomalyPage,
    AnomalyQuery,
    ReviewList,
    anomaly_fields,
    review_fields,
)
from gateway.web import forms
from gateway.web.openapi import documented
from gateway.web.paging import scope_of


@blueprint.get("/audit/anomalies")
@documented(tag=TAG, answer=AnomalyPage, query=AnomalyQuery)
def anomalies() -> Response:
    """What the rules found unusual, newest first."""
    desk, query = views.auditor(), forms.parse_query(AnomalyQuery)
    given = query.model_dump(exclude={"cursor", "limit"}, exclude_none=True, mode="json")
    cursors = views.cursors()
    asked = query.model_dump(include={"cursor", "limit"}, exclude_none=True)
    window = cursors.window(asked, scope_of("anomalies-api", given))
    with reading(desk.runtime) as opened:
        rows = service_anomalies.page(opened.session, window, query.state, query.rule or "")
        page = cursors.page(rows, window, service_anomalies.position)
        names = Accounts(desk.runtime, opened, desk.directory)
        items = [anomaly_fields(row, names(row.person) or None) for row in page.items]
    service_search.record_view(desk, "anomalies")
    found = AnomalyPage(items=items, next=page.next, previous=page.previous)
    return jsonify(found.model_dump(mode="json"))


@blueprint.post("/audit/anomalies/<uuid:anomaly_id>/decision")
@documented(tag=TAG, answer=AnomalyOut, json=AnomalyDecision)
def decide(anomaly_id: uuid.UUID) -> Response:
    """Confirm or dismiss an anomaly, with a reason."""
    desk, body = views.auditor(), forms.parse(AnomalyDecision)
    service_anomalies.decide(desk.runtime, desk.actor, anomaly_id, body.state, body.note)
    with reading(desk.runtime) as opened:
        row = service_anomalies.get(opened.session, anomaly_id)
        names = Accounts(desk.runtime, opened, desk.directory)
        return jsonify(anomaly_fields(row, names(row.person) or None).model_dump(mode="json"))


@blueprint.get("/audit/reviews")
@documented(tag=TAG, answer=ReviewList)
def reviews() -> Response:
    """Every review of the access log, newest first."""
    desk = views.auditor()
    with reading(desk.runtime) as opened:
        found = service_reviews.list_all(opened.session)
        return jsonify({"items": [review_fields(one) for one in found]})
