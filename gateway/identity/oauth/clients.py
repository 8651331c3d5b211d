"""A registered program as the protocol sees it: read anew for every request."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from authlib.oauth2.rfc6749 import ClientMixin
from sqlalchemy import ColumnElement, exists, or_, select
from sqlalchemy.orm import aliased

from gateway.identity.models import (
    Membership,
    MembershipKind,
    Organisation,
    OrganisationStatus,
    Person,
    PersonStatus,
)
from gateway.identity.oauth.models import AuthMethod, ClientKind, OAuthClient
from gateway.identity.oauth.vocabulary import Grant, joined, scopes
from gateway.runtime import Runtime

LOOPBACK = frozenset({"127.0.0.1", "::1"})
_PEOPLE = frozenset({Grant.CODE, Grant.REFRESH, Grant.EXCHANGE})
GRANTS = {
    ClientKind.WEB: _PEOPLE,
    ClientKind.NATIVE: _PEOPLE | {Grant.DEVICE},
    ClientKind.MACHINE: frozenset({Grant.CLIENT_CREDENTIALS}),
}


@dataclass(frozen=True, slots=True)
class Client(ClientMixin):  # type: ignore[misc]
    """A live client. The methods without docstrings are Authlib's `ClientMixin`."""

    id: str
    name: str
    kind: ClientKind
    auth_method: AuthMethod
    secret_sha256: str | None
    jwks: dict[str, Any]
    redirect_uris: tuple[str, ...]
    scope: str
    id_token_alg: str
    dpop_required: bool
    networks: tuple[str, ...]
    organisation_id: uuid.UUID | None
    responsible_id: uuid.UUID | None
    expires_at: datetime

    def get_client_id(self) -> str:
        return self.id

    def get_default_redirect_uri(self) -> None:
        # Always named: a default would send a code where the request did not ask for it.
        return None

    def get_allowed_scope(self, scope: str | None) -> str | None:
        asked, allowed = scopes(scope or ""), scopes(self.scope)
        return joined(asked) if asked and asked <= allowed else None

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        here = _loopback(redirect_uri)
        local = here is not None and here in map(_loopback, self.redirect_uris)
        return local or redirect_uri in self.redirect_uris

    def check_client_secret(self, client_secret: str) -> bool:
        given = hashlib.sha256(client_secret.encode("utf-8", "surrogatepass")).hexdigest()
        return self.secret_sha256 is not None and hmac.compare_digest(given, self.secret_sha256)

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method == self.auth_method

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code" and self.check_grant_type(Grant.CODE)

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in GRANTS[self.kind]

    def may_come_from(self, address: str | None) -> bool:
        """Whether the client may be used from this address; any, when it names no networks."""
        return in_networks(self.networks, address)


def in_networks(networks: tuple[str, ...], address: str | None) -> bool:
    """Whether `address` lies in one of the networks; always, when there are none."""
    if not networks:
        return True
    try:
        here = ipaddress.ip_address(address or "")
    except ValueError:
        return False
    return any(here in ipaddress.ip_network(each) for each in networks)


def stands() -> ColumnElement[bool]:
    """The condition that a program's organisation is verified; the gateway's own have none."""
    verified = exists().where(
        Organisation.id == OAuthClient.organisation_id,
        Organisation.status == OrganisationStatus.VERIFIED,
    )
    return or_(OAuthClient.organisation_id.is_(None), verified)


def manager_stands() -> ColumnElement[bool]:
    """The condition that whoever registered a program is an active, confirmed manager still."""
    # Aliases: the statement around may have people of its own, who are not the manager.
    place, maker = aliased(Membership), aliased(Person)
    return exists().where(
        place.person_id == OAuthClient.created_by,
        place.organisation_id == OAuthClient.organisation_id,
        place.kind == MembershipKind.MANAGER,
        place.confirmed_by.is_not(None),
        place.ended_at.is_(None),
        maker.id == place.person_id,
        maker.status == PersonStatus.ACTIVE,
    )


def find_client(runtime: Runtime, client_id: str) -> Client | None:
    """The live client of this id, or None; a program stops with its organisation."""
    if "\x00" in client_id:  # which PostgreSQL refuses to look for
        return None
    found = select(OAuthClient).where(
        OAuthClient.id == client_id,
        OAuthClient.ended_at.is_(None),
        OAuthClient.expires_at > runtime.clock.now(),
        stands(),
    )
    with runtime.db.read() as session:
        row = session.scalar(found)
        return _client(row) if row is not None else None


def _client(row: OAuthClient) -> Client:
    return Client(
        row.id,
        row.name,
        ClientKind(row.kind),
        AuthMethod(row.auth_method),
        row.secret_sha256,
        row.jwks,
        tuple(row.redirect_uris),
        row.scope,
        row.id_token_alg,
        row.dpop_required,
        tuple(row.networks),
        row.organisation_id,
        row.responsible_id,
        row.expires_at,
    )


def _loopback(uri: str) -> str | None:
    """An address of this machine without its port, which an app cannot know beforehand
    (RFC 8252 7.3); None for every other address."""
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError:
        return None
    if parts.scheme != "http" or parts.hostname not in LOOPBACK or "@" in parts.netloc:
        return None
    return f"{parts.hostname}{parts.path}?{parts.query}#{parts.fragment}"
