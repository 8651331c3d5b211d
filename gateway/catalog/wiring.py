"""Registers the catalogue with the application and with the worker."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask

from gateway.catalog import api, pages, pages_steward, words
from gateway.identity.models import Role
from gateway.jobs.queue import Leased
from gateway.runtime import Runtime
from gateway.web.i18n import lazy
from gateway.web.nav import NavItem, navigation, with_role


def install(app: Flask, _runtime: Runtime) -> None:
    """Register the catalogue's pages, API and navigation."""
    words.install(app)
    for blueprint in (
        pages.front,
        pages.project_pages,
        pages.blueprint,
        pages_steward.queue,
        pages_steward.blueprint,
        api.blueprint,
    ):
        app.register_blueprint(blueprint)
    menu = navigation(app)
    menu.add(NavItem("catalog.datasets", lazy("Datasets"), order=10))
    menu.add(NavItem("projects.projects", lazy("Construction projects"), order=20))
    stewards = with_role(Role.STEWARD)
    menu.add(NavItem("version_queue.versions", lazy("Versions to review"), stewards, order=60))


def handlers(runtime: Runtime) -> dict[str, Callable[[Leased], None]]:
    """The catalogue's jobs; their code needs pyarrow, which the web process never imports."""
    from gateway.catalog.scan_job import scan_version
    from gateway.catalog.service_versions import SCAN_JOB

    return {SCAN_JOB: lambda leased: scan_version(runtime, leased)}
