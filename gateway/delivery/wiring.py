"""Registers delivery with the application."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask

from gateway.delivery import api, in_zone, pages, reconcile
from gateway.delivery.gate import Gate, Resolver
from gateway.delivery.tokens import Kind
from gateway.jobs.beats import Beat
from gateway.jobs.queue import Leased
from gateway.runtime import Runtime
from gateway.web.nav import panels

# One rule for everything below /d/, so that no spelling is redirected to another.
RULE = "/d/<everything:rest>"
ZONE_RULE = "/zones/<slug>/files/<dataset>/<label>/<everything:path>"


def install(app: Flask, runtime: Runtime) -> None:
    """Serve signed addresses and issue them."""
    app.extensions[api.EXTENSION] = Gate.open(runtime)
    app.url_map.converters["everything"] = api.Everything
    app.register_blueprint(api.blueprint)
    app.register_blueprint(pages.blueprint)
    app.register_blueprint(in_zone.blueprint)
    panels(app).add("grant", pages.url_panel)
    panels(app).add("zone_session", in_zone.files_panel)
    app.add_url_rule(
        RULE,
        "delivery.deliver",
        api.deliver,
        methods=["GET"],
        merge_slashes=False,
        provide_automatic_options=False,
    )
    app.add_url_rule(
        ZONE_RULE, "zone_files.read", in_zone.read, methods=["GET"], merge_slashes=False
    )


def register_kind(app: Flask, kind: Kind, resolver: Resolver) -> None:
    """Let a higher feature say what the one door is asked for its kind of address."""
    gate: Gate = app.extensions[api.EXTENSION]
    gate.resolvers[kind] = resolver


def handlers(_runtime: Runtime) -> dict[str, Callable[[Leased], None]]:
    """Delivery has no background work."""
    return {}


def beats(runtime: Runtime) -> list[Beat]:
    """Transfers without an outcome are looked for every few minutes."""
    interval = reconcile.INTERVAL_SECONDS
    return [Beat("delivery.reconcile", interval, lambda: reconcile.sweep(runtime))]
