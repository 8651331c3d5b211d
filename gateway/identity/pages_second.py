"""Pages of sign-in that take a second factor: after the password, or a passkey alone."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, request, url_for
from werkzeug.wrappers import Response

from gateway.identity import passkeys
from gateway.identity import service_second as service
from gateway.identity.authenticators import COOKIE
from gateway.identity.devices import device_of
from gateway.identity.federation import held_visas
from gateway.identity.forms import submitted
from gateway.identity.http import actor, rt, safe_next
from gateway.identity.models import SessionChannel
from gateway.identity.pages_sign import PENDING_COOKIE, browser_ceremony, enter, sign_in_page
from gateway.identity.passkeys import Ceremony, Use
from gateway.identity.passports.http import clearinghouse
from gateway.identity.passports.service_taking import take_from_provider
from gateway.identity.schemas_factors import PasskeyAnswer, SecondStep
from gateway.identity.service_second import Entered, Shown
from gateway.identity.service_sessions import Opening, SignedIn, digest
from gateway.web.forms import Form
from gateway.web.i18n import COOKIE as COOKIE_OF_LANGUAGE
from gateway.web.i18n import Language, language, translate
from gateway.web.i18n import gettext as _
from gateway.web.pages import render

second = Blueprint("second", __name__, template_folder="templates", url_prefix="/sign-in")


@second.get("/second")
def ask() -> str | Response:
    """Ask for the factor of a sign-in half done; without one, start again."""
    return _page(Form(), safe_next(request.args.get("next"))) or _start_again()


@second.post("/second")
def answer() -> tuple[str, int] | Response:
    """Open the session that the password alone did not."""
    target = safe_next(request.form.get("next"))
    result = submitted(SecondStep, _finish)
    if result.done is None:
        page = _page(result.form, target)
        return (page, result.status) if page else _start_again()
    came = held_visas.released(rt(), _token())
    if came is not None:
        take_from_provider(rt(), clearinghouse(), actor(), came)
    response = enter(result.done.signed_in, target)
    if result.done.recovery:
        flash(_recovery_told(result.done.signed_in.locale), "warn")
    response.delete_cookie(PENDING_COOKIE, path=url_for("second.ask"))
    return response


@second.post("/passkey")
def passkey() -> tuple[str, int] | Response:
    """Open a session with a passkey alone."""
    target = safe_next(request.form.get("next"))
    result = submitted(PasskeyAnswer, _with_passkey)
    if result.done is None:
        return sign_in_page(result.form, target), result.status
    return enter(result.done, target)


def _recovery_told(locale: str) -> str:
    """In the language of the page that will show it: chosen in this browser, or the account's."""
    chosen = language() if COOKIE_OF_LANGUAGE in request.cookies else _spoken(locale)
    return translate(
        chosen, "A recovery code was used up. If it was not you, change your password."
    )


def _spoken(locale: str) -> Language:
    return "en" if locale == "en" else "ko"


def _with_passkey(form: PasskeyAnswer) -> SignedIn:
    device = device_of(request.user_agent.string)
    opening = Opening(device, SessionChannel.BROWSER, request.cookies.get(COOKIE))
    ceremony = browser_ceremony()
    return service.sign_in_with_passkey(rt(), actor(), ceremony, form.credential, opening)


def _finish(form: SecondStep) -> Entered:
    shown = Shown(form.code, form.credential)
    return service.finish(rt(), actor(), _token(), shown, request.cookies.get(COOKIE))


def _page(form: Form, target: str) -> str | None:
    factors = service.waiting(rt(), _token())
    if factors is None:
        return None
    ceremony, options = Ceremony(Use.SECOND, digest(_token())), ""
    if factors.passkeys and passkeys.possible(rt().settings):
        options = passkeys.options_to_sign(rt(), ceremony, factors.passkeys)
    return render("identity/second.html", form=form, next=target, factors=factors, options=options)


def _token() -> str:
    return request.cookies.get(PENDING_COOKIE, "")


def _start_again() -> Response:
    flash(_("This sign-in has run out. Please start again."), "warn")
    return redirect(url_for("sign.sign_in"), code=303)
