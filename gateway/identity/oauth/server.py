"""Authlib's authorization server, pinned to what OAuth 2.1 and RFC 9700 ask for.

What differs from stock: code with PKCE S256 for every client and nothing else; parameters of the
token endpoint only from the body and each only once; `iss` on every answer that goes through the
browser (RFC 9207); one-use artefacts used and tokens made in one transaction.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, cast
from urllib.parse import urlencode

from authlib.oauth2 import AuthorizationServer as Base
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import (
    BaseGrant,
    InvalidRequestError,
    TokenEndpointMixin,
    UnauthorizedClientError,
)
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant
from werkzeug.wrappers import Response

from gateway.identity.oauth import client_auth, dpop, id_tokens
from gateway.identity.oauth import service_devices as devices
from gateway.identity.oauth import service_grants as grants
from gateway.identity.oauth import service_machines as machines
from gateway.identity.oauth import service_tokens as tokens
from gateway.identity.oauth.asked import Asked
from gateway.identity.oauth.clients import Client, find_client
from gateway.identity.oauth.jose import BadToken
from gateway.identity.oauth.models import AuthMethod
from gateway.identity.oauth.service_tokens import Issued, Refused
from gateway.identity.oauth.vocabulary import Grant, Scope
from gateway.identity.oauth.what_next import WHAT_NEXT
from gateway.identity.passports.assertions import Source
from gateway.journal import Act, Actor, Entry, Outcome
from gateway.runtime import Runtime

METHODS = [str(AuthMethod.SECRET_BASIC), str(AuthMethod.PRIVATE_KEY_JWT), str(AuthMethod.NONE)]
CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")
THUMBPRINT = CHALLENGE
LONGEST = 1024
JSON = [
    ("Content-Type", "application/json"),
    ("Cache-Control", "no-store"),
    ("Pragma", "no-cache"),
]


class UseNonceError(OAuth2Error):  # type: ignore[misc]
    """RFC 9449 8: the proof needs a nonce of ours."""

    error = "use_dpop_nonce"


class InvalidProofError(OAuth2Error):  # type: ignore[misc]
    """RFC 9449 5: the proof does not hold."""

    error = "invalid_dpop_proof"


class Server(Base):  # type: ignore[misc]
    """The provider of one gateway, for one request: `actor` is whoever sends it."""

    def __init__(self, runtime: Runtime, actor: Actor) -> None:
        super().__init__(scopes_supported=[str(scope) for scope in Scope])
        self.runtime, self.actor = runtime, actor
        self.issuer = runtime.settings.public_url.rstrip("/")
        self.sources: Sequence[Source] = ()
        for grant in (CodeGrant, RefreshGrant, MachineGrant, DeviceGrant):
            self.register_grant(grant)
        audiences = frozenset({self.issuer, f"{self.issuer}/oauth2/token"})
        self.register_client_auth_method(AuthMethod.NONE, client_auth.public)
        self.register_client_auth_method(
            AuthMethod.PRIVATE_KEY_JWT, client_auth.private_key_jwt(runtime, audiences)
        )

    def query_client(self, client_id: str) -> Client | None:
        """The live client of this id."""
        return find_client(self.runtime, client_id)

    def create_oauth2_request(self, request: Asked) -> Asked:
        """Requests are made by the routes, from the one place their parameters belong in.

        Raises InvalidRequestError for one that no error could speak of (RFC 6749 5.2).
        """
        if request.unspeakable:
            raise InvalidRequestError("A parameter holds a character that it may not.")
        return request

    def handle_response(self, status: int, payload: Any, headers: Any) -> Response:
        """An answer in JSON, or a redirect that names the issuer (RFC 9207)."""
        found = dict(headers)
        if "Location" in found:
            mark = "&" if "?" in found["Location"] else "?"
            found["Location"] += mark + urlencode({"iss": self.issuer})
            return Response("", 303, found)
        if isinstance(payload, dict):
            return id_tokens.json_response(payload, status, found)
        return Response(payload, status, found)

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Nobody listens: what happened is in the audit log."""

    def authenticate_client(
        self, request: Asked, methods: list[str], endpoint: str = "token"
    ) -> Client:
        """The client that proves itself, from a network it may be used from."""
        if request.malformed:
            raise InvalidRequestError("A parameter is repeated or holds a zero.")
        client_auth.one_method(request)
        client = cast(Client, super().authenticate_client(request, methods, endpoint))
        if not client.may_come_from(self.actor.place.address):
            raise UnauthorizedClientError("The client may not be used from this network.")
        return client

    def endpoint_client(self, request: Asked) -> Client:
        """The client at an endpoint that is no grant (PAR, device, introspection, revocation)."""
        client = self.authenticate_client(request, METHODS)
        request.client = client
        return client

    def bind(self, request: Asked, client: Client) -> str | None:
        """The thumbprint of the key that the request proves. Raises OAuth2Error."""
        if not request.proofs:
            if client.dpop_required:
                raise InvalidProofError("This client must send DPoP proofs.")
            return None
        use = dpop.Use(request.method, request.uri)
        try:
            return dpop.thumbprint(self.runtime, request.proofs, use)
        except dpop.UseNonce as error:
            raise UseNonceError("Use the nonce of this answer.") from error
        except BadToken as error:
            raise InvalidProofError(f"{error}.") from error

    def refused(self, reason: str) -> None:
        """Count a refusal in the log."""
        entry = Entry(self.actor, Act.SESSION_REFUSED, Outcome.DENY, reason=reason)
        self.runtime.folding.record(entry)


