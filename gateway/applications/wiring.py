"""Registers applications with the application and with the worker."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask

from gateway.applications import api, pages_apply, pages_review, words
from gateway.identity.models import Role
from gateway.jobs.queue import Leased
from gateway.runtime import Runtime
from gateway.web.i18n import lazy
from gateway.web.nav import NavItem, navigation, panels, signed_in, with_role


def install(app: Flask, _runtime: Runtime) -> None:
    """Register pages, API, navigation and the "apply" panel of the dataset page."""
    words.install(app)
    for blueprint in (pages_apply.blueprint, pages_review.blueprint, api.api):
        app.register_blueprint(blueprint)
    menu = navigation(app)
    menu.add(NavItem("applications.listing", lazy("My applications"), signed_in, order=30))
    reviewers = with_role(Role.STEWARD, Role.COMMITTEE)
    menu.add(NavItem("review.queue", lazy("Review"), reviewers, order=50))
    panels(app).add("dataset_actions", pages_apply.apply_panel, order=10)


def handlers(_runtime: Runtime) -> dict[str, Callable[[Leased], None]]:
    """Applications have no background work."""
    return {}
