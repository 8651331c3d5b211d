"""The programs of an organisation, for its managers' own clients."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated, Any

from flask import Blueprint
from pydantic import BaseModel, ConfigDict, Field

from gateway.identity.http import actor, require_person, rt
from gateway.identity.oauth import service_clients as clients
from gateway.identity.oauth.keys import Algorithm
from gateway.identity.oauth.models import AuthMethod, ClientKind, OAuthClient
from gateway.identity.oauth.service_clients import NewClient
from gateway.identity.oauth.vocabulary import Scope
from gateway.identity.service_organisations import require_manager
from gateway.web.forms import parse
from gateway.web.openapi import documented

TAG = "programs"
api = Blueprint("programs_api", __name__, url_prefix="/api/v1")
Address = Annotated[str, Field(max_length=2000)]


class ProgramWanted(BaseModel):
    """A program to register. `jwks` is a JSON Web Key Set as text, for clients with keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(max_length=200)
    kind: ClientKind
    auth_method: AuthMethod
    scopes: list[Scope] = Field(default=[], max_length=len(Scope))
    redirect_uris: list[Address] = Field(default=[], max_length=10)
    jwks: str = Field(default="", max_length=8000)
    networks: list[Address] = Field(default=[], max_length=20)
    responsible_id: uuid.UUID | None = None
    id_token_alg: Algorithm = Algorithm.RS256
    dpop_required: bool = False

    def client(self) -> NewClient:
        """The same for the service."""
        given = {name: getattr(self, name) for name in type(self).model_fields}
        lists = {name: tuple(given[name]) for name in ("redirect_uris", "networks")}
        return NewClient(**{**given, **lists, "scopes": frozenset(self.scopes)})


class ProgramOut(BaseModel):
    """A registered program; `runs_out` within 30 days. A machine waits for `accepted_at`."""

    model_config = ConfigDict(frozen=True)

    id: str
    name: str
    kind: str
    auth_method: str
    scopes: list[str]
    redirect_uris: list[str]
    networks: list[str]
    responsible_id: uuid.UUID | None
    id_token_alg: str
    dpop_required: bool
    created_at: datetime
    expires_at: datetime
    accepted_at: datetime | None
    runs_out: bool


class ProgramList(BaseModel):
    """The programs of an organisation that have not ended, oldest first."""

    model_config = ConfigDict(frozen=True)

    items: list[ProgramOut]


class ProgramMade(BaseModel):
    """What the program calls itself; `secret` is shown this one time, null where it has none."""

    model_config = ConfigDict(frozen=True)

    client_id: str
    secret: str | None


@api.get("/organisations/<uuid:organisation_id>/programs")
@documented(tag=TAG, answer=ProgramList)
def listed(organisation_id: uuid.UUID) -> dict[str, Any]:
    """The programs of an organisation, for its managers."""
    me = require_person()
    with rt().db.read() as session:
        require_manager(session, me, organisation_id)
        rows = clients.clients_of(session, organisation_id)
    return ProgramList(items=[_out(row) for row in rows]).model_dump(mode="json")


@api.post("/organisations/<uuid:organisation_id>/programs")
@documented(tag=TAG, json=ProgramWanted, answer=ProgramMade, status=201)
def register(organisation_id: uuid.UUID) -> tuple[dict[str, Any], int, dict[str, str]]:
    """Register a program of an organisation."""
    require_person()
    wanted = parse(ProgramWanted).client()
    made = clients.register(rt(), actor(), organisation_id, wanted)
    body = ProgramMade(client_id=made.client_id, secret=made.secret)
    # The secret is in plain sight here and nowhere else.
    return body.model_dump(mode="json"), 201, {"Cache-Control": "no-store"}


@api.delete("/programs/<client_id>")
@documented(tag=TAG, status=204)
def end(client_id: str) -> tuple[str, int]:
    """End a program; its tokens stop with their next use."""
    require_person()
    clients.end(rt(), actor(), client_id)
    return "", 204


def _out(row: OAuthClient) -> ProgramOut:
    names = ProgramOut.model_fields.keys() - {"scopes", "runs_out"}
    given = {name: getattr(row, name) for name in names}
    return ProgramOut(**given, scopes=row.scope.split(), runs_out=clients.runs_out(rt(), row))
