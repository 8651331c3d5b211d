"""Registers identity with the application."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from flask import Flask

from gateway.identity import http, words
from gateway.identity.api import api
from gateway.identity.federation import wiring as federation
from gateway.identity.models import Role
from gateway.identity.oauth import beat_keep, pages_clients
from gateway.identity.oauth.api import api as oauth_api
from gateway.identity.oauth.pages import pages as oauth_pages
from gateway.identity.oauth.pages_clients import programs
from gateway.identity.pages_account import account
from gateway.identity.pages_first_password import first_password
from gateway.identity.pages_orgs import orgs
from gateway.identity.pages_sign import sign
from gateway.identity.pages_staff import evidence, staff
from gateway.jobs.beats import Beat
from gateway.jobs.queue import Leased
from gateway.runtime import Runtime
from gateway.web import nav
from gateway.web.i18n import lazy

BLUEPRINTS = (
    sign,
    account,
    first_password,
    orgs,
    staff,
    evidence,
    api,
    oauth_api,
    oauth_pages,
    programs,
)


def install(app: Flask, runtime: Runtime) -> None:
    """Recognise who sends each request; register pages, API, words and navigation."""
    http.install(app)
    words.install(app)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    federation.install(app, runtime)
    app.config.update(
        SIGN_IN_ENDPOINT="sign.sign_in",
        SIGN_OUT_ENDPOINT="sign.sign_out_post",
        ACCOUNT_ENDPOINT="account.show",
    )
    nav.panels(app).add("organisation", pages_clients.panel, 50)
    _navigate(nav.navigation(app))


def handlers(_runtime: Runtime) -> dict[str, Callable[[Leased], None]]:
    """Identity leaves no jobs behind."""
    return {}


def beats(runtime: Runtime) -> list[Beat]:
    """Warn about programs that run out; forget what ended long ago."""
    return [Beat("oauth.keep", beat_keep.INTERVAL_SECONDS, partial(beat_keep.keep, runtime))]


def _navigate(navigation: nav.Navigation) -> None:
    steward, operator = nav.with_role(Role.STEWARD), nav.with_role(Role.OPERATOR)
    navigation.add(nav.NavItem("orgs.index", lazy("Organisations"), nav.signed_in, 700))
    navigation.add(nav.NavItem("attestations.queue", lazy("Evidence"), steward, 710))
    navigation.add(nav.NavItem("roles.index", lazy("Roles"), operator, 720))
    navigation.add(nav.NavItem("account.show", lazy("Account"), nav.signed_in, 900))
