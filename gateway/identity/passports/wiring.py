"""Registers passports with the application."""

from __future__ import annotations

from flask import Flask

from gateway.identity.passports import http, pages
from gateway.identity.passports.api import api
from gateway.runtime import Runtime
from gateway.web.nav import panels


def install(app: Flask, runtime: Runtime) -> None:
    """Register the clearinghouse, pages, API, and the part of `/account`."""
    http.install(app, runtime)
    app.register_blueprint(pages.pages)
    app.register_blueprint(api)
    panels(app).add("account_ordinary", pages.panel, order=110)
