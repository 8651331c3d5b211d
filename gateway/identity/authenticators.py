"""How a request shows who sends it: a tuple of authenticators, asked in turn.

This is the seam for OAuth access tokens, passkeys and federation: each adds one authenticator
that turns its own credential into a live session, and nothing behind it changes. A credential
that was presented and does not hold ends the search: a request never falls back to a weaker one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flask import Request

from gateway.identity.models import SessionChannel
from gateway.identity.service_sessions import Live, find_live
from gateway.journal import Channel
from gateway.runtime import Runtime

COOKIE = "sumun_session"


@dataclass(frozen=True, slots=True)
class Presented:
    """A credential found in a request; `live` is None when it does not hold."""

    live: Live | None
    channel: Channel


Authenticator = Callable[[Runtime, Request], Presented | None]


def bearer(runtime: Runtime, request: Request) -> Presented | None:
    """`Authorization: Bearer`, as the researcher's client sends it (RFC 6750)."""
    if "Authorization" not in request.headers:
        return None
    given = request.authorization
    if given is None or given.type != "bearer" or not given.token:
        return Presented(None, Channel.API)
    return Presented(find_live(runtime, given.token, SessionChannel.CLIENT), Channel.API)


def cookie(runtime: Runtime, request: Request) -> Presented | None:
    """The browser's session cookie."""
    token = request.cookies.get(COOKIE)
    if not token:
        return None
    return Presented(find_live(runtime, token, SessionChannel.BROWSER), Channel.WEB)


AUTHENTICATORS: tuple[Authenticator, ...] = (bearer, cookie)


def authenticate(runtime: Runtime, request: Request) -> Presented | None:
    """The first credential that the request presents, or None for a visitor."""
    for authenticator in AUTHENTICATORS:
        presented = authenticator(runtime, request)
        if presented is not None:
            return presented
    return None
