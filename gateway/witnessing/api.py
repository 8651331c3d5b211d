"""`/log/history`: for everybody, like the checkpoint."""

from __future__ import annotations

from flask import Blueprint, Response, current_app, jsonify

from gateway.runtime import Runtime
from gateway.witnessing.history import history

blueprint = Blueprint("witnessing", __name__, url_prefix="/log")


@blueprint.get("/history")
def log_history() -> Response:
    """The keys of the log with their hand-overs, and the restores of backups."""
    runtime: Runtime = current_app.extensions["sumun"]
    answer = jsonify(history(runtime))
    answer.headers["Cache-Control"] = "no-cache"
    return answer
