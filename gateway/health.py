"""Whether the process lives, and whether it can do its work."""

from __future__ import annotations

from flask import Blueprint, Flask, Response, current_app, jsonify
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from audit.errors import AuditError
from gateway.runtime import Runtime

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def healthz() -> Response:
    """The process answers."""
    return jsonify(status="ok")


@blueprint.get("/readyz")
def readyz() -> tuple[Response, int]:
    """Database, log and store can be used; 503 names the one that cannot."""
    failing = [name for name, works in _checks(current_app.extensions["sumun"]) if not works]
    status = 503 if failing else 200
    return jsonify(status=failing or "ready"), status


def _checks(runtime: Runtime) -> list[tuple[str, bool]]:
    return [
        ("database", _database_works(runtime)),
        ("log", _log_works(runtime)),
    ]


def _database_works(runtime: Runtime) -> bool:
    try:
        with runtime.db.read() as session:
            session.execute(text("SELECT 1"))
    except SQLAlchemyError:
        return False
    return True


def _log_works(runtime: Runtime) -> bool:
    try:
        runtime.journal.log.head()
    except AuditError:
        return False
    return True


def install(app: Flask) -> None:
    """Add both addresses to `app`."""
    app.register_blueprint(blueprint)
