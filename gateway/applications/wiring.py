"""Registers applications with the application and with the worker."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask

from gateway.applications import (
    api,
    api_approvals,
    pages_apply,
    pages_approvals,
    pages_review,
    pages_what_if,
    words,
)
from gateway.identity.models import Role
from gateway.jobs.queue import Leased
from gateway.runtime import Runtime
from gateway.web.i18n import lazy
from gateway.web.nav import NavItem, navigation, panels, signed_in, with_role

BLUEPRINTS = (
    pages_apply.blueprint,
    pages_review.blueprint,
    pages_approvals.blueprint,
    api.api,
    api_approvals.api,
)


def install(app: Flask, _runtime: Runtime) -> None:
    """Register pages, API, navigation and the panels of the dataset page."""
    words.install(app)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    menu = navigation(app)
    menu.add(NavItem("applications.listing", lazy("My applications"), signed_in, order=30))
    reviewers = with_role(Role.STEWARD, Role.COMMITTEE)
    menu.add(NavItem("review.queue", lazy("Review"), reviewers, order=50))
    menu.add(NavItem("approvals.index", lazy("Approvals"), with_role(Role.STEWARD), order=715))
    panels(app).add("dataset_actions", pages_apply.apply_panel, order=10)
    panels(app).add("dataset", pages_what_if.what_if_panel, order=20)


def handlers(_runtime: Runtime) -> dict[str, Callable[[Leased], None]]:
    """Applications have no background work."""
    return {}
