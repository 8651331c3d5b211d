"""One's own passports, for programs."""

from __future__ import annotations

from typing import Any

from flask import Blueprint

from gateway.identity.http import require_person, require_viewer, rt
from gateway.identity.passports import schemas
from gateway.identity.passports import service_taking as service
from gateway.identity.passports.assertions import gathered
from gateway.identity.passports.http import clearinghouse, sources
from gateway.identity.passports.schemas import PassportBrought, Passports, Taken
from gateway.identity.passports.service_exchange import asked_about
from gateway.web.forms import parse
from gateway.web.openapi import documented

api = Blueprint("passports_api", __name__, url_prefix="/api/v1/passports")


@api.get("")
@documented(tag="identity", answer=Passports)
def own() -> dict[str, Any]:
    """The visas that would be issued about one now, and those of others that counted here."""
    seen = require_viewer()
    with rt().db.read() as session:
        issued = gathered(session, sources(), asked_about(rt(), seen.person_id))
        brought = service.brought_by(session, seen.person_id)
        return schemas.passports(issued, brought).model_dump(mode="json")


@api.post("")
@documented(tag="identity", json=PassportBrought, answer=Taken)
def bring() -> dict[str, Any]:
    """Bring GA4GH passports or visas of trusted issuers; what counts becomes evidence."""
    me = require_person()
    form = parse(PassportBrought)
    found = service.take(rt(), clearinghouse(), me, form.tokens)
    return schemas.taken(found).model_dump(mode="json")
