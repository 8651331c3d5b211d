"""Checking an access token: what each request of a program costs before anything else.

The baseline verifies a signed ES256 access token, as a gateway with JWTs would; it cannot tell a
revoked token from a live one, which ours does.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

from joserfc import jwt
from joserfc.jwk import ECKey

from bench import beds
from bench.harness import Comparison, compare
from gateway import ids
from gateway.identity.oauth import bearer
from gateway.identity.oauth import service_tokens as tokens
from gateway.identity.oauth.clients import find_client
from gateway.identity.oauth.service_tokens import Issued, Opening
from gateway.journal import Actor
from gateway.runtime import Runtime
from tests import people

CHECKS, TOKENS = 2_000, 200


def run() -> list[Comparison]:
    """The comparison `identity.token`, in milliseconds per check."""
    with beds.sqlite() as settings, beds.gateway(settings) as runtime:
        held = _issued(runtime)
        token, key = _signed()
        return [
            compare(
                "identity.token",
                "ms",
                lambda: _milliseconds(lambda number: _ours(runtime, held[number % TOKENS])),
                lambda: _milliseconds(lambda _number: jwt.decode(token, key, ["ES256"])),
                baseline_name="verifying an ES256 JWT",
                target=1 / 1.3,
                better="lower",
                conditions=f"{TOKENS} live tokens, SQLite, one thread",
                limit=0.2,
            )
        ]


def _ours(runtime: Runtime, token: str) -> None:
    assert bearer.find(runtime, token) is not None


def _issued(runtime: Runtime) -> list[str]:
    person = people.make_person(runtime, "bench.person")
    client = find_client(runtime, "sumun-cli")
    assert client is not None
    return [_one(runtime, client, person.id) for _ in range(TOKENS)]


def _one(runtime: Runtime, client, person_id) -> str:
    now = runtime.clock.now()
    what = Opening(
        client, person_id, "read", None, now, ids.new(runtime.clock), now + timedelta(hours=2)
    )
    with runtime.db.write() as session:
        found = tokens.opened(session, runtime, Actor.system(), what)
    assert isinstance(found, Issued)
    return found.access_token


def _signed() -> tuple[str, ECKey]:
    key = ECKey.generate_key("P-256")
    claims = {"iss": "https://gate", "sub": "x", "aud": "api", "exp": 4102444800, "scope": "read"}
    return jwt.encode({"alg": "ES256", "typ": "at+jwt"}, claims, key, ["ES256"]), key


def _milliseconds(check: Callable[[int], object]) -> float:
    started = time.process_time()
    for number in range(CHECKS):
        check(number)
    return (time.process_time() - started) / CHECKS * 1000
