"""Pages of outside identities: go to a provider, come back, link, take off, make an account."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Blueprint, current_app, make_response, redirect, request, session, url_for
from markupsafe import Markup
from werkzeug.wrappers import Response

from gateway.errors import Problem, ProblemCode
from gateway.identity import rules
from gateway.identity.authenticators import COOKIE
from gateway.identity.devices import device_of
from gateway.identity.federation import held_visas
from gateway.identity.federation import service_entry as entry
from gateway.identity.federation import service_flows as flows
from gateway.identity.federation import service_links as links
from gateway.identity.federation.exchange import Answer, Proven
from gateway.identity.federation.refusals import Refusal, problem
from gateway.identity.federation.schemas import ProviderSignUp
from gateway.identity.federation.service_flows import Errand, Federation
from gateway.identity.forms import done, submitted
from gateway.identity.http import actor, require_person, require_viewer, rt, safe_next, viewer
from gateway.identity.models import SessionChannel
from gateway.identity.models_federation import FlowPurpose
from gateway.identity.pages_sign import enter, hold_pending, shown
from gateway.identity.passports.http import clearinghouse
from gateway.identity.passports.service_taking import take_from_provider
from gateway.identity.service_second import Pending
from gateway.identity.service_sessions import Opening, SignedIn
from gateway.identity.site_documents import SiteDocument, text_of
from gateway.identity.ways import require_recent
from gateway.provider_settings import IdentityProvider
from gateway.web.forms import Form
from gateway.web.i18n import gettext as _
from gateway.web.i18n import language
from gateway.web.pages import render

providers = Blueprint("providers", __name__, template_folder="../templates")
EXTENSION = "sumun_federation"
FLOW_COOKIE = "sumun_flow_{}"
WAITING_COOKIE = "sumun_identity"
MOST_NEXT = 2000
LONGEST_PARAMETER = 4096


def federation() -> Federation:
    """The providers of the running application."""
    found: Federation = current_app.extensions[EXTENSION]
    return found


@providers.post("/sign-in/with/<provider_id>")
def begin(provider_id: str) -> Response:
    """Go to a provider to sign in."""
    target = safe_next(request.form.get("next"))[:MOST_NEXT]
    return _onward(provider_id, Errand(FlowPurpose.SIGN_IN, next=target))


@providers.post("/account/identities/with/<provider_id>")
def begin_link(provider_id: str) -> Response:
    """Go to a provider to link an identity there to one's account."""
    here = require_viewer().session_id
    require_recent(rt(), here)
    target = url_for("account.show") + "#identities"
    return _onward(provider_id, Errand(FlowPurpose.LINK, here, target))


@providers.get("/sign-in/with/<provider_id>/back")
def back(provider_id: str) -> Response:
    """Where a provider sends the browser with its answer."""
    came = (_answer(), request.cookies.get(FLOW_COOKIE.format(provider_id), ""))
    errand, proven = flows.finish(rt(), federation(), actor(), provider_id, came)
    arrive = _linked if errand.purpose is FlowPurpose.LINK else _entered
    answer = arrive(errand, proven)
    answer.delete_cookie(FLOW_COOKIE.format(provider_id), path=_way_back(provider_id))
    return answer


@providers.get("/sign-in/new")
def unknown() -> str | Response:
    """Say that the identity is not linked yet: sign in and link it, or make an account."""
    return _unknown_page(Form(), _waiting())


@providers.post("/sign-in/new")
def sign_up() -> tuple[str, int] | Response:
    """Make an account that signs in through the provider."""
    proven = _waiting()
    result = submitted(ProviderSignUp, _sign_up)
    if result.done is None:
        return _unknown_page(result.form, proven), result.status
    return _forget(_come_in(result.done, "/"))


@providers.get("/account/identities/new")
def confirming() -> str:
    """Ask whether the identity of this browser is to be linked to the account."""
    require_person()
    proven = _waiting()
    return render("identity/link.html", proven=proven, provider=_named(proven))


@providers.post("/account/identities/new")
def confirm() -> Response:
    """Link it."""
    here, token = require_viewer().session_id, request.cookies.get(WAITING_COOKIE, "")
    entry.link_waiting(rt(), federation(), actor(), (token, here))
    target = url_for("account.show") + "#identities"
    return _forget(make_response(done(_("The outside account is linked."), target)))


@providers.post("/account/identities/<uuid:identity_id>/end")
def end(identity_id: uuid.UUID) -> Response:
    """Take an identity off."""
    here = require_viewer().session_id
    links.unlink(rt(), actor(), identity_id, here)
    message = _("The outside account is no longer linked. Every other session has ended.")
    return done(message, url_for("account.show") + "#identities")


def sign_in_panel(next: str, **_context: Any) -> Markup:
    """The part of `/sign-in` that offers the configured providers."""
    offered = federation().providers.values()
    page = render("identity/_providers.html", offered=offered, next=next)
    return Markup(page)  # noqa: S704 — a rendered template, escaped there


