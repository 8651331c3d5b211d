"""Lets the application say, wherever it decides, that the rules in force cannot be used."""

from __future__ import annotations

import logging

from flask import Flask, Response

from gateway.errors import Problem, ProblemCode
from gateway.policy.loading import ReleaseBroken
from gateway.runtime import Runtime
from gateway.web.problems import answer

log = logging.getLogger(__name__)


def install(app: Flask, _runtime: Runtime) -> None:
    """Answer every request that needs rules nobody can use with POLICY_UNAVAILABLE (503)."""
    app.register_error_handler(ReleaseBroken, _unusable)


def _unusable(error: ReleaseBroken) -> Response:
    # Which release and why is for the operator, who finds it by the request id.
    log.error("nothing is decided: %s", error)
    return answer(Problem(ProblemCode.POLICY_UNAVAILABLE))
