"""Registers the witnesses with the application and with the worker."""

from __future__ import annotations

from flask import Flask

from gateway.jobs.beats import Beat
from gateway.runtime import Runtime
from gateway.witnessing import api, receipts, service


def install(app: Flask, runtime: Runtime) -> None:
    """Register what strangers may ask about the log's past, and the receipts of every answer."""
    receipts.install(app, runtime)
    app.register_blueprint(api.blueprint)


def beats(runtime: Runtime) -> list[Beat]:
    """Ask the witnesses again and again."""
    seconds = runtime.settings.witness_seconds
    return [Beat("witnessing", seconds, lambda: service.beat(runtime))]