def account_panel(person_id: uuid.UUID, **_context: Any) -> Markup:
    """The part of `/account` about outside identities; nothing where none is configured."""
    with rt().db.read() as reading:
        linked = links.identities_of(reading, person_id)
    offered = federation().providers.values()
    free = [each for each in offered if each.issuer not in {row.issuer for row in linked}]
    if not linked and not free:
        return Markup("")
    names = {each.id: each.label(language()) for each in offered}
    page = render("identity/_identities.html", linked=linked, free=free, names=names)
    return Markup(page)  # noqa: S704 — a rendered template, escaped there


def _onward(provider_id: str, errand: Errand) -> Response:
    begun = flows.begin(rt(), federation(), actor(), provider_id, errand)
    # `form-action 'self'` forbids a form to be redirected to another site, so a page leads there:
    # by itself where the browser follows Refresh, else by its link.
    provider = federation().provider(provider_id)
    page = render("identity/onward.html", address=begun.address, provider=provider)
    response = make_response(page)
    response.headers["Cache-Control"] = "no-store"
    response.headers["Refresh"] = f"0;url={begun.address}"
    _remember(
        response, FLOW_COOKIE.format(provider_id), begun.browser, _way_back(provider_id),
        int(flows.LIFETIME.total_seconds()),
    )  # fmt: skip
    return response


def _way_back(provider_id: str) -> str:
    return flows.CALLBACK.format(provider_id)


def _answer() -> Answer:
    """The query, in which nothing is given twice. Raises Problem 403."""
    given = request.args.to_dict(flat=False)
    single = {name: values[0] for name, values in given.items() if len(values) == 1}
    asked = {name: single.get(name, "") for name in ("code", "state", "error")}
    repeated = any(len(given.get(name, ())) > 1 for name in (*asked, "iss"))
    if repeated or any(len(value) > LONGEST_PARAMETER for value in asked.values()):
        raise problem(Refusal.ANSWER)
    return Answer(**asked, iss=single.get("iss"))


def _linked(errand: Errand, proven: Proven) -> Response:
    here = viewer()
    if here is None:
        raise problem(Refusal.OTHER_PERSON)
    links.link(rt(), federation(), actor(), (errand, proven, here.session_id))
    _take_visas(proven)
    return done(_("The outside account is linked."), errand.next)


def _entered(errand: Errand, proven: Proven) -> Response:
    return _come_in(proven, errand.next)


def _come_in(proven: Proven, target: str) -> Response:
    device, previous = device_of(request.user_agent.string), request.cookies.get(COOKIE)
    how = Opening(device, SessionChannel.BROWSER, previous)
    found = entry.enter(rt(), actor(), proven, how)
    if isinstance(found, SignedIn):
        _take_visas(proven)
        return enter(found, target)
    if isinstance(found, Pending):
        held_visas.hold(rt(), found.token, proven)
        onward = make_response(redirect(url_for("second.ask", next=target), code=303))
        return hold_pending(onward, found)
    session.clear()
    response = make_response(redirect(url_for("providers.unknown"), code=303))
    return _remember(response, WAITING_COOKIE, found.token, "/", int(entry.WAITS.total_seconds()))


def _take_visas(proven: Proven) -> None:
    came = (proven.issuer, proven.subject, proven.visas)
    take_from_provider(rt(), clearinghouse(), actor(), came)


def _sign_up(form: ProviderSignUp) -> Proven:
    new = form.person(language()), form.consents, request.cookies.get(WAITING_COOKIE, "")
    return entry.sign_up(rt(), federation(), actor(), new)


def _waiting() -> Proven:
    found = entry.waiting(rt(), request.cookies.get(WAITING_COOKIE, ""))
    if found is None:
        raise problem(Refusal.STATE)
    return found


def _named(proven: Proven) -> IdentityProvider:
    found = federation().providers.get(proven.provider)
    if found is None:
        raise Problem(ProblemCode.NOT_FOUND)
    return found


def _unknown_page(form: Form, proven: Proven) -> str:
    context: dict[str, Any] = {
        "countries": rules.countries(language()).items(),
        "texts": {document: text_of(document) for document in SiteDocument},
        "shown": shown,
    }
    return render(
        "identity/unknown.html", form=form, proven=proven, provider=_named(proven), **context
    )


def _remember(response: Response, name: str, value: str, path: str, seconds: int) -> Response:
    response.set_cookie(
        name,
        value,
        max_age=seconds,
        path=path,
        httponly=True,
        # The way back from a provider is a link from another site, which Strict would strip.
        samesite="Lax",
        secure=rt().settings.secure,
    )
    return response


def _forget(response: Response) -> Response:
    response.delete_cookie(WAITING_COOKIE, httponly=True, samesite="Lax")
    return response
