"""What providers publish: metadata and keys, fetched from where they must be, and kept a while.

Only the configured issuer's well-known address is asked, its metadata must name that very issuer,
and keys come from its `jwks_uri` alone. Redirects are not followed; private addresses are refused
unless the provider allows them; answers are bounded in size and time.
"""

from __future__ import annotations

import ipaddress
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from joserfc.errors import JoseError
from joserfc.jwk import Key, import_key

from gateway.clock import Clock
from gateway.identity.federation import strict
from gateway.identity.federation.refusals import Refusal, Refused
from gateway.provider_settings import IdentityProvider
from gateway.security.outbound import Outbound, Reply, Unreachable

METADATA_LASTS = timedelta(hours=1)
KEYS_LAST = timedelta(minutes=10)
# An unknown key id makes the keys be fetched anew, but a flood of them does so rarely.
KEYS_REST = timedelta(seconds=30)
# A provider that did not answer is left alone for a moment: everybody who waits holds a thread.
FAILURE_RESTS = timedelta(seconds=10)
SECONDS = 5.0
MAX_BYTES = 256 * 1024
MAX_KEYS = 50
LONGEST_URL = 2000
# 2048 bits in base64url; a shorter key is refused before anything is computed with it.
MIN_MODULUS_TEXT = 342
EVERYWHERE = (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))
WELL_KNOWN = "/.well-known/openid-configuration"
KEY_TYPES = {"RS256": "RSA", "PS256": "RSA", "ES256": "EC", "EdDSA": "OKP"}
CURVES = {"ES256": "P-256", "EdDSA": "Ed25519"}


