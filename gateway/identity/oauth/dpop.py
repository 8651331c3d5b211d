"""Proof of possession (RFC 9449): a token is worth nothing without the key it was bound to.

Proofs carry a nonce of ours, so one made ahead of time or kept back is refused; a `jti` counts
once. Nonces are keyed hashes of a window of time: nothing is stored, and every process agrees.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from gateway.clock import to_ms
from gateway.identity.oauth import jose
from gateway.identity.oauth.jose import BadToken, Claims
from gateway.identity.oauth.seen import first_use
from gateway.keys import Purpose
from gateway.runtime import Runtime

TYPE = "dpop+jwt"
ALGORITHMS = ("ES256", "RS256")
LABEL = b"sumun-dpop-nonce-v1|"
WINDOW = timedelta(minutes=5)
TOLERANCE = timedelta(seconds=60)


class UseNonce(Exception):
    """The proof lacks a nonce of ours that still holds; the answer hands out a new one."""


@dataclass(frozen=True, slots=True)
class Use:
    """What a proof must be for: method, address without query, and the access token if any."""

    method: str
    url: str
    token: str | None = None


def nonce(runtime: Runtime, back: int = 0) -> str:
    """The nonce of the present window, or of one `back` windows ago."""
    window = to_ms(runtime.clock.now()) // int(WINDOW.total_seconds() * 1000) - back
    key = runtime.keys.current(Purpose.LOOKUP).material
    return jose.url64(hmac.digest(key, LABEL + str(window).encode(), "sha256")[:18])


def thumbprint(runtime: Runtime, proofs: list[str], use: Use) -> str:
    """The RFC 7638 thumbprint of the key that made the one proof of a request.

    Raises BadToken for a proof that does not hold, UseNonce when only its nonce is missing or old.
    """
    if len(proofs) != 1:
        raise BadToken("exactly one DPoP header is needed")
    key = jose.public_key(jose.header_of(proofs[0]).get("jwk"))
    claims = jose.verify(proofs[0], key, ALGORITHMS, {TYPE})
    _is_for(claims, use)
    _is_fresh(runtime, claims)
    print_ = key.thumbprint()
    until = runtime.clock.now() + 3 * WINDOW
    if not first_use(runtime, ("dpop", print_, claims.text("jti", 128)), until):
        raise BadToken("the proof was used before")
    return print_


def _is_for(claims: Claims, use: Use) -> None:
    claims.text("jti", 128)
    if claims.text("htm") != use.method:
        raise BadToken("htm is not the method of the request")
    if claims.text("htu", 2048).partition("#")[0].partition("?")[0] != use.url:
        raise BadToken("htu is not the address of the request")
    if use.token is not None:
        expected = jose.url64(hashlib.sha256(use.token.encode("utf-8", "surrogatepass")).digest())
        if not hmac.compare_digest(claims.text("ath").encode(), expected.encode()):
            raise BadToken("ath is not the hash of the token")


def _is_fresh(runtime: Runtime, claims: Claims) -> None:
    made = datetime.fromtimestamp(claims.moment("iat"), UTC)
    if abs(runtime.clock.now() - made) > WINDOW + TOLERANCE:
        raise BadToken("iat is too far from now")
    given = claims.values.get("nonce")
    if given is None:
        raise UseNonce
    known = (nonce(runtime), nonce(runtime, 1))
    if not any(
        hmac.compare_digest(str(given).encode("utf-8", "surrogatepass"), each.encode())
        for each in known
    ):
        raise UseNonce
