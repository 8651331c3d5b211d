"""Registers identity with the application."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from flask import Flask

from gateway.errors import ProblemCode
from gateway.identity import (
    api_documents,
    api_invitations,
    api_sessions,
    crowd_gate,
    flood,
    http,
    jobs_factors,
    jobs_invitations,
    machine_gate,
    pages_checks,
    pages_documents,
    pages_identity_check,
    pages_invitations,
    service_checks,
    service_identity_checks,
    service_invitations,
    words,
)
from gateway.identity.api import api
from gateway.identity.federation import wiring as federation
from gateway.identity.models import Role
from gateway.identity.oauth import (
    api_clients,
    api_machines,
    beat_keep,
    jobs_machines,
    pages_clients,
    pages_machines,
    waiting,
)
from gateway.identity.oauth.api import api as oauth_api
from gateway.identity.oauth.pages import pages as oauth_pages
from gateway.identity.oauth.pages_clients import programs
from gateway.identity.pages_account import account
from gateway.identity.pages_factors import factors
from gateway.identity.pages_first_password import first_password
from gateway.identity.pages_orgs import orgs
from gateway.identity.pages_second import second
from gateway.identity.pages_sign import sign
from gateway.identity.pages_staff import evidence, staff
from gateway.identity.passports import wiring as passports
from gateway.identity.scim import api as scim
from gateway.identity.scim import pages as provisioning
from gateway.identity.tax_service import TaxService
from gateway.jobs.beats import Beat
from gateway.jobs.queue import Leased
from gateway.runtime import Runtime
from gateway.web import nav, problems
from gateway.web.i18n import lazy

BLUEPRINTS = (
    sign, second, account, first_password, factors, orgs, staff, evidence, api, oauth_api,
    oauth_pages, programs,
    pages_identity_check.blueprint, pages_invitations.blueprint, pages_checks.blueprint,
    pages_documents.blueprint, provisioning.blueprint, scim.blueprint, api_sessions.api,
    api_invitations.api, api_documents.api, api_clients.api, api_machines.api,
    pages_machines.pages,
)  # fmt: skip
FORGET_SECONDS = 3600.0


def install(app: Flask, runtime: Runtime) -> None:
    """Recognise who sends each request; register pages, API, words and navigation."""
    http.install(app)
    flood.install(app)
    crowd_gate.install(app)
    machine_gate.install(app)
    words.install(app)
    pages_documents.install(app)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    app.extensions[waiting.EXTENSION] = waiting.pace()
    federation.install(app, runtime)
    passports.install(app, runtime)
    app.config.update(
        SIGN_IN_ENDPOINT="sign.sign_in",
        SIGN_OUT_ENDPOINT="sign.sign_out_post",
        ACCOUNT_ENDPOINT="account.show",
    )
    _lead_on(app)
    nav.panels(app).add("organisation", pages_clients.panel, 50)
    _navigate(nav.navigation(app))
    nav.panels(app).add("organisation", pages_invitations.panel, order=10)
    nav.panels(app).add("organisation", pages_documents.panel, order=20)
    nav.panels(app).add("organisation", pages_checks.panel, order=30)
    nav.panels(app).add("organisation", provisioning.panel, order=40)
    nav.panels(app).add("account", pages_machines.panel, order=5)


def handlers(runtime: Runtime) -> dict[str, Callable[[Leased], None]]:
    """Mail the links of invitations, what has changed about factors, and who answers for what."""
    return {
        service_invitations.MAIL_JOB: partial(jobs_invitations.mail, runtime),
        jobs_factors.MAIL_JOB: partial(jobs_factors.mail, runtime),
        jobs_machines.MAIL_JOB: partial(jobs_machines.mail, runtime),
    }


def beats(runtime: Runtime) -> list[Beat]:
    """Forget addresses of invitations that have run out, and identity checks that nobody came back
    from; ask about businesses, daily each; warn about programs that run out, and forget what they
    were handed long ago."""
    forget = partial(service_invitations.forget_addresses, runtime)
    recheck = partial(service_checks.keep, runtime, TaxService.of(runtime.settings))
    return [
        Beat("identity.forget", FORGET_SECONDS, forget),
        Beat("identity.recheck", service_checks.INTERVAL_SECONDS, recheck),
        Beat(
            "identity.forget_checks",
            FORGET_SECONDS,
            partial(service_identity_checks.forget, runtime),
        ),
        Beat(
            "oauth.forget",
            beat_keep.FORGET_SECONDS,
            partial(beat_keep.forget_strangers, runtime),
        ),
        Beat("oauth.keep", beat_keep.INTERVAL_SECONDS, partial(beat_keep.keep, runtime)),
    ]


def _lead_on(app: Flask) -> None:
    """Where the pages of refusals lead, besides the start page."""
    account = lazy("Account")
    problems.offer(app, ProblemCode.CROWD_WORK_ONLY, "account.show", account)
    problems.offer(app, ProblemCode.STAFF_FACTOR_MISSING, "account.show", account, "factors")


def _navigate(navigation: nav.Navigation) -> None:
    steward, operator = nav.with_role(Role.STEWARD), nav.with_role(Role.OPERATOR)
    navigation.add(nav.NavItem("orgs.index", lazy("Organisations"), nav.signed_in, 700))
    navigation.add(nav.NavItem("attestations.queue", lazy("Evidence"), steward, 710))
    navigation.add(nav.NavItem("roles.index", lazy("Roles"), operator, 720))
    navigation.add(nav.NavItem("account.show", lazy("Account"), nav.signed_in, 900))
