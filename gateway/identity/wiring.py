"""Registers identity with the application."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask

from gateway.identity import http
from gateway.jobs.queue import Leased
from gateway.runtime import Runtime


def install(app: Flask, _runtime: Runtime) -> None:
    """Recognise who sends each request; register pages, API and navigation."""
    http.install(app)


def handlers(_runtime: Runtime) -> dict[str, Callable[[Leased], None]]:
    """Identity has no background work."""
    return {}
