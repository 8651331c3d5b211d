"""One's own account: data, sessions, memberships, roles, evidence, documents, password."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Blueprint, make_response, redirect, request, session, url_for
from werkzeug.wrappers import Response

from gateway.errors import Problem
from gateway.identity import passkeys, rules, service_fresh
from gateway.identity import service_attestations as attestations
from gateway.identity import service_corrections as corrections
from gateway.identity import service_passwords as passwords
from gateway.identity import service_people as people
from gateway.identity import service_sessions as sessions
from gateway.identity.crowd_gate import only_works
from gateway.identity.factors import factors_of
from gateway.identity.forms import done, same, submitted
from gateway.identity.http import (
    actor,
    end_browser_session,
    require_person,
    require_viewer,
    rt,
    safe_next,
)
from gateway.identity.pages_sign import shown
from gateway.identity.schemas import (
    AttestationForm,
    Consents,
    Corrected,
    PasswordChange,
    PasswordOnly,
)
from gateway.identity.service_consents import accept_documents as record_acceptance
from gateway.identity.service_consents import consents_due
from gateway.identity.service_fresh import Given, Self
from gateway.identity.service_memberships import memberships_of
from gateway.identity.service_people import NO_PASSWORD
from gateway.identity.service_roles import grants_of, waits
from gateway.identity.site_documents import SiteDocument, text_of
from gateway.journal import Act
from gateway.web.forms import Form
from gateway.web.i18n import gettext as _
from gateway.web.i18n import language
from gateway.web.pages import render

account = Blueprint("account", __name__, template_folder="templates", url_prefix="/account")


@account.get("")
def show() -> str:
    """Everything the gateway knows about the person, and how to change it."""
    return _page()


@account.post("")
def correct() -> tuple[str, int] | Response:
    """Correct one's own data."""
    here = require_viewer().session_id
    result = submitted(
        Corrected, lambda form: corrections.correct(rt(), actor(), form.correction(), here)
    )
    if result.again:
        return _page(data=result.form), result.status
    return done(_("Your data is corrected."), url_for("account.show"))


@account.post("/attestations")
def attest() -> tuple[str, int] | Response:
    """Add evidence about oneself."""
    require_person()
    result = submitted(AttestationForm, _attest)
    if result.again:
        return _page(evidence=result.form), result.status
    message = _("Your evidence is stored. A data steward will check it.")
    return done(message, url_for("account.show") + "#evidence")


def _attest(form: AttestationForm) -> None:
    attestations.add_attestation(rt(), actor(), form.attestation(rt().settings.zone))


@account.post("/sessions/<uuid:session_id>/end")
def end_session(session_id: uuid.UUID) -> Response:
    """End one of one's own sessions, here or elsewhere."""
    require_person()
    sessions.sign_out(rt(), actor(), session_id)
    return done(_("The session has ended."), url_for("account.show") + "#sessions")


@account.post("/sessions/end-others")
def end_other_sessions() -> Response:
    """End every session of one's own but the present one."""
    keep = require_viewer().session_id
    sessions.sign_out_others(rt(), actor(), keep)
    return done(_("Every other session has ended."), url_for("account.show") + "#sessions")


@account.get("/password")
def password() -> str | Response:
    """Ask for the present and a new password, or for the first one."""
    if not _has_password():
        return redirect(url_for("first_password.show"), code=303)
    return _password_page(Form())


@account.post("/password")
def change_password() -> tuple[str, int] | Response:
    """Set the new password; every other session ends."""
    keep = require_viewer().session_id
    result = submitted(PasswordChange, lambda form: _change(form, keep))
    if result.again:
        return _password_page(result.form), result.status
    message = _("Your password is changed. Every other session has ended.")
    return done(message, url_for("account.show"))


def _change(form: PasswordChange, keep: uuid.UUID) -> None:
    new = same(form.password, form.repeated)
    me = Self(actor(), keep)
    if service_fresh.due(rt(), me) is not None:
        _show_factor(me, Given(form.present, form.code))
    passwords.change_password(rt(), actor(), form.present, new, keep)


def _show_factor(me: Self, given: Given) -> None:
    """Ask for a factor as before any change of one. Raises Problem at the fields of this form."""
    try:
        service_fresh.ask(rt(), me, Act.PASSWORD_CHANGED, given)
    except Problem as problem:
        if problem.extra.get("field") == "password":
            problem.extra["field"] = "present"
        raise


def _password_page(form: Form) -> str:
    due = service_fresh.due(rt(), Self(actor(), require_viewer().session_id))
    possible = passkeys.possible(rt().settings)
    return render("identity/password.html", form=form, due=due, possible=possible)


@account.get("/documents")
def documents() -> str | Response:
    """Ask to accept the site's documents where their text is new to the person."""
    seen = require_viewer()
    with rt().db.read() as reading:
        due = consents_due(reading, seen.person_id)
    target = safe_next(request.args.get("next"))
    return _documents_page(Form(), due, target) if due else redirect(target, code=303)


@account.post("/documents")
def accept_documents() -> tuple[str, int] | Response:
    """Record the acceptance and go on."""
    require_person()
    target = safe_next(request.args.get("next"))
    result = submitted(Consents, lambda form: record_acceptance(rt(), actor(), form.consents))
    if result.again:
        return _documents_page(result.form, list(SiteDocument), target), result.status
    return done(_("Thank you. Your acceptance is recorded."), target)


@account.get("/close")
def closing() -> str | Response:
    """Say what closing means, and ask for the password; who has none sets one first."""
    if not _has_password():
        return redirect(url_for("first_password.show"), code=303)
    return render("identity/close.html", form=Form())


@account.post("/close")
def close() -> tuple[str, int] | Response:
    """Close one's own account."""
    require_person()
    result = submitted(PasswordOnly, lambda form: people.close_own(rt(), actor(), form.password))
    if result.again:
        return render("identity/close.html", form=result.form), result.status
    session.clear()
    return end_browser_session(make_response(done(_("Your account is closed."), "/")))


def _has_password() -> bool:
    with rt().db.read() as reading:
        return people.get_person(reading, require_viewer().person_id).password_hash != NO_PASSWORD


def _documents_page(form: Form, due: list[SiteDocument], target: str) -> str:
    texts = {document: text_of(document) for document in SiteDocument}
    return render(
        "identity/documents.html", form=form, due=due, texts=texts, shown=shown, next=target
    )


def _page(data: Form | None = None, evidence: Form | None = None) -> str:
    return render(
        "identity/account.html",
        data=data or Form(),
        evidence=evidence or Form(),
        countries=rules.countries(language()).items(),
        waits=waits,
        crowd_only=only_works(),
        **_known(require_viewer().person_id),
    )


def _known(person_id: uuid.UUID) -> dict[str, Any]:
    now = rt().clock.now()
    with rt().db.read() as reading:
        return {
            "person": people.get_person(reading, person_id),
            "factors": factors_of(reading, person_id),
            "sessions": sessions.list_sessions(reading, person_id, now),
            "memberships": memberships_of(reading, person_id),
            "roles": grants_of(reading, person_id),
            "attestations": attestations.list_attestations(reading, person_id),
            "level": attestations.identity_level(reading, person_id, now),
            "now": now,
        }
