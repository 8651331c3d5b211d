"""The JSON API of approvals, for stewards."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Blueprint, Response

from gateway.applications import service_approvals, views
from gateway.applications.schemas_approvals import (
    ApprovalForm,
    ApprovalList,
    ApprovalOut,
    ApprovalQuery,
    EndForm,
)
from gateway.applications.views_approvals import approval_out, approvals_page, one_out, steward
from gateway.identity.http import rt
from gateway.web.forms import parse, parse_query
from gateway.web.openapi import documented

TAG = "Applications"

api = Blueprint("approvals_api", __name__, url_prefix="/api/v1")


@api.get("/approvals")
@documented(tag=TAG, query=ApprovalQuery, answer=ApprovalList)
def listing() -> dict[str, Any]:
    """List the approvals that have not been ended, newest first."""
    me = steward()
    parse_query(ApprovalQuery)
    page, numbers = approvals_page(me)
    shown = [approval_out(row, person, numbers) for row, person in page.items]
    return views.dump(ApprovalList(approvals=shown, next=page.next, previous=page.previous))


@api.post("/approvals")
@documented(tag=TAG, json=ApprovalForm, answer=ApprovalOut, status=201)
def register() -> Response:
    """Register an approval of a person, or of one application's research project."""
    steward()
    wanted = parse(ApprovalForm).wanted(rt().settings.zone)
    return views.once(
        lambda session, me: one_out(session, service_approvals.register(session, rt(), me, wanted)),
        status=201,
    )


@api.post("/approvals/<uuid:approval_id>/end")
@documented(tag=TAG, json=EndForm, answer=ApprovalOut)
def end(approval_id: uuid.UUID) -> Response:
    """End an approval; it bites on the next request."""
    steward()
    form = parse(EndForm)
    return views.once(
        lambda session, me: one_out(
            session, service_approvals.end(session, rt(), me, approval_id, form.reason)
        )
    )
