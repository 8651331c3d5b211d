"""The composition root: the only place that knows every feature."""

from __future__ import annotations

from flask import Flask

from gateway import health
from gateway.access import wiring as access
from gateway.agreements import wiring as agreements
from gateway.applications import wiring as applications
from gateway.catalog import wiring as catalog
from gateway.decisions import wiring as decisions
from gateway.delivery import wiring as delivery
from gateway.emergency import wiring as emergency
from gateway.exports import wiring as exports
from gateway.identity import wiring as identity
from gateway.keys import Purpose
from gateway.oversight import wiring as oversight
from gateway.policy import wiring as policy
from gateway.runtime import Runtime
from gateway.security import hosts
from gateway.tasks import wiring as tasks
from gateway.web import openapi, setup
from gateway.witnessing import wiring as witnessing
from gateway.zones import wiring as zones

# From the lowest floor to the highest: a feature may use what stands before it.
FEATURES = (
    identity,
    catalog,
    agreements,
    policy,
    access,
    applications,
    zones,
    decisions,
    delivery,
    exports,
    tasks,
    emergency,
    witnessing,
    oversight,
)
MAX_BODY_BYTES = 1 << 20


def create_app(runtime: Runtime) -> Flask:
    """The WSGI application on an opened runtime."""
    app = Flask("gateway", static_folder=None)
    app.secret_key = runtime.keys.current(Purpose.SESSION).material
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    app.config["MAX_FORM_MEMORY_SIZE"] = MAX_BODY_BYTES
    app.extensions["sumun"] = runtime
    setup.install(app, runtime.settings, runtime.clock)
    hosts.install(app, runtime.settings.public_url)
    health.install(app)
    openapi.install(app)
    for feature in FEATURES:
        feature.install(app, runtime)
    return app
