"""The provider's endpoints for programs (RFC 6749, 7009, 7662, 8628, 9126)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from authlib.oauth2 import OAuth2Error
from flask import Blueprint, current_app, request
from werkzeug.wrappers import Response

from gateway.identity.http import actor, require_viewer, rt
from gateway.identity.oauth import bearer, dpop, metadata, waiting
from gateway.identity.oauth import service_devices as devices
from gateway.identity.oauth import service_grants as grants
from gateway.identity.oauth import service_tokens as tokens
from gateway.identity.oauth.asked import Asked
from gateway.identity.oauth.clients import Client
from gateway.identity.oauth.id_tokens import json_response, signing_keys, user_claims
from gateway.identity.oauth.server import Server
from gateway.identity.oauth.vocabulary import REQUEST_URI_PREFIX
from gateway.identity.passports.grant import ExchangeGrant
from gateway.identity.passports.http import sources

api = Blueprint("oauth_api", __name__)
# Room for a passport that is handed in for another token.
MOST_BODY = 262_144
PROVIDER_AGE = "public, max-age=300"
# A pushed request holds its parameters itself.
REFERENCES = frozenset({"request", "request_uri"})

Endpoint = Callable[[Server, Asked], Response]


def asked() -> Asked:
    """The request as the provider reads it: parameters from the body alone."""
    url = rt().settings.public_url.rstrip("/") + request.path
    found = Asked(request.method, url, dict(request.headers), request.form)
    found.proofs = request.headers.getlist("DPoP")
    return found


def answered(endpoint: Endpoint) -> Response:
    """Run an endpoint; a refusal becomes the JSON error of RFC 6749 5.2."""
    request.max_content_length = min(request.max_content_length or MOST_BODY, MOST_BODY)
    server, wanted = Server(rt(), actor()), asked()
    try:
        response = endpoint(server, wanted)
    except OAuth2Error as error:
        server.refused(f"{request.endpoint}:{error.error}")
        response = server.handle_error_response(wanted, error)
    # A request with a proof gets its nonce where every answer passes; this one lacked the proof.
    if not wanted.proofs and wanted.client is not None and wanted.client.dpop_required:
        response.headers["DPoP-Nonce"] = dpop.nonce(rt())
    return response


@api.post("/oauth2/token")
def token() -> Response:
    """Exchange a grant for tokens."""
    return answered(_token)


def _token(server: Server, wanted: Asked) -> Response:
    server.sources = sources()
    server.register_grant(ExchangeGrant)
    response: Response = server.create_token_response(wanted)
    return response


@api.post("/oauth2/par")
def push() -> Response:
    """Keep an authorization request, so that nobody can change it on its way (RFC 9126)."""
    request.max_content_length = waiting.MOST_BODY
    return answered(_push)


def _paced(server: Server, wanted: Asked) -> Client:
    """The client of a request that will wait here; one without a secret comes at a pace."""
    client = server.endpoint_client(wanted)
    pace, here = current_app.extensions[waiting.EXTENSION], actor().place.address
    waiting.check_pace(pace, client, here, rt().clock.now())
    return client


def _push(server: Server, wanted: Asked) -> Response:
    client = _paced(server, wanted)
    parameters = waiting.kept(wanted.form)
    if parameters is None or not REFERENCES.isdisjoint(wanted.form):
        return json_response({"error": "invalid_request"}, 400)
    parameters["client_id"] = client.id
    if wanted.proofs:
        parameters["dpop_jkt"] = server.bind(wanted, client) or ""
    checked = Asked("GET", wanted.uri, {}, metadata.multi(parameters))
    server.get_consent_grant(checked)
    uri, seconds = grants.push(rt(), client, parameters)
    return json_response({"request_uri": uri, "expires_in": seconds}, 201)


@api.post("/oauth2/device_authorization")
def device() -> Response:
    """Codes for a device without a browser."""
    request.max_content_length = waiting.MOST_BODY
    return answered(_device)


def _device(server: Server, wanted: Asked) -> Response:
    client = _paced(server, wanted)
    if not client.check_grant_type(metadata.DEVICE_GRANT):
        return json_response({"error": "unauthorized_client"}, 400)
    scope = client.get_allowed_scope(wanted.form.get("scope"))
    if scope is None:
        return json_response({"error": "invalid_scope"}, 400)
    jkt = server.bind(wanted, client) if wanted.proofs else None
    made = devices.start_device(rt(), client, scope, jkt)
    address = f"{server.issuer}/oauth2/device"
    body = {
        "device_code": made.device_code,
        "user_code": made.user_code,
        "verification_uri": address,
        "verification_uri_complete": f"{address}?user_code={made.user_code}",
        "expires_in": made.expires_in,
        "interval": made.interval,
    }
    return json_response(body)


@api.post("/oauth2/revoke")
def revoke() -> Response:
    """Take back a token of one's own; unknown ones too are answered 200 (RFC 7009 2.2)."""
    return answered(_revoke)


def _revoke(server: Server, wanted: Asked) -> Response:
    client = server.endpoint_client(wanted)
    given = wanted.form.get("token")
    if not given:
        return json_response({"error": "invalid_request"}, 400)
    tokens.revoke(rt(), actor(), client, given)
    return json_response({})


@api.post("/oauth2/introspect")
def introspect() -> Response:
    """Whether a token of one's own still holds (RFC 7662); of others nothing is told."""
    return answered(_introspect)


def _introspect(server: Server, wanted: Asked) -> Response:
    client = server.endpoint_client(wanted)
    found = bearer.find(rt(), wanted.form.get("token", ""))
    if found is None or found.client_id != client.id:
        return json_response({"active": False})
    body: dict[str, Any] = {
        "active": True,
        "scope": found.scope,
        "client_id": found.client_id,
        "sub": str(found.person_id),
        "iss": server.issuer,
        "exp": int(found.expires_at.timestamp()),
        "token_type": "DPoP" if found.jkt else "Bearer",
    }
    if found.jkt:
        body["cnf"] = {"jkt": found.jkt}
    return json_response(body)


@api.route("/oauth2/userinfo", methods=["GET", "POST"])
def userinfo() -> Response:
    """What the token's scopes tell about the person (OpenID Connect Core 5.3)."""
    seen = require_viewer()
    scope = seen.application.scope if seen.application else frozenset({"openid"})
    return json_response(user_claims(rt(), seen.person_id, scope))


@api.get("/oauth2/jwks")
def jwks() -> Response:
    """The keys that verify what the gateway signed (RFC 7517)."""
    keys = signing_keys(rt()).published().as_dict(private=False)
    return json_response(keys, headers={"Cache-Control": PROVIDER_AGE})


@api.get("/.well-known/openid-configuration")
@api.get("/.well-known/oauth-authorization-server")
def provider_metadata() -> Response:
    """What the provider can do (RFC 8414, OpenID Connect Discovery)."""
    return json_response(
        metadata.provider(rt().settings.public_url), headers={"Cache-Control": PROVIDER_AGE}
    )


@api.get("/.well-known/oauth-protected-resource")
def resource_metadata() -> Response:
    """Which provider the API trusts, and how tokens are sent (RFC 9728)."""
    return json_response(
        metadata.resource(rt().settings.public_url), headers={"Cache-Control": PROVIDER_AGE}
    )


def is_pushed(uri: str) -> bool:
    """Whether a `request_uri` is one of ours; any other would be fetched from somewhere."""
    return uri.startswith(REQUEST_URI_PREFIX)
