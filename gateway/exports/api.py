"""The JSON API of exports."""

from __future__ import annotations

import uuid

from flask import Blueprint, Response, request
from pydantic import BaseModel

from gateway.access.views import caller
from gateway.delivery.api import gate
from gateway.exports import service_reading, upload, views
from gateway.exports.schemas import (
    DecisionBody,
    ExportDetail,
    ExportList,
    ExportUrl,
    PackageBody,
    ResultQuery,
    UrlBody,
)
from gateway.exports.service import PackageWanted, ResultWanted, request_package, submit_result
from gateway.exports.service_decision import decide
from gateway.exports.service_fetch import issue_address
from gateway.identity.http import require_person, rt
from gateway.web.forms import parse, parse_query
from gateway.web.openapi import documented

TAG = "Exports"
LIMIT = 25
blueprint = Blueprint("exports_api", __name__, url_prefix="/api/v1/exports")


@blueprint.get("")
@documented(tag=TAG, answer=ExportList)
def index() -> Response:
    """List one's own exports, newest first."""
    me = require_person()
    window = views.cursors().window(request.args, "exports", LIMIT)
    with rt().db.read() as session:
        rows = service_reading.own(session, me, window)
    page = views.cursors().page(rows, window, lambda row: (row.export.id,))
    shown = [views.export_out(each) for each in page.items]
    return _json(ExportList(exports=shown, next=page.next, previous=page.previous))


@blueprint.post("")
@documented(tag=TAG, json=PackageBody, answer=ExportDetail, status=201)
def package() -> Response:
    """Ask for a package; repeating it with the same Idempotency-Key asks once."""
    me, body = require_person(), parse(PackageBody)
    wanted = PackageWanted(body.grant_id, body.patterns, body.version, body.title)
    same = views.attempt(request.get_data())
    return _created(request_package(rt(), me, wanted, same))


@blueprint.post("/results")
@documented(tag=TAG, query=ResultQuery, answer=ExportDetail, status=201)
def submit() -> Response:
    """Hand in a result: a ZIP file of at most 2 GiB as the body."""
    me, query = require_person(), parse_query(ResultQuery)
    wanted = ResultWanted(query.grant_id, query.title)
    made = submit_result(rt(), me, wanted, upload.from_body(), views.attempt())
    return _created(made)


@blueprint.get("/<uuid:export_id>")
@documented(tag=TAG, answer=ExportDetail)
def show(export_id: uuid.UUID) -> Response:
    """Show an export to its owner, or to a steward of its dataset."""
    require_person()
    return _json(views.export_detail(views.visible(export_id)))


@blueprint.post("/<uuid:export_id>/decision")
@documented(tag=TAG, json=DecisionBody, status=204)
def decision(export_id: uuid.UUID) -> Response:
    """Release or reject a held export, as a steward of its dataset."""
    me, body = require_person(), parse(DecisionBody)
    decide(rt(), me, export_id, views.verdicts(body))
    return Response(status=204)


@blueprint.post("/<uuid:export_id>/url")
@documented(tag=TAG, json=UrlBody, answer=ExportUrl, status=201)
def url(export_id: uuid.UUID) -> Response:
    """Issue a signed address for one's own released export."""
    me, body = require_person(), parse(UrlBody)
    found = issue_address(gate(), me, export_id, body.ttl_seconds, caller())
    shown = {name: getattr(found, name) for name in ExportUrl.model_fields}
    return _json(ExportUrl(**shown), 201)


def _created(export_id: uuid.UUID) -> Response:
    return _json(views.export_detail(views.visible(export_id)), 201)


def _json(answer: BaseModel, status: int = 200) -> Response:
    return Response(answer.model_dump_json(), status, content_type="application/json")
