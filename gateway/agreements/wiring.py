"""Registers usage agreements with the application."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask

from gateway.agreements import api, pages
from gateway.jobs.queue import Leased
from gateway.runtime import Runtime
from gateway.web.i18n import lazy
from gateway.web.nav import NavItem, navigation


def install(app: Flask, _runtime: Runtime) -> None:
    """Register pages, API and navigation."""
    app.register_blueprint(pages.blueprint)
    app.register_blueprint(api.blueprint)
    navigation(app).add(NavItem("agreements.overview", lazy("Usage agreements"), order=30))


def handlers(_runtime: Runtime) -> dict[str, Callable[[Leased], None]]:
    """Agreements have no background work."""
    return {}
