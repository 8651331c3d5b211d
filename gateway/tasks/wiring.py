"""Registers crowd work with the application."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask

from gateway.errors import ProblemCode
from gateway.identity.crowd_gate import only_works
from gateway.jobs.queue import Leased
from gateway.runtime import Runtime
from gateway.tasks import api, pages
from gateway.tasks.service import ASSIGNERS
from gateway.web import labels, problems
from gateway.web.i18n import lazy
from gateway.web.labels import Kind, Label
from gateway.web.nav import NavItem, Viewer, navigation, panels, with_role

STATES = {
    "live": Label(Kind.OK, lazy("Under way")),
    "finished": Label(Kind.OK, lazy("All items finished")),
    "taken_back": Label(Kind.OFF, lazy("Taken back")),
    "expired": Label(Kind.OFF, lazy("Expired")),
}
_assigns = with_role(*ASSIGNERS)


def install(app: Flask, _runtime: Runtime) -> None:
    """Register pages, API and navigation."""
    labels.STATES["task"] = STATES
    app.register_blueprint(pages.blueprint)
    app.register_blueprint(api.blueprint)
    problems.offer(app, ProblemCode.CROWD_WORK_ONLY, "tasks.current", lazy("Tasks"))
    for slot in ("sign_in", "sign_up"):
        panels(app).add(slot, pages.join_panel)
    navigation(app).add(NavItem("tasks.current", lazy("Tasks"), _works, order=600))


def handlers(_runtime: Runtime) -> dict[str, Callable[[Leased], None]]:
    """Crowd work has no background work: an end is decided by the clock."""
    return {}


def _works(viewer: Viewer | None) -> bool:
    return viewer is not None and (only_works() or _assigns(viewer))
