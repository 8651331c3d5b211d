"""Registers identity with the application."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from flask import Flask

from gateway.identity import (
    http,
    jobs_invitations,
    pages_checks,
    pages_documents,
    pages_invitations,
    service_checks,
    service_invitations,
    words,
)
from gateway.identity.api import api
from gateway.identity.models import Role
from gateway.identity.pages_account import account
from gateway.identity.pages_orgs import orgs
from gateway.identity.pages_sign import sign
from gateway.identity.pages_staff import evidence, staff
from gateway.identity.scim import api as scim
from gateway.identity.scim import pages as provisioning
from gateway.identity.tax_service import TaxService
from gateway.jobs.beats import Beat
from gateway.jobs.queue import Leased
from gateway.runtime import Runtime
from gateway.web import nav
from gateway.web.i18n import lazy

BLUEPRINTS = (
    sign, account, orgs, staff, evidence, api, pages_invitations.blueprint,
    pages_checks.blueprint, pages_documents.blueprint, provisioning.blueprint, scim.blueprint,
)  # fmt: skip
FORGET_SECONDS = 3600.0


def install(app: Flask, _runtime: Runtime) -> None:
    """Recognise who sends each request; register pages, API, words and navigation."""
    http.install(app)
    words.install(app)
    pages_documents.install(app)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    app.config.update(
        SIGN_IN_ENDPOINT="sign.sign_in",
        SIGN_OUT_ENDPOINT="sign.sign_out_post",
        ACCOUNT_ENDPOINT="account.show",
    )
    _navigate(nav.navigation(app))
    nav.panels(app).add("organisation", pages_invitations.panel, order=10)
    nav.panels(app).add("organisation", pages_documents.panel, order=20)
    nav.panels(app).add("organisation", pages_checks.panel, order=30)
    nav.panels(app).add("organisation", provisioning.panel, order=40)


def handlers(runtime: Runtime) -> dict[str, Callable[[Leased], None]]:
    """Mail the links of invitations."""
    return {service_invitations.MAIL_JOB: partial(jobs_invitations.mail, runtime)}


def beats(runtime: Runtime) -> list[Beat]:
    """Forget the addresses of invitations that have run out; ask about businesses, daily each."""
    forget = partial(service_invitations.forget_addresses, runtime)
    recheck = partial(service_checks.keep, runtime, TaxService.of(runtime.settings))
    return [
        Beat("identity.forget", FORGET_SECONDS, forget),
        Beat("identity.recheck", service_checks.INTERVAL_SECONDS, recheck),
    ]


def _navigate(navigation: nav.Navigation) -> None:
    steward, operator = nav.with_role(Role.STEWARD), nav.with_role(Role.OPERATOR)
    navigation.add(nav.NavItem("orgs.index", lazy("Organisations"), nav.signed_in, 700))
    navigation.add(nav.NavItem("attestations.queue", lazy("Evidence"), steward, 710))
    navigation.add(nav.NavItem("roles.index", lazy("Roles"), operator, 720))
    navigation.add(nav.NavItem("account.show", lazy("Account"), nav.signed_in, 900))
