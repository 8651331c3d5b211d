"""The JSON API of organisations' signatures, for their members."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Blueprint, Response, jsonify

from gateway.agreements import service_confirm, service_official, service_overview
from gateway.agreements import service_requests as asking
from gateway.agreements.schemas import (
    AskForm,
    OrganisationSignatureOut,
    OrganisationSignatures,
    RequestOut,
)
from gateway.agreements.service_overview import Signed, Waiting
from gateway.agreements.service_requests import Asked
from gateway.identity.http import require_person, rt
from gateway.identity.refusals import manager_missing
from gateway.web.forms import parse
from gateway.web.openapi import documented

TAG = "Agreements"
blueprint = Blueprint("organisation_signatures_api", __name__, url_prefix="/api/v1/organisations")


@blueprint.get("/<uuid:organisation_id>/signatures")
@documented(tag=TAG, answer=OrganisationSignatures)
def signatures(organisation_id: uuid.UUID) -> Response:
    """What an organisation has signed, and what waits for its signing official."""
    me, now = require_person(), rt().clock.now()
    with rt().db.read() as session:
        service_overview.organisation(session, organisation_id)
        member = asking.member_of(session, me, organisation_id)
        if member is None and not service_official.may_end(rt(), session, me, organisation_id):
            raise manager_missing(me, "구성원, 데이터 관리 담당자", "member, or a data steward,")
        signed = service_overview.signatures(session, organisation_id, now)
        waiting = service_overview.requests(session, organisation_id, now)
    found = OrganisationSignatures(
        signatures=[_signature(row) for row in signed], requests=[_request(row) for row in waiting]
    )
    return jsonify(found.model_dump(mode="json"))


@blueprint.post("/<uuid:organisation_id>/signature-requests")
@documented(tag=TAG, json=AskForm, answer=RequestOut, status=201)
def ask(organisation_id: uuid.UUID) -> tuple[Response, int]:
    """Have the organisation's signing official asked to sign, by a mailed link."""
    me, form = require_person(), parse(AskForm)
    made = asking.ask(rt(), me, organisation_id, Asked(**form.model_dump()))
    with rt().db.read() as session:
        waiting = service_overview.requests(session, organisation_id, rt().clock.now())
    (found,) = [row for row in waiting if row.request.id == made.id]
    return jsonify(_request(found).model_dump(mode="json")), 201


@blueprint.post("/signatures/<uuid:signature_id>/confirm")
@documented(tag=TAG, answer=OrganisationSignatureOut)
def confirm(signature_id: uuid.UUID) -> Response:
    """Confirm a signature that waits, by a manager or steward who did not ask for it."""
    made = service_confirm.confirm(rt(), require_person(), signature_id)
    with rt().db.read() as session:
        signed = service_overview.signatures(session, made.organisation_id, rt().clock.now())
    (found,) = [row for row in signed if row.signature.id == made.id]
    return jsonify(_signature(found).model_dump(mode="json"))


def _request(row: Waiting) -> RequestOut:
    request = row.request
    return RequestOut(
        id=request.id,
        code=row.version.code,
        number=row.version.number,
        official_name=request.official_name,
        mail=str(row.mailing),
        created_at=request.created_at,
        expires_at=request.expires_at,
    )


def _signature(row: Signed) -> OrganisationSignatureOut:
    fields: dict[str, Any] = {
        name: getattr(row.signature, name)
        for name in OrganisationSignatureOut.model_fields
        if hasattr(row.signature, name)
    }
    return OrganisationSignatureOut(**fields, number=row.version.number, standing=str(row.standing))
