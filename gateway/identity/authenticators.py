"""How a request shows who sends it: a tuple of authenticators, asked in turn.

Each turns its own credential into a live session, and nothing behind it changes. A credential
that was presented and does not hold ends the search: a request never falls back to a weaker one.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from flask import Request, g

from gateway.identity.models import SessionChannel
from gateway.identity.oauth import bearer as oauth
from gateway.identity.service_sessions import Live, find_live
from gateway.journal import Channel
from gateway.runtime import Runtime
from gateway.security.paths import is_machine

SCHEMES = frozenset({"bearer", "dpop"})
COOKIE = "sumun_session"


@dataclass(frozen=True, slots=True)
class Presented:
    """A credential found in a request; `live` is None when it does not hold.

    `error` then says why to a program (RFC 6750, RFC 9449); `dpop` that the scheme was DPoP;
    `elsewhere` whose token of which program came from outside the program's networks.
    """

    live: Live | None
    channel: Channel
    error: str = ""
    dpop: bool = False
    elsewhere: tuple[uuid.UUID, str] | None = None


Authenticator = Callable[[Runtime, Request], Presented | None]


def bearer(runtime: Runtime, request: Request) -> Presented | None:
    """`Authorization: Bearer` (RFC 6750) or `DPoP` (RFC 9449): a token of a registered program,
    or of the researcher's client signed in by password."""
    if "Authorization" not in request.headers:
        return None
    given = request.authorization
    if given is None or given.type not in SCHEMES or not given.token:
        return Presented(None, Channel.API)
    if given.type == "dpop" or oauth.is_ours(given.token):
        return _program(runtime, request, given.type, given.token)
    return Presented(find_live(runtime, given.token, SessionChannel.CLIENT), Channel.API)


def _program(runtime: Runtime, request: Request, scheme: str, token: str) -> Presented:
    bound = scheme == "dpop"
    # Pages belong to people: a program that holds a token reads the API only.
    if not is_machine(request.path):
        return Presented(None, Channel.API, "invalid_token", bound)
    found = oauth.check(runtime, request, scheme, token)
    if isinstance(found, oauth.Failed):
        return Presented(None, Channel.API, found.error, bound, found.elsewhere)
    return Presented(found, Channel.API, "", bound)


def cookie(runtime: Runtime, request: Request) -> Presented | None:
    """The browser's session cookie."""
    token = request.cookies.get(COOKIE)
    if not token:
        return None
    return Presented(find_live(runtime, token, SessionChannel.BROWSER), Channel.WEB)


AUTHENTICATORS: tuple[Authenticator, ...] = (bearer, cookie)


def authenticate(runtime: Runtime, request: Request) -> Presented | None:
    """The first credential that the request presents, or None for a visitor.

    Looked at once for a request, whoever asks first: the proof beside a token counts once.
    """
    if "presented" not in g:
        found = (authenticator(runtime, request) for authenticator in AUTHENTICATORS)
        g.presented = next((each for each in found if each is not None), None)
    return cast("Presented | None", g.presented)
