"""Registers outside identities with the application."""

from __future__ import annotations

from flask import Flask

from gateway.identity.federation import pages
from gateway.identity.federation.api import api
from gateway.identity.federation.service_flows import Federation
from gateway.runtime import Runtime
from gateway.web.nav import panels


def install(app: Flask, runtime: Runtime) -> None:
    """Register pages, API, and the parts of `/sign-in` and `/account`."""
    app.extensions[pages.EXTENSION] = Federation.of(runtime)
    app.register_blueprint(pages.providers)
    app.register_blueprint(api)
    panels(app).add("sign_in", pages.sign_in_panel)
    panels(app).add("account_ordinary", pages.account_panel)
