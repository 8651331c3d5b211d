"""The client's channel: a session by account and password, and who one is."""

from __future__ import annotations

from typing import Any

from flask import Blueprint

from gateway.identity import service_people as people
from gateway.identity import service_sessions as sessions
from gateway.identity.http import actor, require_viewer, rt
from gateway.identity.models import SignInSession
from gateway.identity.schemas import ClientSession, ClientSignIn, Me, MembershipHeld, RoleHeld
from gateway.identity.service_attestations import identity_level
from gateway.identity.service_credentials import Credentials
from gateway.identity.service_memberships import memberships_of
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
    """One's own data, roles and memberships."""
    seen = require_viewer()
    with rt().db.read() as session:
        person = people.get_person(session, seen.person_id)
        places = memberships_of(session, seen.person_id)
        level = identity_level(session, seen.person_id, rt().clock.now())
        ends_at = session.get_one(SignInSession, seen.session_id).expires_at
    names = ("id", "account", "name", "email", "country", "korean_national", "locale")
    own = {name: getattr(person, name) for name in names}
    held = [RoleHeld(role=role, scope=scope) for role, scope in sorted(seen.scoped)]
    listed = [_place(row, organisation) for row, organisation in places]
    mine = Me(**own, identity_level=level, session_ends_at=ends_at, roles=held, memberships=listed)
    return mine.model_dump(mode="json")


def _place(row: Any, organisation: Any) -> MembershipHeld:
    return MembershipHeld(
        organisation_id=organisation.id,
        organisation=organisation.name,
        status=organisation.status,
        kind=row.kind,
        confirmed=row.confirmed_by is not None,
    )
