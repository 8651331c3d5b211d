"""The request id: one opaque value that joins a page, a log line and an answer's header."""

from __future__ import annotations

import secrets

from flask import Flask, Response, g, has_request_context

HEADER = "X-Request-Id"


def request_id() -> str:
    """The id of the present request, or "" outside of one."""
    if not has_request_context():
        return ""
    if "request_id" not in g:
        # An id sent from outside is ignored: it would let a caller forge another's log lines.
        g.request_id = secrets.token_hex(8)
    return str(g.request_id)


def _stamp(response: Response) -> Response:
    response.headers.setdefault(HEADER, request_id())
    return response


def install(app: Flask) -> None:
    """Stamp every answer of `app` with its request id."""
    app.after_request(_stamp)
    app.jinja_env.globals["request_id"] = request_id
