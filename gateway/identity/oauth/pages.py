"""Pages of the provider: consent in the browser, and a yes for a device elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import cast
from urllib.parse import urlencode, urlsplit

from authlib.oauth2 import OAuth2Error
from authlib.oidc.core.errors import ConsentRequiredError, LoginRequiredError
from flask import Blueprint, make_response, request, session, url_for
from flask import redirect as onward
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from gateway.errors import Problem, ProblemCode
from gateway.identity import service_sessions as sessions
from gateway.identity import throttle
from gateway.identity.forms import done
from gateway.identity.http import (
    actor,
    end_browser_session,
    require_viewer,
    rt,
    viewer,
)
from gateway.identity.models import SignInSession
from gateway.identity.oauth import service_devices as devices
from gateway.identity.oauth import service_grants as grants
from gateway.identity.oauth.api import is_pushed
from gateway.identity.oauth.asked import Asked
from gateway.identity.oauth.clients import Client, find_client
from gateway.identity.oauth.metadata import multi
from gateway.identity.oauth.server import CodeGrant, Server
from gateway.identity.oauth.words import scope_words
from gateway.identity.throttle import Blocked, Kind
from gateway.security.headers import CSP
from gateway.security.throttle import group
from gateway.web.i18n import gettext as _
from gateway.web.pages import render

pages = Blueprint("oauth", __name__, template_folder="../templates")
LONGEST_QUERY = 8192


@dataclass(frozen=True, slots=True)
class Wanted:
    """A valid authorization request."""

    grant: CodeGrant
    asked: Asked
    request_uri: str | None
    pushed_at: datetime | None = None

    @property
    def client(self) -> Client:
        client: Client = self.grant.request.client
        return client

    @property
    def redirect_uri(self) -> str:
        return str(self.grant.redirect_uri)

    @property
    def scope(self) -> str:
        return str(self.grant.request.scope)

    def given(self, name: str) -> str:
        """A parameter of the request, or ""."""
        return str(self.asked.form.get(name, ""))


@pages.get("/oauth2/authorize")
def authorize() -> str | Response:
    """Ask the person whether a program may act for them."""
    server = Server(rt(), actor())
    try:
        wanted = _wanted(server)
        ask_first = _sign_in_first(wanted)
    except OAuth2Error as error:
        return _refused(server, error)
    return ask_first or _consent_page(wanted)


@pages.post("/oauth2/authorize")
def decide() -> str | Response:
    """The person's answer; it goes back to the program's registered address."""
    seen = require_viewer()
    server = Server(rt(), actor())
    try:
        wanted = _wanted(server)
    except OAuth2Error as error:
        return _refused(server, error)
    allowed = request.form.get("decision") == "allow"
    if allowed and _sign_in_due(wanted):
        # A form that is sent without its page would pass by what the program asked for.
        return render("identity/oauth_again.html", client=wanted.client)
    if not allowed:
        grants.refuse_consent(rt(), actor(), wanted.client)
        return _back(server, wanted, {"error": "access_denied"})
    given = grants.Consent(
        wanted.client,
        seen.person_id,
        seen.session_id,
        wanted.redirect_uri,
        wanted.scope,
        wanted.given("nonce"),
        wanted.given("code_challenge"),
        wanted.given("dpop_jkt") or None,
        _signed_in_at(),
        wanted.request_uri,
    )
    code = grants.consent(rt(), actor(), given)
    if code is None:
        raise _unreadable()
    return _back(server, wanted, {"code": code})


@pages.post("/oauth2/authorize/again")
def sign_in_again() -> Response:
    """End this browser's session and sign in anew, because the program asked for it."""
    seen = require_viewer()
    sessions.sign_out(rt(), actor(), seen.session_id)
    session.clear()
    query = {k: v for k, v in request.args.items() if k not in {"prompt", "max_age"}}
    target = f"{url_for('oauth.authorize')}?{urlencode(query)}"
    response = make_response(onward(url_for("sign.sign_in", next=target), code=303))
    return end_browser_session(response)


def _wanted(server: Server) -> Wanted:
    """The request of the address. Raises OAuth2Error, or Problem 400 for one that is no request."""
    values: MultiDict[str, str] = request.args
    if len(request.query_string) > LONGEST_QUERY:
        raise _unreadable()
    uri, pushed_at = values.get("request_uri"), None
    if uri is not None:
        known = grants.pushed(rt(), uri, values.get("client_id", "")) if is_pushed(uri) else None
        if known is None:
            raise _unreadable()
        values, pushed_at = multi(known[0]), known[1]
    asked = Asked("GET", server.issuer + request.path, {}, values)
    if "request" in values:
        raise _unreadable()
    grant = server.get_consent_grant(asked, end_user=viewer())
    return Wanted(grant, asked, uri, pushed_at)


def _sign_in_first(wanted: Wanted) -> str | Response | None:
    prompts = wanted.given("prompt").split()
    if viewer() is None:
        if "none" in prompts:
            raise LoginRequiredError(redirect_uri=wanted.redirect_uri)
        require_viewer()
    if "none" in prompts:
        # Consent is asked for each time, so it is never there already.
        raise ConsentRequiredError(redirect_uri=wanted.redirect_uri)
    if _sign_in_due(wanted):
        return render("identity/oauth_again.html", client=wanted.client)
    return None