class TokenGrant(BaseGrant, TokenEndpointMixin, ABC):  # type: ignore[misc]
    """Authenticates the client and its proof, then leaves the rest to one service verb."""

    TOKEN_ENDPOINT_AUTH_METHODS = METHODS

    def validate_token_request(self) -> None:
        self.request.client = self.authenticate_token_endpoint_client()
        if not self.request.client.check_grant_type(self.GRANT_TYPE):
            raise UnauthorizedClientError("The client may not use this grant.")
        self.request.jkt = self.server.bind(self.request, self.request.client)

    def create_token_response(self) -> tuple[int, dict[str, Any], Any]:
        result = self.exchange(self.request.client)
        if isinstance(result, Refused):
            if result.error not in {"authorization_pending", "slow_down"}:
                self.server.refused(result.reason)
            raise OAuth2Error(error=result.error, description=WHAT_NEXT[result.reason])
        return 200, self.body(result), JSON

    @abstractmethod
    def exchange(self, client: Client) -> Any:
        """Use the grant up and say what it gave: what `body` answers with, or Refused."""

    def needs(self, name: str) -> str:
        """A parameter of the body. Raises InvalidRequestError."""
        value = str(self.request.form.get(name, ""))
        if not value or len(value) > LONGEST:
            raise InvalidRequestError(f"{name} is missing or too long.")
        return value

    def body(self, issued: Any) -> dict[str, Any]:
        """The answer, RFC 6749 5.1."""
        body: dict[str, Any] = {
            "access_token": issued.access_token,
            "token_type": "DPoP" if issued.dpop else "Bearer",
            "expires_in": issued.expires_in,
            "scope": issued.scope,
        }
        if issued.refresh_token:
            body["refresh_token"] = issued.refresh_token
        if Scope.OPENID in issued.scope.split():
            body["id_token"] = id_tokens.make(self.server.runtime, self.request.client, issued)
        return body


class CodeGrant(TokenGrant, AuthorizationCodeGrant):  # type: ignore[misc]
    """Authorization code with PKCE S256 (OAuth 2.1 4.1)."""

    GRANT_TYPE = str(Grant.CODE)

    def validate_authorization_request(self) -> str:
        redirect_uri = str(super().validate_authorization_request())
        if self.request.malformed:
            raise InvalidRequestError(
                "A parameter is repeated or holds a zero.", redirect_uri=redirect_uri
            )
        payload = self.request.payload.data
        if payload.get("code_challenge_method") != "S256" or not CHALLENGE.fullmatch(
            payload.get("code_challenge", "")
        ):
            raise InvalidRequestError("PKCE with S256 is needed.", redirect_uri=redirect_uri)
        jkt = payload.get("dpop_jkt")
        if jkt is not None and not THUMBPRINT.fullmatch(jkt):
            raise InvalidRequestError("dpop_jkt is malformed.", redirect_uri=redirect_uri)
        if any(len(payload.get(name, "")) > LONGEST for name in ("state", "nonce")):
            raise InvalidRequestError("state or nonce is too long.", redirect_uri=redirect_uri)
        return redirect_uri

    def exchange(self, client: Client) -> Issued | Refused:
        verifier = self.needs("code_verifier")
        if not VERIFIER.fullmatch(verifier):
            raise InvalidRequestError("code_verifier is malformed.")
        given = grants.Redemption(
            self.needs("code"), self.needs("redirect_uri"), verifier, self.request.jkt
        )
        return grants.redeem(self.server.runtime, self.server.actor, client, given)


class RefreshGrant(TokenGrant):
    """Refresh tokens that turn with every use (OAuth 2.1 4.3)."""

    GRANT_TYPE = str(Grant.REFRESH)

    def exchange(self, client: Client) -> Issued | Refused:
        token, how = self.needs("refresh_token"), (self.request.form.get("scope"), self.request.jkt)
        return tokens.refreshed(self.server.runtime, self.server.actor, client, token, how)


class MachineGrant(TokenGrant):
    """Client credentials for machines with a key of their own."""

    GRANT_TYPE = str(Grant.CLIENT_CREDENTIALS)

    def exchange(self, client: Client) -> Issued | Refused:
        scope = client.get_allowed_scope(self.request.form.get("scope") or client.scope)
        if scope is None:
            return Refused("invalid_scope", "wider_scope")
        given = (scope, self.request.jkt)
        return machines.machine(self.server.runtime, self.server.actor, client, given)


class DeviceGrant(TokenGrant):
    """The polling side of the device flow (RFC 8628 3.4)."""

    GRANT_TYPE = str(Grant.DEVICE)

    def exchange(self, client: Client) -> Issued | Refused:
        given = (self.needs("device_code"), self.request.jkt)
        return devices.poll_device(self.server.runtime, self.server.actor, client, given)
