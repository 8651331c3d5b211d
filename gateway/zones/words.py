"""The words of safe zones for pages."""

from __future__ import annotations

from gateway.web import labels
from gateway.web.i18n import lazy
from gateway.web.labels import Kind, Label

STATES: dict[str, dict[str, Label]] = {
    "zone_session": {
        "booked": Label(Kind.WAIT, lazy("Booked")),
        "open": Label(Kind.OK, lazy("In session")),
        "ended": Label(Kind.OFF, lazy("Session over")),
        "cancelled": Label(Kind.OFF, lazy("Booking cancelled")),
        "missed": Label(Kind.OFF, lazy("Not used")),
    },
    "zone_import": {
        "submitted": Label(Kind.WAIT, lazy("Import requested")),
        "approved": Label(Kind.INFO, lazy("Import approved")),
        "rejected": Label(Kind.STOP, lazy("Import rejected")),
        "brought_in": Label(Kind.OK, lazy("Brought in")),
    },
}


def install() -> None:
    """Give the states to `state_chip`."""
    labels.STATES.update(STATES)
