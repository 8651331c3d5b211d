"""Admits requests that carry a signed address; whoever forges one is limited and counted."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.access import service as access
from gateway.clock import to_ms
from gateway.delivery import address, tokens
from gateway.delivery.gate import Gate
from gateway.delivery.tokens import Claims, TokenInvalid
from gateway.errors import Problem, ProblemCode
from gateway.journal import Act, Actor, Entry, Outcome

FORGED = ProblemCode.URL_INVALID.upper()


@dataclass(frozen=True, slots=True)
class Admitted:
    """A genuine address inside its window; whether it is still allowed is asked next."""

    claims: Claims
    path: str


def admit(gate: Gate, actor: Actor, target: str) -> Admitted:
    """Check the raw request target: limit, spelling, then MAC, then window.

    Raises Problem TOO_MANY_REQUESTS, URL_INVALID or URL_EXPIRED; each is an event, or counted
    into one.
    """
    now = gate.runtime.clock.now()
    wait = gate.runtime.folding.retry_after(FORGED, _from(actor))
    if wait:
        raise Problem(ProblemCode.TOO_MANY_REQUESTS, retry_after=wait)
    try:
        parts = address.read(target)
        claims = tokens.unseal(parts.token, parts.path, gate.keys.live())
    except (address.AddressInvalid, TokenInvalid):
        raise _forged(gate, actor) from None
    if not claims.not_before_ms <= to_ms(now) < claims.expires_ms:
        raise _expired(gate, actor, claims, parts.path)
    return Admitted(claims, parts.path)


def _from(actor: Actor) -> str:
    return actor.place.address or ""


def _forged(gate: Gate, actor: Actor) -> Problem:
    if gate.runtime.folding.refused(FORGED, _from(actor)):
        access.append(
            gate.runtime.journal,
            Entry(actor, Act.DOWNLOAD_REFUSED, Outcome.DENY, reason=FORGED),
        )
    return Problem(ProblemCode.URL_INVALID)


def _expired(gate: Gate, actor: Actor, claims: Claims, path: str) -> Problem:
    entry = Entry(
        actor,
        Act.DOWNLOAD_REFUSED,
        Outcome.DENY,
        item=path,
        ref=f"grant:{claims.grant_id}",
        reason=ProblemCode.URL_EXPIRED.upper(),
        detail={"jti": claims.jti.hex(), "expires_ms": claims.expires_ms},
    )
    access.record_refusal(gate.runtime.folding, entry)
    return Problem(ProblemCode.URL_EXPIRED)
