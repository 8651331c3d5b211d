"""One's own outside identities, for programs."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Blueprint

from gateway.identity.federation import service_links as links
from gateway.identity.federation.schemas import Identities, Identity
from gateway.identity.http import actor, rt
from gateway.identity.in_person import in_person
from gateway.web.openapi import documented

api = Blueprint("identities_api", __name__, url_prefix="/api/v1/identities")


@api.get("")
@documented(tag="identity", answer=Identities)
def listed() -> dict[str, Any]:
    """The outside identities that sign one in; not for programs."""
    seen = in_person()
    with rt().db.read() as session:
        rows = links.identities_of(session, seen.person_id)
    names = ("id", "provider", "issuer", "subject", "label", "linked_at")
    items = [Identity(**{name: getattr(row, name) for name in names}) for row in rows]
    return Identities(items=items).model_dump(mode="json")


@api.delete("/<uuid:identity_id>")
@documented(tag="identity", status=204)
def end(identity_id: uuid.UUID) -> tuple[str, int]:
    """Take one off, within 15 minutes of signing in; every other session ends."""
    seen = in_person()
    links.unlink(rt(), actor(), identity_id, seen.session_id)
    return "", 204
