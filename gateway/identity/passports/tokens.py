"""A signed token of a trusted issuer: opened, or refused with the first reason (AAI 1.2).

Nothing is decided by the token alone. Its issuer must be one that is configured, its algorithm one
that is allowed for that issuer, its key from an address that is trusted for that issuer: all of
that before anything is fetched or computed.
"""

from __future__ import annotations

import base64
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import Key

from gateway.identity.federation import strict
from gateway.identity.passports.keyring import KeyRing
from gateway.identity.passports.refusals import BadVisa, Reason
from gateway.identity.passports.vocabulary import LONGEST_FIELD, PASSPORT_TYP, SKEW
from gateway.visa_settings import VisaIssuer

# Headers by which a token would choose its own key or change what has to be understood.
OWN_KEY = frozenset({"jwk", "x5u", "x5c", "x5t", "x5t#S256", "crit", "b64", "zip", "cty"})
MEDIA_TYPE = "application/"


# The two algorithms of GA4GH and no other. They are asked directly: the header was read strictly
# here, and having it read once more would double what a visa costs.
ALGORITHMS = {name: jws.JWSRegistry.algorithms[name] for name in ("RS256", "ES256")}


@dataclass(frozen=True, slots=True)
class Trust:
    """Whom the gateway believes. `us` is its own issuer, which an `aud` must name."""

    issuers: Mapping[str, VisaIssuer]
    ring: KeyRing
    us: str


@dataclass(frozen=True, slots=True)
class Opened:
    """Verified claims of a trusted issuer about `subject`, valid until `expires_at` (seconds)."""

    issuer: VisaIssuer
    claims: Mapping[str, Any]
    subject: str
    expires_at: int

    @property
    def who(self) -> tuple[str, str]:
        """The identity it is about: whose subject, and which."""
        return self.issuer.subject_issuer, self.subject


@dataclass(frozen=True, slots=True)
class Form:
    """How a token must look: its `typ` values (None: those of its issuer), and whether it must
    name where its key is."""

    types: Collection[str] | None
    longest: int
    names_key: bool


def is_passport(token: str) -> bool:
    """Whether a token, not verified yet, calls itself a passport."""
    try:
        header = strict.parse_object(_decoded(token.partition(".")[0]))
    except ValueError:
        return False
    return _typ(header) == PASSPORT_TYP.lower()


def opened(token: str, form: Form, trust: Trust, now: datetime) -> Opened:
    """The claims of a token that holds now. Raises BadVisa."""
    if len(token) > form.longest:
        raise BadVisa(Reason.TOO_LARGE)
    header, claims = _parts(token)
    issuer = trust.issuers.get(strict.text(claims.get("iss"), LONGEST_FIELD))
    if issuer is None:
        raise BadVisa(Reason.ISSUER)
    _verify(token, header, (issuer, form), trust.ring)
    expires_at = _times(claims, now.timestamp())
    _audience(claims, trust.us)
    return Opened(issuer, claims, _subject(claims), expires_at)


def seconds(claims: Mapping[str, Any], name: str) -> int:
    """A time in seconds since 1970. Raises BadVisa."""
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 2**40:
        raise BadVisa(Reason.MALFORMED, name)
    return int(value)


def _parts(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    pieces = token.split(".")
    if len(pieces) != 3 or not all(pieces) or not token.isascii():
        raise BadVisa(Reason.MALFORMED, "not a compact signature")
    try:
        header, claims = (strict.parse_object(_decoded(piece)) for piece in pieces[:2])
    except ValueError as error:
        raise BadVisa(Reason.MALFORMED, str(error)) from error
    return header, claims


def _decoded(part: str) -> bytes:
    return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)


def _verify(
    token: str, header: Mapping[str, Any], expected: tuple[VisaIssuer, Form], ring: KeyRing
) -> None:
    issuer, form = expected
    if _typ(header) not in {each.lower() for each in form.types or issuer.typ}:
        raise BadVisa(Reason.TYP)
    algorithm, kid = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or algorithm not in issuer.algorithms:
        raise BadVisa(Reason.ALGORITHM)
    if OWN_KEY & header.keys() or not isinstance(kid, str | None):
        raise BadVisa(Reason.OWN_KEY)
    key = ring.key(issuer, _jku(header, issuer, form), kid, algorithm)
    if not _signs(token, key, algorithm):
        raise BadVisa(Reason.SIGNATURE)


def _signs(token: str, key: Key, algorithm: str) -> bool:
    text, _dot, signature = token.rpartition(".")
    try:
        ALGORITHMS[algorithm].check_key(key)
        held: bool = ALGORITHMS[algorithm].verify(text.encode(), _decoded(signature), key)
    except (JoseError, ValueError, TypeError):
        return False
    return held


def _typ(header: Mapping[str, Any]) -> str:
    """`typ` in the form in which it is compared (RFC 7515 4.1.9)."""
    found = header.get("typ")
    return found.lower().removeprefix(MEDIA_TYPE) if isinstance(found, str) else ""


def _jku(header: Mapping[str, Any], issuer: VisaIssuer, form: Form) -> str:
    found = header.get("jku", None if form.names_key else issuer.jku[0])
    if not isinstance(found, str) or found not in issuer.jku:
        raise BadVisa(Reason.JKU)
    return found


def _times(claims: Mapping[str, Any], now: float) -> int:
    expires, issued = seconds(claims, "exp"), seconds(claims, "iat")
    if expires <= now:
        raise BadVisa(Reason.EXPIRED)
    begins = seconds(claims, "nbf") if "nbf" in claims else issued
    if max(issued, begins) > now + SKEW.total_seconds():
        raise BadVisa(Reason.NOT_YET)
    return expires


def _audience(claims: Mapping[str, Any], us: str) -> None:
    if "aud" not in claims:
        return
    given = claims["aud"]
    if us not in ([given] if isinstance(given, str) else given if isinstance(given, list) else []):
        raise BadVisa(Reason.AUDIENCE)


def _subject(claims: Mapping[str, Any]) -> str:
    found = strict.text(claims.get("sub"), LONGEST_FIELD)
    if not found.strip():
        raise BadVisa(Reason.MALFORMED, "sub")
    return found
