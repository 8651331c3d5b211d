"""Pages before sign-in: sign in and out, sign up, recover, the site's documents."""

from __future__ import annotations

import secrets

from flask import Blueprint, make_response, redirect, request, session, url_for
from markupsafe import Markup
from werkzeug.wrappers import Response

from gateway.errors import Problem, ProblemCode
from gateway.identity import passkeys, rules
from gateway.identity import service_passwords as passwords
from gateway.identity import service_people as people
from gateway.identity import service_sessions as sessions
from gateway.identity.authenticators import COOKIE
from gateway.identity.devices import device_of
from gateway.identity.forms import done, same, submitted
from gateway.identity.http import (
    actor,
    end_browser_session,
    rt,
    safe_next,
    start_browser_session,
    viewer,
)
from gateway.identity.models import SessionChannel
from gateway.identity.passkeys import Ceremony, Use
from gateway.identity.schemas import NewPassword, SignIn, SignUp
from gateway.identity.service_consents import consents_due
from gateway.identity.service_credentials import Credentials
from gateway.identity.service_second import Pending, begin
from gateway.identity.service_sessions import SignedIn
from gateway.identity.site_documents import SiteDocument, text_of
from gateway.web.forms import Form
from gateway.web.i18n import gettext as _
from gateway.web.i18n import language
from gateway.web.pages import render
from gateway.web.prose import prose

sign = Blueprint("sign", __name__, template_folder="templates")

PENDING_COOKIE = "sumun_pending"
# In the browser's own signed cookie: what the challenges of its sign-in page are bound to.
BROWSER = "browser"


def shown(document: SiteDocument, top: int = 2) -> Markup:
    """A site document in the reader's language; its own heading becomes `<h{top}>`."""
    return prose(text_of(document).in_language(language()), top)


@sign.get("/sign-in")
def sign_in() -> str | Response:
    """Ask for account and password; people who are signed in go on."""
    target = safe_next(request.args.get("next"))
    if viewer() is not None:
        return redirect(target, code=303)
    return sign_in_page(Form(), target)


@sign.post("/sign-in")
def sign_in_post() -> tuple[str, int] | Response:
    """Open a session that replaces the one the browser came with, or go on to the second step."""
    result = submitted(SignIn, _open)
    target = safe_next(request.form.get("next"))
    if result.done is None:
        return sign_in_page(result.form, target), result.status
    if isinstance(result.done, Pending):
        onward = make_response(redirect(url_for("second.ask", next=target), code=303))
        return hold_pending(onward, result.done)
    return enter(result.done, target)


def _open(form: SignIn) -> SignedIn | Pending:
    given = Credentials(form.account, form.password, device_of(request.user_agent.string))
    return begin(rt(), actor(), given, request.cookies.get(COOKIE))


def hold_pending(response: Response, pending: Pending) -> Response:
    """Let the browser hold a sign-in half done; only its second step is ever sent it."""
    response.set_cookie(
        PENDING_COOKIE,
        pending.token,
        expires=pending.expires_at,
        path=url_for("second.ask"),
        httponly=True,
        # Whoever comes back from an outside provider comes from another site.
        samesite="Lax",
        secure=rt().settings.secure,
    )
    return response


def browser_ceremony() -> Ceremony:
    """The passkey ceremony of a browser in which nobody has signed in yet."""
    return Ceremony(Use.SIGN_IN, session.setdefault(BROWSER, secrets.token_urlsafe(16)))


def sign_in_page(form: Form, target: str) -> str:
    """The first step: a passkey where browsers can have one here, or the password."""
    there = passkeys.possible(rt().settings)
    options = passkeys.options_to_sign(rt(), browser_ceremony()) if there else ""
    return render("identity/sign_in.html", form=form, next=target, options=options)


def enter(signed_in: SignedIn, target: str) -> Response:
    """Give the browser its session, and go on to `target` or to documents that are due."""
    # A new session has new form tokens too: nothing from before sign-in is carried over.
    session.clear()
    with rt().db.read() as reading:
        due = consents_due(reading, signed_in.person_id)
    onward = url_for("account.documents", next=target) if due else target
    return start_browser_session(make_response(redirect(onward, code=303)), signed_in)


@sign.get("/sign-out")
def sign_out() -> str | Response:
    """Ask whether to sign out; a link alone never ends a session."""
    if viewer() is None:
        return redirect(url_for("sign.sign_in"), code=303)
    return render("identity/sign_out.html")


@sign.post("/sign-out")
def sign_out_post() -> Response:
    """End the session."""
    present = viewer()
    if present is not None:
        sessions.sign_out(rt(), actor(), present.session_id)
    session.clear()
    return end_browser_session(make_response(done(_("You have signed out."), "/")))


@sign.get("/sign-up")
def sign_up() -> str | Response:
    """Ask for what an account needs, with the documents beside it."""
    if viewer() is not None:
        return redirect(url_for("account.show"), code=303)
    return _sign_up_page(Form())


@sign.post("/sign-up")
def sign_up_post() -> tuple[str, int] | Response:
    """Make the account and sign in with it."""
    result = submitted(SignUp, _sign_up)
    if result.done is None:
        return _sign_up_page(result.form), result.status
    return enter(result.done, "/")


def _sign_up(form: SignUp) -> SignedIn:
    same(form.password, form.repeated)
    people.sign_up(rt(), actor(), form.person(language()), form.password, form.consents)
    given = Credentials(form.account, form.password, device_of(request.user_agent.string))
    previous = request.cookies.get(COOKIE)
    return sessions.sign_in(rt(), actor(), given, SessionChannel.BROWSER, previous)


def _sign_up_page(form: Form) -> str:
    return render(
        "identity/sign_up.html",
        form=form,
        countries=rules.countries(language()).items(),
        texts={document: text_of(document) for document in SiteDocument},
        shown=shown,
    )


@sign.get("/recover/<token>")
def recover(token: str) -> str:
    """Ask for a new password, while the address holds."""
    if not passwords.recovery_is_live(rt(), token):
        raise Problem(
            ProblemCode.NOT_FOUND,
            "이 복구 주소는 이미 썼거나 유효 시간이 지났습니다. 운영자에게 새로 요청해 주십시오.",
            "This recovery address was used or has run out. Please ask the operator for a new one.",
        )
    return render("identity/recover.html", form=Form())


@sign.post("/recover/<token>")
def recover_post(token: str) -> tuple[str, int] | Response:
    """Set the new password; every session of the person ends."""
    result = submitted(NewPassword, lambda form: _recover(token, form))
    if result.again:
        return render("identity/recover.html", form=result.form), result.status
    target = url_for("sign.sign_in")
    return done(_("Your new password is set. Please sign in with it."), target)


def _recover(token: str, form: NewPassword) -> None:
    passwords.use_recovery(rt(), actor(), token, same(form.password, form.repeated))


@sign.get("/terms")
def terms() -> str:
    """The site's terms of service."""
    return _document(SiteDocument.TERMS)


@sign.get("/privacy")
def privacy() -> str:
    """The site's privacy notice."""
    return _document(SiteDocument.PRIVACY)


def _document(document: SiteDocument) -> str:
    text = text_of(document)
    return render(
        "identity/document.html", document=document, text=text, shown=shown(document, top=1)
    )
