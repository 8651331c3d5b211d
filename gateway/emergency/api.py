"""The JSON API of break-glass access."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Blueprint

from gateway.emergency import service, service_review, views
from gateway.emergency.schemas import (
    EmergencyList,
    EmergencyMade,
    EmergencyOut,
    EmergencyQuery,
    OpenBody,
    ReviewBody,
    UseBody,
)
from gateway.emergency.shared import TOLD
from gateway.identity.http import require_person, require_role_somewhere, rt
from gateway.identity.models import Role
from gateway.web.forms import parse, parse_query
from gateway.web.openapi import documented

TAG = "Break-glass"
blueprint = Blueprint("emergency_api", __name__, url_prefix="/api/v1/emergencies")


@blueprint.get("")
@documented(tag=TAG, answer=EmergencyList, query=EmergencyQuery)
def emergencies() -> dict[str, Any]:
    """List emergencies, newest first, as an operator or auditor."""
    require_person()
    parse_query(EmergencyQuery)
    page = views.page_of_cases()
    listed = [views.out(case) for case in page.items]
    found = EmergencyList(emergencies=listed, next=page.next, previous=page.previous)
    return found.model_dump(mode="json")


@blueprint.post("")
@documented(tag=TAG, json=OpenBody, answer=EmergencyMade, status=201)
def open_() -> tuple[dict[str, Any], int]:
    """Open an emergency over one dataset; every other operator and auditor is told."""
    me, body = require_person(), parse(OpenBody)
    require_role_somewhere(Role.OPERATOR)
    made = service.open_(rt(), me, body.new())
    ends_at = views.case_of(made).row.ends_at
    return EmergencyMade(id=made, ends_at=ends_at).model_dump(mode="json"), 201


@blueprint.get("/<uuid:emergency_id>")
@documented(tag=TAG, answer=EmergencyOut)
def one(emergency_id: uuid.UUID) -> dict[str, Any]:
    """Show one emergency."""
    require_person()
    return views.out(views.case_of(emergency_id)).model_dump(mode="json")


@blueprint.post("/<uuid:emergency_id>/uses")
@documented(tag=TAG, json=UseBody, status=204)
def use(emergency_id: uuid.UUID) -> tuple[str, int]:
    """Suspend or revoke a grant, or withdraw a version, under one's own live emergency."""
    me, body = require_person(), parse(UseBody)
    require_role_somewhere(Role.OPERATOR)
    service.use(rt(), me, emergency_id, body.use())
    return "", 204


@blueprint.post("/<uuid:emergency_id>/end")
@documented(tag=TAG, status=204)
def end(emergency_id: uuid.UUID) -> tuple[str, int]:
    """End an emergency at once, as an operator or auditor."""
    me = require_person()
    require_role_somewhere(*TOLD)
    service.end(rt(), me, emergency_id)
    return "", 204


@blueprint.post("/<uuid:emergency_id>/review")
@documented(tag=TAG, json=ReviewBody, status=204)
def review(emergency_id: uuid.UUID) -> tuple[str, int]:
    """Judge an emergency that is over, as an auditor."""
    me, body = require_person(), parse(ReviewBody)
    require_role_somewhere(Role.AUDITOR)
    service_review.review(rt(), me, emergency_id, body.verdict, body.note)
    return "", 204
