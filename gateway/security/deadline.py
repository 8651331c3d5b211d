"""No connection may hold a thread for ever: whoever stops sending or reading is let go.

The limit counts for one piece of a request's body and for one block of an answer, so that slow
lines are served as long as they move at all.
"""

from __future__ import annotations

from http import HTTPStatus

from flask import Flask, Response, request

STALL_SECONDS = 20.0


def _limit() -> None:
    # The server's own socket, where it offers one; behind a test client there is none.
    connection = request.environ.get("gunicorn.socket")
    if connection is not None:
        connection.settimeout(STALL_SECONDS)


def _stalled(_error: TimeoutError) -> Response:
    answer = Response(status=HTTPStatus.REQUEST_TIMEOUT)
    answer.headers["Connection"] = "close"
    return answer


def install(app: Flask) -> None:
    """Give every request of `app` the limit; a stalled one is answered as a bad request, or with
    408 where its body was read in parts, and its connection is closed."""
    app.before_request(_limit)
    app.register_error_handler(TimeoutError, _stalled)
