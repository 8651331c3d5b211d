"""Strict reading of signed tokens from outside (RFC 7515, 7519, 8725).

Algorithms and `typ` are pinned by the caller, headers that would point elsewhere for a key are
refused, and every claim is checked for its type before anybody compares it.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, RSAKey

from gateway.identity.federation import strict

LONGEST = 8192
# Each of these would let the sender choose the key, or demand what nobody here understands.
POINTERS = frozenset({"jku", "x5u", "x5c", "crit", "b64", "zip"})
SMALLEST_RSA = 2048
PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_LATEST = 253_402_300_800  # the year 10,000


class BadToken(Exception):
    """A token that does not hold; the text is a plain reason for the log and the answer."""


@dataclass(frozen=True, slots=True)
class Claims:
    """Verified claims."""

    values: dict[str, Any]

    def text(self, name: str, longest: int = 255) -> str:
        """A claim that is a text of 1 to `longest` characters. Raises BadToken."""
        value = self.values.get(name)
        if not isinstance(value, str) or not 1 <= len(value) <= longest:
            raise BadToken(f"{name} is missing or malformed")
        return value

    def moment(self, name: str) -> int:
        """A claim that is a time in whole seconds since 1970. Raises BadToken."""
        value = self.values.get(name)
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not 0 <= value < _LATEST
        ):
            raise BadToken(f"{name} is missing or malformed")
        return int(value)


def header_of(token: str) -> dict[str, Any]:
    """The protected header of a compact JWS, not verified yet.

    Raises BadToken when it is malformed, too long, or names what is not accepted.
    """
    parts = token.split(".")
    if len(token) > LONGEST or len(parts) != 3 or not all(parts):
        raise BadToken("not a compact JWS")
    header = part(parts[0])
    if POINTERS & header.keys():
        raise BadToken("the header names what is not accepted")
    return header


def verify(
    token: str,
    key: RSAKey | ECKey | KeySet,
    algorithms: Collection[str],
    types: Collection[str | None],
) -> Claims:
    """The claims of `token`. Raises BadToken for any other algorithm, `typ` or signature."""
    header = header_of(token)
    kind = header.get("typ")
    if not isinstance(kind, str | None) or (kind and kind.lower()) not in types:
        raise BadToken("typ is not the expected one")
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in algorithms:
        raise BadToken("alg is not accepted")
    # Read strictly first: whoever signs a proof chose its key as well, so a signature says little.
    claims = part(token.split(".")[1])
    try:
        jwt.decode(token, key, list(algorithms))
    except (JoseError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise BadToken("the signature does not verify") from error
    return Claims(claims)


def public_key(value: Any) -> RSAKey | ECKey:
    """A public JWK that may sign: P-256, or RSA from 2,048 bits. Raises BadToken."""
    if not isinstance(value, dict) or PRIVATE & value.keys():
        raise BadToken("jwk is not a public key")
    try:
        return _imported(value)
    except (JoseError, ValueError, TypeError, KeyError, AttributeError, binascii.Error) as error:
        raise BadToken("jwk cannot be read") from error


def _imported(value: dict[str, Any]) -> RSAKey | ECKey:
    key: RSAKey | ECKey
    if value.get("kty") == "EC" and value.get("crv") == "P-256":
        key = ECKey.import_key(value)
        # Reading the point shows whether it lies on the curve.
        key.public_key.public_numbers()
        return key
    if value.get("kty") == "RSA" and _bits(value.get("n")) >= SMALLEST_RSA:
        return RSAKey.import_key(value)
    raise BadToken("jwk is neither P-256 nor RSA of 2,048 bits")


def _bits(number: Any) -> int:
    """The length of a base64url number in bits."""
    raw = base64.urlsafe_b64decode(number + "=" * (-len(number) % 4))
    return int.from_bytes(raw, "big").bit_length()


def part(text: str) -> dict[str, Any]:
    """One base64url part of a compact JWS as an object, not verified. Raises BadToken."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        return strict.parse_object(raw)
    except ValueError as error:
        raise BadToken("it cannot be read") from error


def url64(raw: bytes) -> str:
    """base64url without padding (RFC 7515 2)."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
