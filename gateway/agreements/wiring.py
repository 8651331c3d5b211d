"""Registers usage agreements with the application and the worker."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from flask import Flask

from gateway.agreements import (
    api,
    api_organisations,
    jobs_mail,
    pages,
    pages_official,
    pages_states,
    service_schedule,
    visas,
)
from gateway.agreements.service_overview import Standing
from gateway.agreements.service_requests import MAIL_JOB, forget_addresses
from gateway.identity.passports.http import add_source
from gateway.jobs.beats import Beat
from gateway.jobs.queue import Leased
from gateway.runtime import Runtime
from gateway.web import labels
from gateway.web.i18n import lazy
from gateway.web.labels import Kind, Label
from gateway.web.nav import NavItem, navigation, panels

STATES = {
    Standing.UNCONFIRMED: Label(Kind.WAIT, lazy("Waits for confirmation")),
    Standing.LIVE: Label(Kind.OK, lazy("Valid")),
    Standing.ENDING: Label(Kind.WARN, lazy("Runs out soon: ask for a renewal")),
    Standing.SUPERSEDED: Label(Kind.WARN, lazy("A new version must be signed")),
    Standing.EXPIRED: Label(Kind.OFF, lazy("Expired")),
    Standing.ENDED: Label(Kind.OFF, lazy("Ended")),
}
FORGET_SECONDS = 3600.0


def install(app: Flask, _runtime: Runtime) -> None:
    """Register pages, API, navigation and the panel of an organisation's page."""
    for part in (pages, pages_states, pages_official, api, api_organisations):
        app.register_blueprint(part.blueprint)
    pages_official.install(app)
    labels.STATES["organisation_signature"] = {str(state): one for state, one in STATES.items()}
    navigation(app).add(NavItem("agreements.overview", lazy("Usage agreements"), order=30))
    panels(app).add("organisation", pages_official.panel)
    add_source(app, visas.accepted)


def handlers(runtime: Runtime) -> dict[str, Callable[[Leased], None]]:
    """Mail a signing official the link."""
    return {MAIL_JOB: partial(jobs_mail.mail, runtime)}


def beats(runtime: Runtime) -> list[Beat]:
    """Put versions in force and withdraw them at their time; forget what is no longer needed."""
    return [
        Beat(
            "agreements.schedule",
            service_schedule.INTERVAL_SECONDS,
            partial(service_schedule.keep, runtime),
        ),
        Beat("agreements.forget", FORGET_SECONDS, partial(forget_addresses, runtime)),
    ]
