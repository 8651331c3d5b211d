"""An id_token is believed or not: OpenID Connect Core 1.0 §3.1.3.7 with everything pinned.

Stock relying parties were measured to accept another audience with a right `azp`, `none` when the
metadata lists it, and answers without an id_token. Nothing here is decided by the token or by the
provider's metadata alone: issuer, algorithms, audience and nonce are the gateway's own.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import Key

from gateway.identity.federation import strict
from gateway.identity.federation.refusals import Refusal, Refused

SKEW = timedelta(seconds=60)
LONGEST_TOKEN = 16 * 1024
LONGEST_SUBJECT = 255
# Headers by which a token would choose its own key or change what has to be understood.
OWN_KEY = frozenset({"jwk", "jku", "x5u", "x5c", "crit", "b64"})
# The hash of `at_hash` is that of the signature's algorithm; Ed25519 signs SHA-512.
HASHES: Mapping[str, Callable[[bytes], Any]] = {
    "RS256": hashlib.sha256,
    "ES256": hashlib.sha256,
    "PS256": hashlib.sha256,
    "EdDSA": hashlib.sha512,
}
KeyOf = Callable[[str | None, str], Key]


class _Pinned(jws.JWSRegistry):
    """The four algorithms and no other. `EdDSA` is the older name of Ed25519 (RFC 9864), which
    providers still write; it stands for that curve alone."""

    algorithms: dict[str, Any] = {
        **{name: jws.JWSRegistry.algorithms[name] for name in ("RS256", "ES256", "PS256")},
        "EdDSA": jws.JWSRegistry.algorithms["Ed25519"],
    }


@dataclass(frozen=True, slots=True)
class Expected:
    """What a token must say. `nonce` was sent along; `access_token` came beside the token."""

    issuer: str
    client_id: str
    nonce: str
    algorithms: tuple[str, ...]
    access_token: str
    now: datetime


def verify(token: str, expected: Expected, key_of: KeyOf) -> dict[str, Any]:
    """The claims of a token that holds.

    `key_of(kid, algorithm)` finds the provider's key. Raises Refused with the first reason.
    """
    if len(token) > LONGEST_TOKEN or not token.isascii() or token.count(".") != 2:
        raise Refused(Refusal.MALFORMED, "not a compact signature")
    algorithm, kid = _header(token, expected.algorithms)
    claims = _signed(token, key_of(kid, algorithm), algorithm)
    _parties(claims, expected)
    _times(claims, expected.now)
    if not _same(claims.get("nonce"), expected.nonce):
        raise Refused(Refusal.NONCE)
    _access_token(claims, expected.access_token, algorithm)
    subject(claims)
    return claims


def subject(claims: Mapping[str, Any]) -> str:
    """`sub`: 1 to 255 printable characters. Raises Refused."""
    found = strict.text(claims.get("sub"), LONGEST_SUBJECT)
    if not found.strip():
        raise Refused(Refusal.SUBJECT)
    return found


def _header(token: str, allowed: tuple[str, ...]) -> tuple[str, str | None]:
    try:
        header = strict.parse_object(_decoded(token.partition(".")[0]))
    except ValueError as error:
        raise Refused(Refusal.MALFORMED, "header") from error
    algorithm, kid = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or algorithm not in allowed or algorithm not in HASHES:
        raise Refused(Refusal.ALGORITHM)
    if OWN_KEY & header.keys() or not (kid is None or isinstance(kid, str)):
        raise Refused(Refusal.KEY, "the token brings its own")
    if str(header.get("typ", "JWT")).upper() != "JWT":
        raise Refused(Refusal.MALFORMED, "typ")
    return algorithm, kid


def _decoded(part: str) -> bytes:
    return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)


def _signed(token: str, key: Key, algorithm: str) -> dict[str, Any]:
    try:
        registry = _Pinned(algorithms=[algorithm])
        found = jws.deserialize_compact(token.encode(), key, registry=registry)
    except (JoseError, ValueError, TypeError) as error:
        raise Refused(Refusal.SIGNATURE) from error
    try:
        return strict.parse_object(found.payload)
    except ValueError as error:
        raise Refused(Refusal.MALFORMED, "claims") from error


def _parties(claims: Mapping[str, Any], expected: Expected) -> None:
    if not _same(claims.get("iss"), expected.issuer):
        raise Refused(Refusal.ISSUER)
    audience, party = claims.get("aud"), claims.get("azp")
    listed = [audience] if isinstance(audience, str) else audience
    if not isinstance(listed, list) or expected.client_id not in listed:
        raise Refused(Refusal.AUDIENCE)
    if (len(listed) > 1 or "azp" in claims) and not _same(party, expected.client_id):
        raise Refused(Refusal.AUTHORIZED_PARTY)


def _times(claims: Mapping[str, Any], now: datetime) -> None:
    at, skew = now.timestamp(), SKEW.total_seconds()
    expires, issued = _number(claims, "exp"), _number(claims, "iat")
    if expires is None or issued is None:
        raise Refused(Refusal.TIMES, "exp and iat are required")
    if expires <= at - skew:
        raise Refused(Refusal.EXPIRED)
    begins = _number(claims, "nbf") if "nbf" in claims else issued
    if begins is None or issued > at + skew or begins > at + skew:
        raise Refused(Refusal.TIMES)


def _number(claims: Mapping[str, Any], name: str) -> float | None:
    value = claims.get(name)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _access_token(claims: Mapping[str, Any], access_token: str, algorithm: str) -> None:
    if "at_hash" not in claims:
        return
    digest = HASHES[algorithm](access_token.encode()).digest()
    half = base64.urlsafe_b64encode(digest[: len(digest) // 2]).decode().rstrip("=")
    if not _same(claims["at_hash"], half):
        raise Refused(Refusal.ACCESS_TOKEN_HASH)


def _same(given: Any, expected: str) -> bool:
    return isinstance(given, str) and hmac.compare_digest(given.encode(), expected.encode())
