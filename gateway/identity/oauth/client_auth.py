"""How clients prove themselves: `private_key_jwt` (RFC 7523, OIDC Core 9), pinned.

A secret and an assertion at once are refused, and an assertion counts once, for this gateway
alone and for minutes, however long its sender would like it to live.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from authlib.oauth2.rfc6749 import InvalidClientError, InvalidRequestError, OAuth2Request
from authlib.oauth2.rfc6749.util import extract_basic_authorization
from joserfc.jwk import KeySet

from gateway.identity.oauth import jose
from gateway.identity.oauth.clients import Client, find_client
from gateway.identity.oauth.jose import BadToken, Claims
from gateway.identity.oauth.models import AuthMethod
from gateway.identity.oauth.seen import first_use
from gateway.identity.oauth.vocabulary import ASSERTION_TYPE, CLIENT_ALGORITHMS, SKEW
from gateway.runtime import Runtime

TYPES = frozenset({None, "jwt", "client-authentication+jwt"})
LONGEST_LIFE = timedelta(minutes=5)


def one_method(request: OAuth2Request) -> None:
    """Raises InvalidRequestError when a request proves its client in two ways (RFC 6749 2.3)."""
    ways = (
        "Authorization" in request.headers
        and request.headers["Authorization"].lower().startswith("basic"),
        bool(request.form.get("client_secret")),
        bool(request.form.get("client_assertion") or request.form.get("client_assertion_type")),
    )
    if sum(ways) > 1:
        raise InvalidRequestError("More than one way of client authentication.")


def public(query: Callable[[str], Client | None], request: OAuth2Request) -> Client | None:
    """Authlib's method `none`: a client without a secret, by name or as a user of HTTP Basic whose
    password is empty, which is how some devices send it."""
    name, password = extract_basic_authorization(request.headers)
    given = request.form.get("client_id") or name
    if password or request.form.get("client_secret") or not given:
        return None
    if name and name != given:
        raise InvalidClientError("client_id is another one.", status_code=401)
    return query(given)


def private_key_jwt(runtime: Runtime, audiences: frozenset[str]) -> Callable[..., Client | None]:
    """Authlib's authentication method, for assertions whose one audience is of `audiences`."""

    def authenticate(_query: Any, request: OAuth2Request) -> Client | None:
        assertion = request.form.get("client_assertion")
        if not assertion:
            return None
        if request.form.get("client_assertion_type") != ASSERTION_TYPE:
            raise InvalidClientError("client_assertion_type is not accepted.", status_code=401)
        try:
            return _client_of(runtime, assertion, request.form.get("client_id"), audiences)
        except BadToken as error:
            raise InvalidClientError(f"{error}.", status_code=401) from error

    return authenticate


def _client_of(
    runtime: Runtime, assertion: str, claimed: str | None, audiences: frozenset[str]
) -> Client:
    client_id = _claimed_by(assertion)
    if claimed is not None and claimed != client_id:
        raise BadToken("client_id is another one")
    client = find_client(runtime, client_id)
    if client is None or client.auth_method != AuthMethod.PRIVATE_KEY_JWT:
        raise BadToken("the client is not known here")
    claims = jose.verify(assertion, _keys(client), CLIENT_ALGORITHMS, TYPES)
    if claims.text("sub") != client_id or claims.text("iss") != client_id:
        raise BadToken("iss and sub must be the client_id")
    _for_us(claims, audiences)
    until = _fresh(runtime, claims)
    if not first_use(runtime, ("assertion", client_id, claims.text("jti")), until):
        raise BadToken("the assertion was used before")
    return client


def _claimed_by(assertion: str) -> str:
    """The `sub` of an assertion that is not verified yet: it only says whose keys to try."""
    jose.header_of(assertion)
    return Claims(jose.part(assertion.split(".")[1])).text("sub", 64)


def _keys(client: Client) -> KeySet:
    try:
        return KeySet([jose.public_key(each) for each in client.jwks["keys"]])
    except (KeyError, TypeError) as error:
        raise BadToken("the client has no keys") from error


def _for_us(claims: Claims, audiences: frozenset[str]) -> None:
    given = claims.values.get("aud")
    one = given[0] if isinstance(given, list) and len(given) == 1 else given
    if not isinstance(one, str) or one not in audiences:
        raise BadToken("aud must be this gateway alone")


def _fresh(runtime: Runtime, claims: Claims) -> datetime:
    now = runtime.clock.now()
    ends = datetime.fromtimestamp(claims.moment("exp"), UTC)
    if ends <= now - SKEW:
        raise BadToken("the assertion has expired")
    if ends > now + LONGEST_LIFE + SKEW:
        raise BadToken("the assertion lives too long")
    for name in ("iat", "nbf"):
        if name in claims.values and datetime.fromtimestamp(claims.moment(name), UTC) > now + SKEW:
            raise BadToken(f"{name} lies ahead")
    return ends + 2 * SKEW
