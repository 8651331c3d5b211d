"""What the provider publishes about itself (RFC 8414, 9728; OpenID Connect Discovery 1.0)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from werkzeug.datastructures import MultiDict

from gateway.identity.oauth.dpop import ALGORITHMS as PROOF_ALGORITHMS
from gateway.identity.oauth.keys import Algorithm
from gateway.identity.oauth.models import AuthMethod
from gateway.identity.oauth.vocabulary import CLIENT_ALGORITHMS, DEVICE_GRANT, Grant, Scope

__all__ = ["DEVICE_GRANT", "multi", "provider", "resource"]


def provider(public_url: str) -> dict[str, Any]:
    """The metadata of the authorization server; both well-known addresses answer the same."""
    issuer = public_url.rstrip("/")
    methods = [str(method) for method in AuthMethod]
    endpoints = {
        "authorization_endpoint": "authorize",
        "token_endpoint": "token",
        "userinfo_endpoint": "userinfo",
        "jwks_uri": "jwks",
        "introspection_endpoint": "introspect",
        "revocation_endpoint": "revoke",
        "device_authorization_endpoint": "device_authorization",
        "pushed_authorization_request_endpoint": "par",
    }
    return {
        "issuer": issuer,
        **{name: f"{issuer}/oauth2/{path}" for name, path in endpoints.items()},
        "scopes_supported": [str(scope) for scope in Scope],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": [str(grant) for grant in Grant],
        "subject_types_supported": ["public"],
        "code_challenge_methods_supported": ["S256"],
        "id_token_signing_alg_values_supported": [str(each) for each in Algorithm],
        "token_endpoint_auth_methods_supported": methods,
        "token_endpoint_auth_signing_alg_values_supported": list(CLIENT_ALGORITHMS),
        "introspection_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_methods_supported": methods,
        "dpop_signing_alg_values_supported": list(PROOF_ALGORITHMS),
        "authorization_response_iss_parameter_supported": True,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
        "claims_supported": [
            "sub",
            "name",
            "preferred_username",
            "locale",
            "email",
            "email_verified",
            "organisations",
            "auth_time",
        ],
        "prompt_values_supported": ["none", "login", "consent"],
        "ui_locales_supported": ["ko", "en"],
    }


def resource(public_url: str) -> dict[str, Any]:
    """The metadata of the API as a protected resource."""
    issuer = public_url.rstrip("/")
    return {
        "resource": issuer,
        "authorization_servers": [issuer],
        "scopes_supported": [str(scope) for scope in (Scope.READ, Scope.WRITE, Scope.DOWNLOAD)],
        "bearer_methods_supported": ["header"],
        "dpop_signing_alg_values_supported": list(PROOF_ALGORITHMS),
        "resource_documentation": f"{issuer}/docs",
    }


def multi(parameters: Mapping[str, str]) -> MultiDict[str, str]:
    """Parameters that were read already, as a request carries them."""
    return MultiDict(dict(parameters))
