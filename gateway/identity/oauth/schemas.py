"""What a manager posts to register a program."""

from __future__ import annotations

import uuid

from pydantic import BaseModel, ConfigDict, Field

from gateway.identity.oauth.keys import Algorithm
from gateway.identity.oauth.models import AuthMethod, ClientKind
from gateway.identity.oauth.service_clients import NewClient
from gateway.identity.oauth.vocabulary import Scope


class ClientForm(BaseModel):
    """A program; addresses and networks one a line."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(max_length=200)
    kind: ClientKind
    auth_method: AuthMethod
    scopes: list[Scope] = []
    redirect_uris: str = Field(default="", max_length=6000)
    jwks: str = Field(default="", max_length=8000)
    networks: str = Field(default="", max_length=2000)
    responsible_id: uuid.UUID | None = None
    id_token_alg: Algorithm = Algorithm.RS256
    dpop_required: bool = False

    def client(self) -> NewClient:
        """The same for the service."""
        return NewClient(
            self.name,
            self.kind,
            self.auth_method,
            frozenset(self.scopes),
            _lines(self.redirect_uris),
            self.jwks,
            _lines(self.networks),
            self.responsible_id,
            self.id_token_alg,
            self.dpop_required,
        )


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.splitlines() if line.strip())
