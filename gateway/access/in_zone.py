"""How the pages about grants learn what a higher feature knows of safe zones."""

from __future__ import annotations

from flask import Flask, current_app

from gateway.access.reading import ZoneOf

EXTENSION = "sumun.access.zone"


def register(app: Flask, zone_of: ZoneOf) -> None:
    """Let a higher feature tell the zone facts of a grant."""
    app.extensions[EXTENSION] = zone_of


def zone_of() -> ZoneOf | None:
    """How the running application learns the zone facts of a grant; None without zones."""
    found: ZoneOf | None = current_app.extensions.get(EXTENSION)
    return found
