"""Registers the decision point and the pages about decisions with the application."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask

from gateway.decisions import api, pages, pages_rules, words
from gateway.jobs.queue import Leased
from gateway.runtime import Runtime
from gateway.web.nav import panels


def install(app: Flask, _runtime: Runtime) -> None:
    """Register AuthZEN, the pages, and the panels of the pages of agreements and of datasets."""
    words.install(app)
    app.register_blueprint(api.blueprint)
    app.register_blueprint(pages.blueprint)
    panels(app).add("policies", pages_rules.rules_panel)
    panels(app).add("dataset_actions", pages_rules.dataset_link, order=91)


def handlers(_runtime: Runtime) -> dict[str, Callable[[Leased], None]]:
    """Decisions have no background work."""
    return {}
