"""One's own sessions and programs' tokens, for clients: what is open, and its end."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from flask import Blueprint
from pydantic import BaseModel, ConfigDict

from gateway.identity import service_sessions as sessions
from gateway.identity.http import actor, rt
from gateway.identity.in_person import in_person
from gateway.web.openapi import documented

api = Blueprint("sessions_api", __name__, url_prefix="/api/v1/sessions")


class SessionOut(BaseModel):
    """A live session. `channel` is `browser`, `client` or `oauth`; the tokens of a program end
    with its session. `present` is the session of this request."""

    model_config = ConfigDict(frozen=True)

    id: uuid.UUID
    channel: str
    device: str
    acr: str
    amr: str
    created_at: datetime
    authenticated_at: datetime
    stepped_up_at: datetime | None
    expires_at: datetime
    present: bool


class SessionList(BaseModel):
    """Every live session of the caller, newest first."""

    model_config = ConfigDict(frozen=True)

    items: list[SessionOut]


@api.get("")
@documented(tag="identity", answer=SessionList)
def listed() -> dict[str, Any]:
    """One's own live sessions, newest first; not for programs that act for a person."""
    seen = in_person()
    with rt().db.read() as session:
        rows = sessions.list_sessions(session, seen.person_id, rt().clock.now())
    items = [_out(row, seen.session_id) for row in rows]
    return SessionList(items=items).model_dump(mode="json")


@api.delete("/<uuid:session_id>")
@documented(tag="identity", status=204)
def end(session_id: uuid.UUID) -> tuple[str, int]:
    """End one of one's own sessions, with the tokens of a program that holds it."""
    in_person()
    sessions.sign_out(rt(), actor(), session_id)
    return "", 204


def _out(row: Any, present: uuid.UUID) -> SessionOut:
    names = SessionOut.model_fields.keys() - {"present"}
    return SessionOut(**{name: getattr(row, name) for name in names}, present=row.id == present)
