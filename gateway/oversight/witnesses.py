"""What the witnesses of the log say, for the page of checkpoints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import Flask

from gateway.errors import OperatorError
from gateway.runtime import Runtime
from gateway.web.i18n import lazy
from gateway.web.labels import Kind, Label
from gateway.witnessing import service
from gateway.witnessing.models import Ending
from gateway.witnessing.quorum import quorum
from gateway.witnessing.service import Standing

ENDINGS = {
    Ending.COSIGNED: Label(Kind.OK, lazy("Cosigned")),
    Ending.UNREACHABLE: Label(Kind.WARN, lazy("Not reachable")),
    Ending.REFUSED: Label(Kind.WARN, lazy("Did not sign")),
    Ending.AHEAD: Label(Kind.STOP, lazy("Has seen a longer log")),
    Ending.CONTRADICTED: Label(Kind.STOP, lazy("Has seen another log")),
    Ending.MALFORMED: Label(Kind.WARN, lazy("Answer not understood")),
}
NEVER = Label(Kind.OFF, lazy("Not asked yet"))


@dataclass(frozen=True, slots=True)
class Witnesses:
    """Every witness, whether the quorum is met, and why the policy cannot be read, if so.

    `since` is when the checkpoint was signed that met the quorum last, None when none ever did.
    """

    standings: Sequence[Standing]
    met: bool
    fault: str = ""
    since: datetime | None = None


def witnesses(runtime: Runtime) -> Witnesses:
    """The witnesses at a glance; a policy that cannot be read is a fault, not an error."""
    try:
        found = quorum(runtime.db, runtime.settings, runtime.clock.now())
        return Witnesses(service.standings(runtime), found.met, since=found.since)
    except OperatorError as error:
        return Witnesses((), False, str(error))


def ending_label(standing: Standing) -> Label:
    """How the last question to a witness ended."""
    return NEVER if standing.ending is None else ENDINGS[standing.ending]


def install(app: Flask) -> None:
    """Templates have `witness_label(standing)`."""
    app.jinja_env.globals["witness_label"] = ending_label
