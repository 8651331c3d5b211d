"""One's own second factors: set up, remove, recovery codes, and confirming oneself again."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from enum import StrEnum
from typing import TypeVar

import segno
from flask import Blueprint, make_response, request, session, url_for
from markupsafe import Markup
from werkzeug.wrappers import Response

from gateway.errors import Problem, ProblemCode
from gateway.identity import passkeys, service_fresh, service_step_up
from gateway.identity import service_factors as service
from gateway.identity.factors import factors_of
from gateway.identity.forms import Submitted, done, submitted
from gateway.identity.http import (
    actor,
    require_person,
    require_viewer,
    rt,
    safe_next,
    start_browser_session,
)
from gateway.identity.models import SessionChannel, SignInSession
from gateway.identity.oauth.vocabulary import MACHINE_AMR
from gateway.identity.schemas_factors import FactorChange, FirstCode, NewPasskey, StepUpAnswer
from gateway.identity.service_factors import Secret
from gateway.identity.service_fresh import Given, Self
from gateway.identity.service_sessions import list_sessions
from gateway.web.forms import Form
from gateway.web.i18n import gettext as _
from gateway.web.pages import render

factors = Blueprint("factors", __name__, template_folder="templates", url_prefix="/account")

# The way that was interrupted, kept in the browser's signed session while a passkey is made.
WAY, MOST_WAY = "after_factor", 500
Answer = str | tuple[str, int] | Response
T = TypeVar("T")


class Change(StrEnum):
    """What the password is asked for."""

    ADD_PASSKEY = "add-passkey"
    ADD_APP = "add-app"
    REMOVE_APP = "remove-app"
    NEW_CODES = "new-codes"


def me() -> Self:
    """The signed-in person in their session."""
    seen = require_viewer()
    return Self(actor(), seen.session_id)


@factors.get("/factors/<change>")
def ask(change: str) -> str:
    """Ask for the password before anything about factors changes."""
    require_person()
    if change not in set(Change):
        raise Problem(ProblemCode.NOT_FOUND)
    _keep_way(request.args.get("next"))
    return _ask(change, Form(), request.path)


@factors.post("/factors/add-passkey")
def add_passkey() -> Answer:
    """Show the page on which the browser makes a passkey."""
    begun = _asked(lambda given: service.begin_passkey(rt(), me(), given))
    if begun.done is None:
        return _ask(Change.ADD_PASSKEY, begun.form, request.path), begun.status
    return render("identity/passkey_new.html", form=Form(), options=begun.done)


@factors.post("/factors/add-app")
def add_app() -> Answer:
    """Show a new secret for an authenticator app."""
    begun = _asked(lambda given: service.begin_totp(rt(), me(), given))
    if begun.done is None:
        return _ask(Change.ADD_APP, begun.form, request.path), begun.status
    return _app_page(Form(), begun.done)


@factors.post("/factors/remove-app")
def remove_app() -> Answer:
    """Remove the authenticator app."""
    return _removed(Change.REMOVE_APP, lambda given: service.remove_totp(rt(), me(), given))


@factors.post("/factors/new-codes")
def new_codes() -> Answer:
    """Show new recovery codes, once."""
    made = _asked(lambda given: service.renew_codes(rt(), me(), given))
    if made.done is None:
        return _ask(Change.NEW_CODES, made.form, request.path), made.status
    return _codes_page(made.done)


@factors.post("/factors/passkey")
def store_passkey() -> Answer:
    """Store what the browser has made; recovery codes follow the first factor."""
    mine = me()
    result = submitted(
        NewPasskey, lambda form: service.add_passkey(rt(), mine, form.name, form.credential)
    )
    if result.done is None:
        return _ask(Change.ADD_PASSKEY, result.form, url_for("factors.add_passkey")), result.status
    return _after_adding(result.done)


@factors.post("/factors/app")
def confirm_app() -> Answer:
    """Take the first code of the authenticator app; recovery codes follow the first factor."""
    mine = me()
    result = submitted(
        FirstCode, lambda form: service.confirm_totp(rt(), mine, form.secret, form.code)
    )
    if result.done is None:
        waiting = service.waiting_totp(rt(), mine, request.form.get("secret", ""))
        return _app_page(result.form, waiting), result.status
    return _after_adding(result.done)


@factors.get("/passkeys/<uuid:passkey_id>/remove")
def ask_to_remove(passkey_id: uuid.UUID) -> str:
    """Ask for the password before a passkey goes."""
    _expect_own(passkey_id)
    return _ask("remove-passkey", Form(), request.path)


@factors.post("/passkeys/<uuid:passkey_id>/remove")
def remove_passkey(passkey_id: uuid.UUID) -> Answer:
    """Remove one of one's own passkeys."""
    _expect_own(passkey_id)
    return _removed(
        "remove-passkey", lambda given: service.remove_passkey(rt(), me(), passkey_id, given)
    )


