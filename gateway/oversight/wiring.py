"""Registers oversight with the application."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask

from gateway.identity.models import Role
from gateway.jobs.beats import Beat
from gateway.jobs.queue import Leased
from gateway.oversight import (
    api,
    api_review,
    names,
    pages,
    pages_anomalies,
    pages_bundle,
    pages_reviews,
    pages_views,
    rule_words,
    tree,
    watch,
    witnesses,
)
from gateway.oversight.directory import Directory
from gateway.oversight.views import DIRECTORY
from gateway.runtime import Runtime
from gateway.web import nav
from gateway.web.i18n import lazy

# Importing these registers their routes with the blueprint of `pages`.
PAGES = (api_review, pages_views, pages_anomalies, pages_reviews, pages_bundle)
WATCH_SECONDS = 30.0


def install(app: Flask, runtime: Runtime) -> None:
    """Register the auditor's pages, the API, the log's tiles, and the panel of `/account`."""
    names.install(app)
    rule_words.install(app)
    witnesses.install(app)
    app.extensions[DIRECTORY] = Directory(runtime.vault)
    for blueprint in (pages.blueprint, pages.own_blueprint, api.blueprint, tree.blueprint):
        app.register_blueprint(blueprint)
    item = nav.NavItem("audit.index", lazy("Audit log"), nav.with_role(Role.AUDITOR), order=800)
    nav.navigation(app).add(item)
    nav.panels(app).add("account", pages.account_panel, order=90)
    nav.panels(app).add("home", pages_reviews.home_panel)


def handlers(_runtime: Runtime) -> dict[str, Callable[[Leased], None]]:
    """Oversight has no jobs."""
    return {}


def beats(runtime: Runtime) -> list[Beat]:
    """What the worker does for auditors: look at what is new, and open reviews that are due."""
    return [Beat("oversight.watch", WATCH_SECONDS, lambda: watch.look_and_open(runtime))]
