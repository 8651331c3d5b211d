"""The clearinghouse: which visas of a person are believed (GA4GH AAI 1.2 and Passport 1.2).

A visa counts for one person only: its subject must be that of an outside identity which the person
has linked to their account, after proof of both. So visas of several identities may be combined,
and whoever has copied somebody's passport can do nothing with it here.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gateway.identity.federation import strict
from gateway.identity.passports import conditions
from gateway.identity.passports.keyring import KeyRing
from gateway.identity.passports.refusals import BadVisa, Reason
from gateway.identity.passports.tokens import Form, Opened, Trust, is_passport, opened, seconds
from gateway.identity.passports.vocabulary import (
    LONGEST_FIELD,
    LONGEST_PASSPORT,
    LONGEST_VISA,
    MOST_VISAS,
    PASSPORT_CLAIM,
    PASSPORT_TYP,
    SKEW,
    VISA_CLAIM,
)
from gateway.runtime import Runtime
from gateway.visa_settings import VisaIssuer

Identities = Mapping[tuple[str, str], uuid.UUID]
"""A person's linked identities: the id of the link by issuer and subject."""

PASSPORT = Form((PASSPORT_TYP,), LONGEST_PASSPORT, names_key=False)
VISA = Form(None, LONGEST_VISA, names_key=True)


@dataclass(frozen=True, slots=True)
class Visa:
    """What a believed issuer says of the identity `identity_id`; times in seconds since 1970."""

    issuer: VisaIssuer
    identity_id: uuid.UUID
    type: str
    value: str
    source: str
    by: str
    asserted: int
    expires_at: int
    conditions: Any = None
    conditional: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """A visa that is not believed. `type` and `issuer` are as it names them, for the reader."""

    reason: Reason
    type: str = ""
    issuer: str = ""


@dataclass(frozen=True, slots=True)
class Cleared:
    """What became of everything that was brought."""

    believed: tuple[Visa, ...]
    refused: tuple[Refusal, ...]


@dataclass(frozen=True, slots=True)
class Clearinghouse:
    """Checks passports and visas for one process."""

    trust: Trust

    @classmethod
    def of(cls, runtime: Runtime) -> Clearinghouse:
        """The issuers of `sumun.toml`."""
        issuers = {each.issuer: each for each in runtime.settings.visa_issuers}
        us = runtime.settings.public_url.rstrip("/")
        return cls(Trust(issuers, KeyRing(runtime.clock), us))

    @property
    def open(self) -> bool:
        """Whether any issuer is trusted at all."""
        return bool(self.trust.issuers)

    def cleared(self, brought: Sequence[str], identities: Identities, now: datetime) -> Cleared:
        """Check passports and visas that a person with these identities brings. May call issuers.

        Raises BadVisa for a passport that does not hold itself, which refuses everything, and for
        more visas than are looked at.
        """
        tokens = [visa for token in brought for visa in self._unpacked(token, identities, now)]
        if len(tokens) > MOST_VISAS:
            raise BadVisa(Reason.TOO_LARGE)
        read = [self._read(token, identities, now) for token in tokens]
        visas = [each for each in read if isinstance(each, Visa)]
        plain = [each for each in visas if not each.conditional]
        unmet = [v for v in visas if v.conditional and not conditions.met(v.conditions, plain)]
        lacking = [Refusal(Reason.CONDITIONS, each.type, each.issuer.issuer) for each in unmet]
        refused = [each for each in read if isinstance(each, Refusal)]
        return Cleared(tuple(v for v in visas if v not in unmet), (*refused, *lacking))

    def _unpacked(self, token: str, identities: Identities, now: datetime) -> list[str]:
        if not is_passport(token):
            return [token]
        found = opened(token, PASSPORT, self.trust, now)
        _linked(found, identities)
        visas = found.claims.get(PASSPORT_CLAIM)
        if not isinstance(visas, list) or not all(isinstance(each, str) for each in visas):
            raise BadVisa(Reason.MALFORMED, PASSPORT_CLAIM)
        if len(visas) > MOST_VISAS:
            raise BadVisa(Reason.TOO_LARGE)
        return visas

    def _read(self, token: str, identities: Identities, now: datetime) -> Visa | Refusal:
        found: Opened | None = None
        try:
            found = opened(token, VISA, self.trust, now)
            return _visa(found, _linked(found, identities), now)
        except BadVisa as error:
            if found is None:
                return Refusal(error.reason)
            said = found.claims.get(VISA_CLAIM)
            kind = said.get("type") if isinstance(said, dict) else ""
            return Refusal(error.reason, strict.text(kind, LONGEST_FIELD), found.issuer.issuer)


def _linked(found: Opened, identities: Identities) -> uuid.UUID:
    known = identities.get(found.who)
    if known is None:
        raise BadVisa(Reason.SUBJECT)
    return known


def _visa(found: Opened, identity_id: uuid.UUID, now: datetime) -> Visa:
    said, issuer = found.claims.get(VISA_CLAIM), found.issuer
    scope = found.claims.get("scope", "")
    # A visa with the scope openid is an access token to be asked about, which nobody does here.
    if not isinstance(said, dict) or not isinstance(scope, str) or "openid" in scope.split():
        raise BadVisa(Reason.MALFORMED, VISA_CLAIM)
    asserted = seconds(said, "asserted")
    if asserted > now.timestamp() + SKEW.total_seconds():
        raise BadVisa(Reason.NOT_YET, "asserted")
    return Visa(
        issuer,
        identity_id,
        _accepted(said, "type", issuer.types, Reason.TYPE),
        _text(said, "value"),
        _accepted(said, "source", issuer.sources, Reason.SOURCE),
        _accepted(said, "by", issuer.by, Reason.BY),
        asserted,
        found.expires_at,
        said.get("conditions"),
        "conditions" in said,
    )


def _accepted(said: Mapping[str, Any], name: str, accepted: Sequence[str], reason: Reason) -> str:
    value = said.get(name)
    if not isinstance(value, str) or value not in accepted:
        raise BadVisa(reason)
    return value


def _text(said: Mapping[str, Any], name: str) -> str:
    found = strict.text(said.get(name), LONGEST_FIELD)
    if not found:
        raise BadVisa(Reason.MALFORMED, name)
    return found
