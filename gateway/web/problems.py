"""Problems as answers: RFC 9457 for programs, a page that helps for people."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import orjson
from flask import Flask, Response, current_app, request
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DataError, OperationalError
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as BaseResponse

from gateway.db import WriteBusy
from gateway.errors import Problem, ProblemCode
from gateway.observability.context import request_id
from gateway.security.paths import is_machine
from gateway.web.i18n import language
from gateway.web.pages import render

MEDIA_TYPE = "application/problem+json"
LINKS = "sumun.problem_links"
# Members of a problem that steer its answer instead of being shown.
RETRY_AFTER = "retry_after"
BUSY_SECONDS = 1
HTTP_CODES: Mapping[int, ProblemCode] = {
    400: ProblemCode.BAD_REQUEST,
    401: ProblemCode.NOT_SIGNED_IN,
    403: ProblemCode.FORBIDDEN,
    404: ProblemCode.NOT_FOUND,
    405: ProblemCode.METHOD_NOT_ALLOWED,
    413: ProblemCode.TOO_LARGE,
    415: ProblemCode.UNSUPPORTED_MEDIA_TYPE,
    416: ProblemCode.RANGE_NOT_SATISFIABLE,
    422: ProblemCode.VALIDATION_FAILED,
    429: ProblemCode.TOO_MANY_REQUESTS,
    503: ProblemCode.BUSY,
}
# Headers of an HTTPException that carry meaning for the client.
KEPT_HEADERS = frozenset({"allow", "retry-after", "content-range", "www-authenticate"})

log = logging.getLogger(__name__)


def offer(app: Flask, code: ProblemCode, endpoint: str, label: Any, anchor: str = "") -> None:
    """Let the page of `code` lead on to `endpoint`, whose label is made with `i18n.lazy`."""
    links = app.extensions.setdefault(LINKS, defaultdict(list))
    links[str(code)].append((endpoint, label, anchor))


def wants_json() -> bool:
    """Whether the reader is a program: by address, or by preferring JSON over HTML."""
    if is_machine(request.path):
        return True
    accepted = request.accept_mimetypes
    best = accepted.best_match(("text/html", "application/json", MEDIA_TYPE), "text/html")
    return best != "text/html"


def answer(problem: Problem) -> Response:
    """The answer to `problem`, in the form and language its reader can use."""
    body = problem.to_json(language()) | {"request_id": request_id()}
    response = _as_json(body) if wants_json() else _as_page(body)
    response.status_code = problem.status
    response.headers["Cache-Control"] = "no-store"
    response.vary.update(("Accept", "Accept-Language", "Cookie"))
    if RETRY_AFTER in problem.extra:
        response.headers["Retry-After"] = str(problem.extra[RETRY_AFTER])
    return response


def _as_json(body: Mapping[str, Any]) -> Response:
    return Response(orjson.dumps(body, default=str), content_type=MEDIA_TYPE)


def _as_page(body: Mapping[str, Any]) -> Response:
    sign_in = current_app.config.get("SIGN_IN_ENDPOINT")
    links = current_app.extensions.get(LINKS, {}).get(str(body["code"]), ())
    page = render("problem.html", problem=body, sign_in_endpoint=sign_in, links=links)
    return Response(page, content_type="text/html; charset=utf-8")


def _http(error: HTTPException) -> BaseResponse:
    """What Flask itself refuses; redirects and ready-made answers pass unchanged."""
    status = error.code or 500
    if error.response is not None or status < 400:
        return BaseResponse.force_type(error.get_response(), request.environ)
    fallback = ProblemCode.INTERNAL if status >= 500 else ProblemCode.BAD_REQUEST
    response = answer(Problem(HTTP_CODES.get(status, fallback)))
    for name, value in error.get_headers():
        if name.lower() in KEPT_HEADERS:
            response.headers[name] = value
    return response


def _csrf(_error: CSRFError) -> Response:
    return answer(Problem(ProblemCode.CSRF_FAILED))


def _busy(_error: WriteBusy) -> Response:
    return answer(Problem(ProblemCode.BUSY, retry_after=BUSY_SECONDS))


def _database_down(error: Exception) -> Response:
    log.error("the database cannot be used", exc_info=error)
    return answer(Problem(ProblemCode.DATABASE_UNAVAILABLE, retry_after=BUSY_SECONDS))


def _no_such_value(error: DataError) -> Response:
    # What was sent holds what no column can: a zero in a text, a number out of range.
    # Its message would show the value, so only the kind of error is logged.
    log.warning("the database refused a value: %s", type(error.orig).__name__)
    return answer(Problem(ProblemCode.BAD_REQUEST))


def _unexpected(error: Exception) -> Response:
    # The log has the traceback; the reader gets the request id that finds it.
    log.error("unexpected error", exc_info=error)
    return answer(Problem(ProblemCode.INTERNAL))


def install(app: Flask) -> None:
    """Let `app` answer every refusal and failure as a problem.

    `app.config["SIGN_IN_ENDPOINT"]`, when set, adds a sign-in button to 401 pages.
    """
    app.register_error_handler(Problem, answer)
    app.register_error_handler(CSRFError, _csrf)
    app.register_error_handler(WriteBusy, _busy)
    app.register_error_handler(DataError, _no_such_value)
    app.register_error_handler(OperationalError, _database_down)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unexpected)