@factors.get("/step-up")
def step_up() -> str:
    """Ask for a passkey in the session that is there."""
    return _step_up_page(Form(), safe_next(request.args.get("next")))


@factors.post("/step-up")
def stepped_up() -> Answer:
    """Note in the session that a passkey has just confirmed the person, and go back."""
    mine, target = me(), safe_next(request.form.get("next"))
    result = submitted(
        StepUpAnswer,
        lambda form: service_step_up.step_up(rt(), mine, form.credential, tuple(form.also)),
    )
    if result.done is None:
        return _step_up_page(result.form, target), result.status
    onward = make_response(done(_("Your passkey has confirmed that it is you."), target))
    return start_browser_session(onward, result.done)


def _step_up_page(form: Form, target: str) -> str:
    mine, options = me(), ""
    with rt().db.read() as session:
        known = factors_of(session, mine.person_id).passkeys
        open_now = list_sessions(session, mine.person_id, rt().clock.now())
    clients = [each for each in open_now if _can_be_confirmed(each)]
    if known and passkeys.possible(rt().settings):
        options = passkeys.options_to_sign(rt(), service_step_up.stepping_up(mine), known)
    return render("identity/step_up.html", form=form, next=target, options=options, clients=clients)


def _can_be_confirmed(row: SignInSession) -> bool:
    """Whether it is a client's session; in that of a machine nobody confirms themselves."""
    machine = row.channel == SessionChannel.OAUTH and row.amr == MACHINE_AMR
    return row.channel != SessionChannel.BROWSER and not machine


def _asked(verb: Callable[[Given], T]) -> Submitted[T]:
    require_person()
    return submitted(FactorChange, lambda form: verb(Given(form.password, form.code)))


def _expect_own(passkey_id: uuid.UUID) -> None:
    mine = me()
    with rt().db.read() as reading:
        own = factors_of(reading, mine.person_id).passkeys
    if passkey_id not in {row.id for row in own}:
        raise Problem(ProblemCode.NOT_FOUND)


def _removed(change: str, verb: Callable[[Given], None]) -> Answer:
    result = _asked(verb)
    if result.again:
        return _ask(change, result.form, request.path), result.status
    message = _("It is removed. Every other session has ended.")
    return done(message, url_for("account.show") + "#factors")


def _ask(change: str, form: Form, action: str) -> str:
    factors = service_fresh.due(rt(), me())
    # After the passkey the browser comes back to the page that asks, not to where it was sent.
    back = request.path if request.method == "GET" else url_for("account.show")
    return render(
        "identity/factor_password.html",
        change=change, form=form, action=action, due=factors, back=back,
        possible=passkeys.possible(rt().settings),
    )  # fmt: skip


def _app_page(form: Form, secret: Secret) -> str:
    drawn = segno.make(secret.uri).svg_inline(scale=5, dark="#000", light="#fff", omitsize=False)
    picture = Markup(drawn)  # noqa: S704 - drawn by segno, which puts no text into it
    return render("identity/app_new.html", form=form, secret=secret, picture=picture)


def _keep_way(target: str | None) -> None:
    """Whoever came from step-up without a passkey goes back there once one is set up."""
    session.pop(WAY, None)
    if target and safe_next(target) != "/":
        session[WAY] = safe_next(target)[:MOST_WAY]


def _onward() -> str:
    target = session.pop(WAY, None)
    if target is None:
        return url_for("account.show") + "#factors"
    return url_for("factors.step_up", next=safe_next(target))


def _after_adding(codes: tuple[str, ...]) -> Answer:
    if codes:
        return _codes_page(codes)
    return done(_("The second factor is set up."), _onward())


def _codes_page(codes: tuple[str, ...]) -> str:
    return render("identity/recovery_codes.html", codes=codes, onward=_onward())
