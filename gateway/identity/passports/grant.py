"""Token exchange at the token endpoint (RFC 8693; GA4GH AAI 1.2, "Passport Issuers")."""

from __future__ import annotations

from typing import Any

from gateway.identity.oauth.clients import Client
from gateway.identity.oauth.models import AuthMethod
from gateway.identity.oauth.server import LONGEST, TokenGrant
from gateway.identity.oauth.service_tokens import Refused
from gateway.identity.oauth.vocabulary import Grant
from gateway.identity.passports import service_exchange as service
from gateway.identity.passports.service_exchange import Exchange, Passport
from gateway.identity.passports.vocabulary import PASSPORT_TOKEN


class ExchangeGrant(TokenGrant):
    """An access token with the scope for it becomes a passport; the client must prove itself."""

    GRANT_TYPE = str(Grant.EXCHANGE)
    # AAI 1.2 requires client authentication, so an app without a secret or key gets no passport.
    TOKEN_ENDPOINT_AUTH_METHODS = [str(AuthMethod.SECRET_BASIC), str(AuthMethod.PRIVATE_KEY_JWT)]

    def exchange(self, client: Client) -> Passport | Refused:
        form = self.request.form
        if any(name in form for name in ("actor_token", "actor_token_type", "audience", "scope")):
            return Refused("invalid_request", "only_passports_of_ones_own")
        given = Exchange(
            self.needs("subject_token"),
            self.needs("subject_token_type"),
            self.needs("requested_token_type"),
            str(form.get("resource", ""))[: LONGEST + 1],
            self.request.jkt,
        )
        server = self.server
        return service.exchange(server.runtime, server.actor, client, given, server.sources)

    def body(self, issued: Any) -> dict[str, Any]:
        """RFC 8693 2.2.1 with the values of AAI 1.2."""
        return {
            "access_token": issued.token,
            "issued_token_type": PASSPORT_TOKEN,
            "token_type": "Bearer",
            "expires_in": issued.expires_in,
        }
