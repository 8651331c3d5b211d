"""Registers grants with the application and with the worker."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask

from gateway.access import api, api_seats, grants, pages, pages_seats, visas
from gateway.identity.passports.http import add_source
from gateway.jobs.queue import Leased
from gateway.runtime import Runtime
from gateway.web.i18n import lazy
from gateway.web.nav import NavItem, navigation, panels, signed_in


def install(app: Flask, _runtime: Runtime) -> None:
    """Register pages, API, navigation and the panels of the dataset page."""
    app.register_blueprint(pages.blueprint)
    app.register_blueprint(pages_seats.blueprint)
    app.register_blueprint(api.blueprint)
    app.register_blueprint(api_seats.blueprint)
    navigation(app).add(NavItem("access.own", lazy("My access"), signed_in, order=40))
    panels(app).add("dataset", pages.can_i_panel, order=10)
    panels(app).add("dataset_actions", pages.steward_link, order=90)
    panels(app).add("organisation", pages_seats.panel, order=5)
    panels(app).add("requirement", pages.requirement_actor)
    add_source(app, visas.granted)


def handlers(runtime: Runtime) -> dict[str, Callable[[Leased], None]]:
    """The job that records a grant's expiry."""
    return {grants.EXPIRE_JOB: lambda leased: grants.expire(runtime, leased)}