class Publisher(Protocol):
    """Who is asked: an identity provider, or a visa issuer."""

    @property
    def allow_private(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Metadata:
    """The endpoints of one provider; `names_itself` promises `iss` in answers (RFC 9207)."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str
    names_itself: bool


@dataclass(frozen=True, slots=True)
class _Keys:
    rows: tuple[Mapping[str, Any], ...]
    fetched_at: datetime


class Directory:
    """The metadata and keys of every configured provider, for one process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._metadata: dict[str, tuple[Metadata, datetime]] = {}
        self._keys: dict[str, _Keys] = {}
        self._failed: dict[str, tuple[Refusal, datetime]] = {}

    def metadata(self, provider: IdentityProvider) -> Metadata:
        """Its present metadata, at most an hour old. Raises Refused."""
        if not provider.signed:
            return Metadata(provider.authorization_endpoint, provider.token_endpoint, "", "", False)
        now = self._clock.now()
        with self._lock:
            known, failed = self._metadata.get(provider.id), self._failed.get(provider.id)
        if known and abs(now - known[1]) < METADATA_LASTS:
            return known[0]
        if failed and abs(now - failed[1]) < FAILURE_RESTS:
            raise Refused(failed[0], "it failed a moment ago")
        return self._fetched(provider, now)

    def _fetched(self, provider: IdentityProvider, now: datetime) -> Metadata:
        try:
            found = fetch_metadata(provider)
        except Refused as error:
            with self._lock:
                self._failed[provider.id] = (error.reason, now)
            raise
        with self._lock:
            self._metadata[provider.id] = (found, now)
        return found

    def key(self, provider: IdentityProvider, kid: str | None, algorithm: str) -> Key:
        """The provider's key of that id for that algorithm. Raises Refused.

        Without an id there must be exactly one key that fits.
        """
        for keys in self._tries(provider):
            fitting = [row for row in keys.rows if fits(row, kid, algorithm)]
            if len(fitting) == 1:
                return imported(fitting[0])
        raise Refused(Refusal.KEY)

    def _tries(self, provider: IdentityProvider) -> Any:
        now = self._clock.now()
        with self._lock:
            known = self._keys.get(provider.id)
        if known and abs(now - known.fetched_at) < KEYS_LAST:
            yield known
            if abs(now - known.fetched_at) < KEYS_REST:
                return
        rows = fetch_keys(provider, self.metadata(provider).jwks_uri)
        fresh = _Keys(rows, now)
        with self._lock:
            self._keys[provider.id] = fresh
        yield fresh


def caller(provider: Publisher) -> Outbound:
    """Makes the calls to this provider."""
    return Outbound(EVERYWHERE if provider.allow_private else (), SECONDS)


def fetch_metadata(provider: IdentityProvider) -> Metadata:
    """OpenID Connect Discovery 1.0, with the issuer pinned. Raises Refused."""
    found = fetch(provider, provider.issuer.rstrip("/") + WELL_KNOWN, Refusal.METADATA)
    if found.get("issuer") != provider.issuer:
        raise Refused(Refusal.METADATA, "it names another issuer")
    _meets(found, "code_challenge_methods_supported", {"S256"})
    _meets(found, "id_token_signing_alg_values_supported", set(provider.algorithms))
    userinfo = _address(provider, found, "userinfo_endpoint") if provider.userinfo else ""
    return Metadata(
        _address(provider, found, "authorization_endpoint"),
        _address(provider, found, "token_endpoint"),
        _address(provider, found, "jwks_uri"),
        userinfo,
        found.get("authorization_response_iss_parameter_supported") is True,
    )


def fetch_keys(provider: Publisher, url: str) -> tuple[Mapping[str, Any], ...]:
    """The provider's JSON Web Key Set (RFC 7517). Raises Refused."""
    rows = fetch(provider, url, Refusal.KEYS).get("keys")
    if not isinstance(rows, list) or not 0 < len(rows) <= MAX_KEYS:
        raise Refused(Refusal.KEYS, f"{url} holds no set of keys")
    return tuple(row for row in rows if isinstance(row, dict))


def fetch(
    provider: Publisher,
    url: str,
    refusal: Refusal,
    headers: Mapping[str, str] | None = None,
    form: bytes | None = None,
) -> dict[str, Any]:
    """The JSON object that `url` answers with 200. Raises Refused with `refusal`."""
    reply = _reply(provider, url, headers or {}, form)
    if reply.status != 200 or len(reply.body) > MAX_BYTES:
        raise Refused(refusal, f"{url} answered {reply.status}, {len(reply.body)} bytes")
    if reply.content_type != "application/json" and not reply.content_type.endswith("+json"):
        raise Refused(refusal, f"{url} answered no JSON")
    try:
        return strict.parse_object(reply.body)
    except ValueError as error:
        raise Refused(refusal, f"{url} answered no valid JSON object") from error


def _reply(provider: Publisher, url: str, headers: Mapping[str, str], form: bytes | None) -> Reply:
    sent = {"Accept": "application/json", **headers}
    if form is not None:
        sent["Content-Type"] = "application/x-www-form-urlencoded"
    try:
        return caller(provider).send("GET" if form is None else "POST", url, form, sent)
    except Unreachable as error:
        raise Refused(Refusal.UNREACHABLE, str(error)) from error


def _address(provider: IdentityProvider, found: Mapping[str, Any], name: str) -> str:
    try:
        return provider.check(strict.text(found.get(name), LONGEST_URL))
    except ValueError as error:
        raise Refused(Refusal.METADATA, f"{name}: {error}") from error


def _meets(found: Mapping[str, Any], name: str, wanted: set[str]) -> None:
    """What metadata lists must leave something we allow; what it leaves out is no reason."""
    listed = found.get(name, list(wanted))
    if not isinstance(listed, list) or not wanted & {
        each for each in listed if isinstance(each, str)
    }:
        raise Refused(Refusal.METADATA, f"{name} lists nothing that is allowed here")


def fits(row: Mapping[str, Any], kid: str | None, algorithm: str) -> bool:
    """Whether a published key has this id, and may sign with this algorithm."""
    if kid is not None and row.get("kid") != kid:
        return False
    right = row.get("kty") == KEY_TYPES[algorithm] and row.get("alg", algorithm) == algorithm
    return right and row.get("use", "sig") == "sig" and row.get("crv") == CURVES.get(algorithm)


def imported(row: Mapping[str, Any]) -> Key:
    """The public key of a row. Raises Refused for one that is too short or cannot be read."""
    if row["kty"] == "RSA" and len(strict.text(row.get("n"), MAX_BYTES)) < MIN_MODULUS_TEXT:
        raise Refused(Refusal.KEYS, "an RSA key is too short")
    # The public members alone: `key_ops`, chains and comments are the provider's own business.
    public = {name: row[name] for name in ("kty", "n", "e", "crv", "x", "y") if name in row}
    try:
        return import_key(public)
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise Refused(Refusal.KEYS, "a key cannot be read") from error
