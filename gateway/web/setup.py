"""Wires the shared edge into an application, in the order its parts need each other."""

from __future__ import annotations

from flask import Flask

from gateway.clock import Clock
from gateway.config import Settings
from gateway.observability import context, metrics
from gateway.security import address, csrf, deadline, headers
from gateway.web import charts, filters, i18n, labels, nav, pages, problems


def install(app: Flask, settings: Settings, clock: Clock) -> None:
    """Give `app` language, pages, forms, problems, headers, CSRF, request ids and metrics.

    `app` is made with `static_folder=None` and a `secret_key`. Call before features register.
    """
    context.install(app)
    metrics.install(app)
    deadline.install(app)
    address.install(app, settings.trusted_proxies)
    i18n.install(app)
    filters.install(app, settings.zone, clock)
    labels.install(app)
    nav.install(app)
    pages.install(app)
    charts.install(app)
    problems.install(app)
    headers.install(app, secure=settings.secure)
    csrf.install(app, secure=settings.secure)
