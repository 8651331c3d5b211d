"""Registers oversight with the application."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask

from gateway.identity.models import Role
from gateway.jobs.queue import Leased
from gateway.oversight import api, names, pages, tree
from gateway.oversight.directory import Directory
from gateway.oversight.views import DIRECTORY
from gateway.runtime import Runtime
from gateway.web import nav
from gateway.web.i18n import lazy


def install(app: Flask, runtime: Runtime) -> None:
    """Register the auditor's pages, the API, the log's tiles, and the panel of `/account`."""
    names.install(app)
    app.extensions[DIRECTORY] = Directory(runtime.vault)
    for blueprint in (pages.blueprint, pages.own_blueprint, api.blueprint, tree.blueprint):
        app.register_blueprint(blueprint)
    item = nav.NavItem("audit.index", lazy("Audit log"), nav.with_role(Role.AUDITOR), order=800)
    nav.navigation(app).add(item)
    nav.panels(app).add("account", pages.account_panel, order=90)


def handlers(_runtime: Runtime) -> dict[str, Callable[[Leased], None]]:
    """Oversight has no background work."""
    return {}
