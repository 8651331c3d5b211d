"""Registers exports with the application, with delivery and with the worker."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask

from gateway.delivery.tokens import Kind
from gateway.delivery.wiring import register_kind
from gateway.exports import api, pages, upload, words
from gateway.exports.service import PACKAGE_JOB, RESULT_JOB
from gateway.exports.service_fetch import ask_for
from gateway.identity.models import Role
from gateway.jobs.queue import Leased
from gateway.runtime import Runtime
from gateway.web.i18n import lazy
from gateway.web.nav import NavItem, navigation, signed_in, with_role


def install(app: Flask, _runtime: Runtime) -> None:
    """Register pages, API, navigation, and how a signed address of an export is asked for."""
    register_kind(app, Kind.EXPORT, ask_for)
    words.install(app)
    upload.install(app)
    app.register_blueprint(pages.blueprint)
    app.register_blueprint(pages.review)
    app.register_blueprint(api.blueprint)
    menu = navigation(app)
    menu.add(NavItem("exports.index", lazy("My exports"), signed_in, order=50))
    menu.add(NavItem("export_review.queue", lazy("Exports to review"), with_role(Role.STEWARD), 62))


def handlers(runtime: Runtime) -> dict[str, Callable[[Leased], None]]:
    """The jobs of exports; their code is for the worker alone."""
    from gateway.exports.jobs_scan import assemble, scan_result

    return {
        PACKAGE_JOB: lambda leased: assemble(runtime, leased),
        RESULT_JOB: lambda leased: scan_result(runtime, leased),
    }
