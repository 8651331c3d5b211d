"""The client's channel: a session by account and password, and who one is."""

from __future__ import annotations

from typing import Any

from flask import Blueprint

from gateway.identity import service_sessions as sessions
from gateway.identity.http import actor, require_viewer, rt
from gateway.identity.own_data import own_data
from gateway.identity.schemas import ClientSession, ClientSignIn, Me
from gateway.identity.service_credentials import Credentials
from gateway.identity.service_second import sign_in_client
from gateway.web.forms import parse
from gateway.web.openapi import documented

api = Blueprint("identity_api", __name__, url_prefix="/api/v1")


@api.post("/session")
@documented(tag="identity", json=ClientSignIn, answer=ClientSession, status=201, public=True)
def start() -> tuple[dict[str, Any], int]:
    """Open a client session; its token goes into `Authorization: Bearer`.

    Where a second factor is set up, `code` is a one-time password or a recovery code.
    """
    form = parse(ClientSignIn)
    given = Credentials(form.account, form.password, form.device)
    signed_in = sign_in_client(rt(), actor(), given, form.code)
    answer = ClientSession(token=signed_in.token, expires_at=signed_in.expires_at)
    return answer.model_dump(mode="json"), 201


@api.delete("/session")
@documented(tag="identity", status=204)
def end() -> tuple[str, int]:
    """End the session of this request."""
    present = require_viewer()
    sessions.sign_out(rt(), actor(), present.session_id)
    return "", 204


@api.get("/me")
@documented(tag="identity", answer=Me)
def me() -> dict[str, Any]:
    """One's own data, roles and memberships; to a program what its scope names."""
    return own_data(rt(), require_viewer()).model_dump(mode="json", exclude_unset=True)
