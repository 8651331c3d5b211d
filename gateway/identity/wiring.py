"""Registers identity with the application."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask

from gateway.identity import http, words
from gateway.identity.api import api
from gateway.identity.models import Role
from gateway.identity.pages_account import account
from gateway.identity.pages_factors import factors
from gateway.identity.pages_orgs import orgs
from gateway.identity.pages_second import second
from gateway.identity.pages_sign import sign
from gateway.identity.pages_staff import evidence, staff
from gateway.jobs.queue import Leased
from gateway.runtime import Runtime
from gateway.web import nav
from gateway.web.i18n import lazy

BLUEPRINTS = (sign, second, account, factors, orgs, staff, evidence, api)


def install(app: Flask, _runtime: Runtime) -> None:
    """Recognise who sends each request; register pages, API, words and navigation."""
    http.install(app)
    words.install(app)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    app.config.update(
        SIGN_IN_ENDPOINT="sign.sign_in",
        SIGN_OUT_ENDPOINT="sign.sign_out_post",
        ACCOUNT_ENDPOINT="account.show",
    )
    _navigate(nav.navigation(app))


def handlers(_runtime: Runtime) -> dict[str, Callable[[Leased], None]]:
    """Identity has no background work."""
    return {}


def _navigate(navigation: nav.Navigation) -> None:
    steward, operator = nav.with_role(Role.STEWARD), nav.with_role(Role.OPERATOR)
    navigation.add(nav.NavItem("orgs.index", lazy("Organisations"), nav.signed_in, 700))
    navigation.add(nav.NavItem("attestations.queue", lazy("Evidence"), steward, 710))
    navigation.add(nav.NavItem("roles.index", lazy("Roles"), operator, 720))
    navigation.add(nav.NavItem("account.show", lazy("Account"), nav.signed_in, 900))
