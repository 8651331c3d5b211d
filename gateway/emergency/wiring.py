"""Registers break-glass access with the application and the worker."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from flask import Flask

from gateway.emergency import api, jobs_tell, pages, service, service_review, shared, views
from gateway.jobs.beats import Beat
from gateway.jobs.queue import Leased
from gateway.runtime import Runtime
from gateway.web import labels
from gateway.web.i18n import lazy
from gateway.web.labels import Kind, Label
from gateway.web.nav import NavItem, navigation, panels, with_role

KEEP_SECONDS = 60.0
STATES = {
    "live": Label(Kind.STOP, lazy("Open now")),
    "unreviewed": Label(Kind.WARN, lazy("Waits for a review")),
    "justified": Label(Kind.OK, lazy("Reviewed: justified")),
    "not_justified": Label(Kind.STOP, lazy("Reviewed: not justified")),
}


def install(app: Flask, _runtime: Runtime) -> None:
    """Register pages, API, navigation and the alarm on first and audit pages."""
    labels.STATES["emergency"] = STATES
    app.register_blueprint(pages.blueprint)
    app.register_blueprint(api.blueprint)
    seen = with_role(*shared.TOLD)
    navigation(app).add(NavItem("emergency.index", lazy("Emergencies"), seen, order=730))
    panels(app).add("home", views.alarm_panel, order=1)
    panels(app).add("audit", views.alarm_panel, order=1)


def handlers(runtime: Runtime) -> dict[str, Callable[[Leased], None]]:
    """Tell the other operators and the auditors."""
    return {service.TELL_JOB: partial(jobs_tell.tell, runtime)}


def beats(runtime: Runtime) -> list[Beat]:
    """Write down which emergencies ran out."""
    return [Beat("emergency.keep", KEEP_SECONDS, partial(service_review.keep, runtime))]
