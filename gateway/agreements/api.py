"""The JSON API of usage agreements; reading needs no sign-in."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify

from gateway.agreements import service, service_signing, views
from gateway.agreements.schemas import AgreementList, AgreementText, SignatureOut, SignForm
from gateway.identity.http import require_person, rt
from gateway.web.forms import parse
from gateway.web.openapi import documented

TAG = "Agreements"
blueprint = Blueprint("agreements_api", __name__, url_prefix="/api/v1/agreements")


@blueprint.get("")
@documented(tag=TAG, answer=AgreementList, public=True)
def agreements() -> Response:
    """List the agreements in force."""
    own = views.own_signatures()
    with rt().db.read() as session:
        found = service.current(session)
    shown = [views.agreement_out(row, views.covering(row, own)) for row in found]
    return jsonify(AgreementList(agreements=shown).model_dump(mode="json"))


@blueprint.get("/<code>")
@documented(tag=TAG, answer=AgreementText, public=True)
def agreement(code: str) -> Response:
    """Show the version in force of one agreement, with both texts."""
    row = views.shown_version(views.versions(code), None)
    shown = views.agreement_text(row, views.covering(row, views.own_signatures()))
    return jsonify(shown.model_dump(mode="json"))


@blueprint.post("/signatures")
@documented(tag=TAG, json=SignForm, answer=SignatureOut, status=201)
def sign() -> tuple[Response, int]:
    """Sign the agreement version with this hash."""
    person = require_person()
    signed = service_signing.sign(rt(), person, views.signing(parse(SignForm)))
    return jsonify(views.signature_out(signed).model_dump(mode="json")), 201
