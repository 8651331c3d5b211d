"""Registers safe zones with the application, with the pages of grants and with the worker."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask

from gateway.access.in_zone import register
from gateway.identity.models import Role
from gateway.jobs.queue import Leased
from gateway.runtime import Runtime
from gateway.web.i18n import lazy
from gateway.web.nav import NavItem, navigation, panels, signed_in, with_role
from gateway.zones import api, pages, pages_desk, words
from gateway.zones.service_facts import facts_of_grant
from gateway.zones.service_sessions import END_JOB, end_run_out


def install(app: Flask, runtime: Runtime) -> None:
    """Register pages, API, navigation, panels, and what the pages of grants ask about zones."""
    register(app, lambda grant_id: facts_of_grant(runtime, grant_id))
    words.install()
    for blueprint in (pages.blueprint, pages_desk.blueprint, api.blueprint):
        app.register_blueprint(blueprint)
    menu = navigation(app)
    menu.add(NavItem("zones.index", lazy("Safe zones"), signed_in, order=45))
    menu.add(NavItem("zone_desk.today", lazy("Safe-zone desk"), with_role(Role.ZONE_STAFF), 64))
    panels(app).add("dataset", pages.dataset_panel, order=20)
    panels(app).add("grant_zone", pages.grant_panel)


def handlers(runtime: Runtime) -> dict[str, Callable[[Leased], None]]:
    """The job that records the end of a session whose time is up."""
    return {END_JOB: lambda leased: end_run_out(runtime, leased)}
