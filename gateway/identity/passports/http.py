"""Where the running application keeps its clearinghouse, and who knows what to assert."""

from __future__ import annotations

from typing import cast

from flask import Flask, current_app

from gateway.identity.passports.assertions import Source, own_sources
from gateway.identity.passports.clearinghouse import Clearinghouse
from gateway.runtime import Runtime

CLEARINGHOUSE = "sumun_clearinghouse"
SOURCES = "sumun_visa_sources"


def install(app: Flask, runtime: Runtime) -> None:
    """Give `app` a clearinghouse, and identity's own sources."""
    app.extensions[CLEARINGHOUSE] = Clearinghouse.of(runtime)
    app.extensions[SOURCES] = list(own_sources(runtime.settings))


def add_source(app: Flask, source: Source) -> None:
    """Let a feature of a higher floor assert what it knows."""
    app.extensions[SOURCES].append(source)


def clearinghouse() -> Clearinghouse:
    """The clearinghouse of the running application."""
    return cast(Clearinghouse, current_app.extensions[CLEARINGHOUSE])


def sources() -> tuple[Source, ...]:
    """Everybody who has something to assert."""
    return tuple(current_app.extensions[SOURCES])
