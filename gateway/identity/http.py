"""Who sends this request, for routes: viewer, actor, and what they may be asked to hold."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import NoReturn, cast
from urllib.parse import urlsplit

from flask import Flask, Response, abort, current_app, g, redirect, request, url_for

from audit.errors import LogUnavailable
from gateway.errors import Problem, ProblemCode
from gateway.identity.authenticators import COOKIE, Presented, authenticate
from gateway.identity.models import EVERYWHERE, Acr, Role
from gateway.identity.oauth import dpop, scopes
from gateway.identity.refusals import Part, role_missing
from gateway.identity.service_roles import covers
from gateway.identity.service_sessions import Application, Live, SignedIn
from gateway.journal import Act, Actor, Channel, Entry, Outcome, PartyKind, Place
from gateway.runtime import Runtime
from gateway.security.paths import is_machine
from gateway.web.problems import answer, wants_json

RUNTIME = "sumun"
USER_AGENT_LENGTH = 200
OTHER_NETWORK = "The token may not be used from this network."
# Files of the pages themselves, which look the same for everybody.
ANONYMOUS_ENDPOINTS = frozenset({"web.static"})


@dataclass(frozen=True, slots=True)
class Viewer:
    """The signed-in person as pages see them. `scoped` are (role, scope) pairs."""

    person_id: uuid.UUID
    session_id: uuid.UUID
    account: str
    name: str
    locale: str
    roles: frozenset[str]
    scoped: frozenset[tuple[str, str]]
    application: Application | None = None
    acr: str = Acr.PASSWORD
    stepped_up_at: datetime | None = None
    roles_rest: bool = False


def rt() -> Runtime:
    """The runtime of the running application."""
    return cast(Runtime, current_app.extensions[RUNTIME])


def actor() -> Actor:
    """Who acts in this request; anonymous for a visitor."""
    return cast(Actor, g.actor)


def viewer() -> Viewer | None:
    """The signed-in person, or None."""
    return cast("Viewer | None", g.viewer)


def require_person() -> Actor:
    """The signed-in actor.

    A visitor of a page is sent to sign in and comes back afterwards; a program gets Problem 401.
    """
    if g.viewer is None:
        _ask_to_sign_in()
    return actor()


def require_viewer() -> Viewer:
    """The signed-in person; otherwise as `require_person`."""
    require_person()
    return cast(Viewer, g.viewer)


def require_role(*roles: Role, scope: str = EVERYWHERE) -> Actor:
    """The actor, who holds one of `roles` for `scope` (a dataset's slug; `*` is everywhere).

    Raises Problem 403 otherwise, and appends the refusal to the log.
    """
    held = require_viewer().scoped
    holds = any(covers(held, role, scope) for role in roles)
    return _admitted(roles, holds, _part(roles, scope))


def require_role_somewhere(*roles: Role) -> Actor:
    """The actor, who holds one of `roles` in any scope: for lists that then show their part."""
    held = require_viewer().roles
    return _admitted(roles, not held.isdisjoint(roles))


def scopes_of(role: Role) -> frozenset[str]:
    """Where the viewer holds `role`: dataset slugs, or `*` among them for everywhere."""
    seen = viewer()
    return frozenset(scope for held, scope in seen.scoped if held == role) if seen else frozenset()


def safe_next(target: str | None) -> str:
    """`target` if it is a path of this site, else "/": sign-in must not send people elsewhere."""
    if not target or not target.startswith("/") or target.startswith(("//", "/\\")):
        return "/"
    if any(char <= " " or char in "\\\x7f" for char in target):
        return "/"
    parts = urlsplit(target)
    return "/" if parts.scheme or parts.netloc else target


def start_browser_session(response: Response, signed_in: SignedIn) -> Response:
    """Give the browser its new session."""
    response.set_cookie(
        COOKIE,
        signed_in.token,
        expires=signed_in.expires_at,
        httponly=True,
        samesite="Lax",
        secure=rt().settings.secure,
    )
    return response


def end_browser_session(response: Response) -> Response:
    """Let the browser forget its session."""
    response.delete_cookie(COOKIE, httponly=True, samesite="Lax", secure=rt().settings.secure)
    return response


def install(app: Flask) -> None:
    """Find out before each request of `app` who sends it."""
    app.before_request(_identify)
    app.after_request(_challenge)
    app.register_error_handler(LogUnavailable, _log_unavailable)
    app.register_error_handler(Problem, _problem)


def _identify() -> None:
    g.viewer, g.actor = None, Actor.anonymous(_place(Channel.WEB))
    g.refused_token = None
    if request.endpoint in ANONYMOUS_ENDPOINTS:
        return
    presented = authenticate(rt(), request)
    if presented is None:
        g.actor = Actor.anonymous(_place(_default_channel()))
    elif presented.live is None:
        g.actor = Actor.anonymous(_place(presented.channel))
        g.refused_token = presented
        if presented.elsewhere:
            _refuse_elsewhere(presented.elsewhere)
    else:
        _enter(presented.live, presented.channel)
        scopes.check(presented.live.application, request)


def _refuse_elsewhere(whose: tuple[uuid.UUID, str]) -> None:
    """A live token from outside its program's networks was taken from there: the log says so."""
    person_id, client_id = whose
    refused = Entry(
        g.actor,
        Act.SESSION_REFUSED,
        Outcome.DENY,
        subjects=[person_id],
        reason="other_network",
        detail={"client": client_id},
    )
    rt().folding.record(refused)


def _enter(live: Live, channel: Channel) -> None:
    rest = _roles_rest(live)
    scoped = frozenset() if rest else live.roles
    roles = frozenset(role for role, _scope in scoped)
    g.viewer = Viewer(
        live.person_id,
        live.session_id,
        live.account,
        live.name,
        live.locale,
        roles,
        scoped,
        live.application,
        live.acr,
        live.stepped_up_at,
        rest,
    )
    machine = live.application is not None and live.application.machine
    g.actor = Actor(
        PartyKind.MACHINE if machine else PartyKind.PERSON,
        _place(channel),
        live.person_id,
        personal={"account": live.account, "name": live.name},
        roles=roles,
        program=live.application.client_id if live.application else "",
        roles_rest=rest,
    )


def _roles_rest(live: Live) -> bool:
    """Whether somebody holds staff roles but has shown no more than a password (ASVS 6.3.3)."""
    required = rt().settings.staff_second_factor == "required"
    return required and bool(live.roles) and live.acr == Acr.PASSWORD


def _default_channel() -> Channel:
    return Channel.API if is_machine(request.path) else Channel.WEB


def _place(channel: Channel) -> Place:
    agent = request.headers.get("User-Agent", "")[:USER_AGENT_LENGTH]
    return Place(g.client_address, agent or None, channel)


def _ask_to_sign_in() -> NoReturn:
    if wants_json():
        raise Problem(ProblemCode.NOT_SIGNED_IN)
    # What was posted is not repeated after sign-in, so there is nothing to come back to.
    back = request.full_path.rstrip("?") if request.method in {"GET", "HEAD"} else None
    abort(redirect(url_for("sign.sign_in", next=back), code=303))


def _admitted(roles: tuple[Role, ...], holds: bool, part: Part = Part.ANY) -> Actor:
    if not holds:
        rest = actor().roles_rest
        refusal = Entry(
            actor(),
            Act.ACCESS_DECIDED,
            Outcome.DENY,
            reason="second_factor_missing" if rest else "role_missing",
            detail={"roles": ",".join(sorted(roles)), "endpoint": request.endpoint or ""},
        )
        rt().folding.record(refusal)
        if rest:
            raise Problem(ProblemCode.STAFF_FACTOR_MISSING, required_roles=sorted(roles))
        raise role_missing(actor(), roles, part)
    return actor()


def _part(roles: tuple[Role, ...], scope: str) -> Part:
    """Where the role is missing, for somebody who holds it for another part only."""
    if cast(Viewer, g.viewer).roles.isdisjoint(roles):
        return Part.ANY
    return Part.ALL if scope == EVERYWHERE else Part.HERE


def _log_unavailable(_error: LogUnavailable) -> Response:
    # A refusal or a look at people's data that cannot be recorded does not happen either.
    return answer(Problem(ProblemCode.LOG_UNAVAILABLE))


def _needs_step_up(problem: Problem) -> Response:
    """RFC 9470 for programs; a person is led to the passkey and comes back to their page."""
    if wants_json():
        response = answer(problem)
        acr, age = problem.extra["acr_values"], problem.extra["max_age"]
        response.headers["WWW-Authenticate"] = (
            f'Bearer error="{problem.code}", acr_values="{acr}", max_age="{age}"'
        )
        return response
    onward = redirect(url_for("factors.step_up", next=_came_from()), code=303)
    return cast(Response, onward)


def _came_from() -> str:
    """The page with the form that was sent; within this site only."""
    if request.method in {"GET", "HEAD"}:
        return safe_next(request.full_path.rstrip("?"))
    referrer = urlsplit(request.referrer or "")
    return safe_next(referrer.path) if referrer.netloc == request.host else "/"


def _problem(problem: Problem) -> Response:
    if problem.code is ProblemCode.INSUFFICIENT_USER_AUTHENTICATION:
        return _needs_step_up(problem)
    return answer(problem)


def _challenge(response: Response) -> Response:
    # RFC 9110 asks every 401 for the scheme that would help; RFC 9449 for a nonce beside it.
    presented = g.get("refused_token")
    if response.status_code == 401 and "WWW-Authenticate" not in response.headers:
        response.headers["WWW-Authenticate"] = _scheme(presented)
    if "DPoP" in request.headers:
        response.headers["DPoP-Nonce"] = dpop.nonce(rt())
    return response


def _scheme(presented: Presented | None) -> str:
    if presented is None or not presented.error:
        return "Bearer"
    scheme = 'DPoP algs="ES256 RS256", ' if presented.dpop else "Bearer "
    why = f', error_description="{OTHER_NETWORK}"' if presented.elsewhere else ""
    return f'{scheme}error="{presented.error}"{why}'