def _sign_in_due(wanted: Wanted) -> bool:
    if wanted.pushed_at is not None and _signed_in_at() > wanted.pushed_at:
        # What was pushed cannot be taken off its address once it has been done.
        return False
    return "login" in wanted.given("prompt").split() or _too_old(wanted.given("max_age"))


def _too_old(max_age: str) -> bool:
    if not max_age.isdecimal() or len(max_age) > 9:
        return bool(max_age)
    return (rt().clock.now() - _signed_in_at()).total_seconds() > int(max_age)


def _signed_in_at() -> datetime:
    with rt().db.read() as reading:
        return reading.get_one(SignInSession, require_viewer().session_id).authenticated_at


def _consent_page(wanted: Wanted) -> Response:
    page = render(
        "identity/oauth_consent.html",
        client=wanted.client,
        scopes=scope_words(wanted.scope),
        goes_to=urlsplit(wanted.redirect_uri).netloc or wanted.redirect_uri,
        query=request.query_string.decode("ascii", "replace"),
    )
    response = make_response(page)
    # Chromium applies form-action to the redirect that answers the form as well.
    response.headers["Content-Security-Policy"] = CSP.replace(
        "form-action 'self'", f"form-action 'self' {_origin(wanted.redirect_uri)}"
    )
    return response


def _origin(uri: str) -> str:
    parts = urlsplit(uri)
    if parts.scheme in {"http", "https"}:
        return f"{parts.scheme}://{parts.netloc}"
    return f"{parts.scheme}:"


def _back(server: Server, wanted: Wanted, answer: dict[str, str]) -> Response:
    state = wanted.given("state")
    query = urlencode(answer | ({"state": state} if state else {}))
    mark = "&" if "?" in wanted.redirect_uri else "?"
    return server.handle_response(303, "", {"Location": f"{wanted.redirect_uri}{mark}{query}"})


def _refused(server: Server, error: OAuth2Error) -> Response:
    """To the program when its address is known to be its own; else a page, and no redirect."""
    server.refused(f"authorize:{error.error}")
    if error.redirect_uri:
        error.state = request.args.get("state")
        return cast(Response, server.handle_error_response(None, error))
    raise _unreadable(*_wrong())


def _wrong() -> tuple[str, str]:
    """Which of the two is wrong that nobody is sent anywhere for; what was sent is not repeated."""
    client = find_client(rt(), request.args.get("client_id", ""))
    if client is None:
        return (
            "이 프로그램은 등록되어 있지 않거나 등록이 끝났습니다(client_id).",
            "This program is not registered here, or its registration has ended (client_id).",
        )
    wanted = request.args.get("redirect_uri", "")
    if "request_uri" not in request.args and not client.check_redirect_uri(wanted):
        return (
            "프로그램이 등록되지 않은 주소로 돌려보내 달라고 했습니다(redirect_uri).",
            "The program asks to send you back to an address that is not registered "
            "(redirect_uri).",
        )
    return "", ""


def _unreadable(ko: str = "", en: str = "") -> Problem:
    return Problem(
        ProblemCode.BAD_REQUEST,
        ko or "프로그램이 보낸 요청이 올바르지 않습니다.",
        en or "The request that the program sent is not right.",
        next_ko="프로그램에서 다시 시작하고, 되풀이되면 프로그램을 만든 곳에 알려 주십시오.",
        next_en="Start again from the program. If it happens again, tell whoever makes it.",
    )


@pages.get("/oauth2/device")
def device() -> str:
    """Ask for the code that the device shows."""
    require_viewer()
    return _device_page(request.args.get("user_code", "")[:16])


@pages.post("/oauth2/device")
def device_code() -> str | tuple[str, int]:
    """Show what waits behind the code."""
    require_viewer()
    typed = request.form.get("user_code", "")[:64]
    waiting = _waiting(typed)
    if waiting is None:
        return _device_page(typed, _("No device waits under this code. Please check it.")), 422
    words = scope_words(waiting.scope)
    return render("identity/oauth_device.html", code=typed, waiting=waiting, scopes=words, wrong="")


@pages.post("/oauth2/device/decide")
def decide_device() -> Response | tuple[str, int]:
    """The person's answer to the device."""
    here = require_viewer().session_id
    typed = request.form.get("user_code", "")[:64]
    allowed = request.form.get("decision") == "allow"
    waiting = _waiting(typed)
    answer = (allowed, here)
    if waiting is None or not devices.decide_device(rt(), actor(), waiting, answer):
        return _device_page(typed, _("No device waits under this code. Please check it.")), 422
    message = _("The device is signed in.") if allowed else _("The device was refused.")
    return done(message, url_for("account.show") + "#sessions")


def _waiting(typed: str) -> devices.WaitingDevice | None:
    """The device of a code; guesses count for the person and for their address."""
    seen = require_viewer()
    if len(devices.folded_user_code(typed)) != devices.USER_CODE_LENGTH:
        return None
    counted = [
        throttle.subject(rt(), Kind.DEVICE_CODE, str(seen.person_id)),
        throttle.subject(rt(), Kind.ADDRESS, group(actor().place.address or "")),
    ]
    try:
        throttle.attempt(rt(), counted)
    except Blocked as blocked:
        raise blocked.problem from None
    found = devices.waiting_device(rt(), typed, lambda client_id: find_client(rt(), client_id))
    if found is not None:
        with rt().db.write() as writing:
            throttle.succeeded(writing, counted)
    return found


def _device_page(code: str, wrong: str = "") -> str:
    return render("identity/oauth_device.html", code=code, waiting=None, scopes=(), wrong=wrong)
