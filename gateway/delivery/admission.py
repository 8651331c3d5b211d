"""Admits requests that carry a signed address; whoever forges one is limited and counted."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta

from audit.event import Channel
from gateway.access import service as access
from gateway.clock import to_ms
from gateway.delivery import address, tokens
from gateway.delivery.gate import Gate
from gateway.delivery.tokens import Claims, TokenInvalid
from gateway.errors import Problem, ProblemCode
from gateway.journal import Act, Actor, Entry, Outcome, Place
from gateway.security.throttle import WINDOW, Tally

FOLD_AFTER = WINDOW + timedelta(seconds=1)

log = logging.getLogger(__name__)


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
    wait = gate.throttle.retry_after(_from(actor), now)
    if wait:
        raise Problem(ProblemCode.TOO_MANY_REQUESTS, retry_after=wait)
    try:
        parts = address.read(target)
        claims = tokens.unseal(parts.token, parts.path, gate.keys.live())
    except (address.AddressInvalid, TokenInvalid):
        raise _forged(gate, actor, now) from None
    if not claims.not_before_ms <= to_ms(now) < claims.expires_ms:
        raise _expired(gate, actor, claims, parts.path)
    return Admitted(claims, parts.path)


def fold(gate: Gate) -> int:
    """Write the counts of forged requests whose window has closed; returns how many events."""
    tallies = gate.throttle.drain(gate.runtime.clock.now())
    for tally in tallies:
        _append_tally(gate, tally)
    return len(tallies)


def _from(actor: Actor) -> str:
    return actor.place.address or ""


def _forged(gate: Gate, actor: Actor, now: datetime) -> Problem:
    tally = gate.throttle.forged(_from(actor), now)
    if tally is not None:
        reason = ProblemCode.URL_INVALID.upper()
        access.append(
            gate.runtime.journal,
            Entry(actor, Act.DOWNLOAD_REFUSED, Outcome.DENY, reason=reason),
        )
    else:
        _fold_later(gate)
    fold(gate)
    return Problem(ProblemCode.URL_INVALID)


def _fold_later(gate: Gate) -> None:
    """Write the counts once the window has closed, even if nobody calls again."""
    if gate.folding.acquire(blocking=False):
        timer = threading.Timer(FOLD_AFTER.total_seconds(), _fold_now, (gate,))
        timer.daemon = True
        timer.start()


def _fold_now(gate: Gate) -> None:
    gate.folding.release()
    try:
        fold(gate)
    except Problem:
        log.warning("the counts of forged requests could not be written")


def _append_tally(gate: Gate, tally: Tally) -> None:
    actor = Actor.anonymous(Place(address=tally.address, channel=Channel.API))
    detail = {"attempts": tally.attempts, "since_ms": to_ms(tally.since)}
    access.append(
        gate.runtime.journal,
        Entry(actor, Act.REQUESTS_FOLDED, Outcome.DENY, reason="URL_INVALID", detail=detail),
    )


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
    access.append(gate.runtime.journal, entry)
    return Problem(ProblemCode.URL_EXPIRED)
