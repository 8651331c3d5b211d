"""A flood of sign-ins: a few are looked at, a few wait, the rest is told at once to come back.

A sign-in costs as much as ten pages. Without a limit of their own, a crowd of them would hold every
thread of the server, and take the time of everybody who only reads. Whoever finds the queue full
is answered before the application: that costs a hundredth of a page, and counts no attempt.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from html import escape
from typing import Any

import orjson
from flask import Flask, request
from prometheus_client import Counter
from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header
from werkzeug.wrappers import Response

from gateway.errors import Problem, ProblemCode
from gateway.observability.metrics import REGISTRY
from gateway.security.headers import FIXED
from gateway.security.paths import is_machine
from gateway.security.turnstile import Full, Turnstile
from gateway.web.i18n import DEFAULT, LANGUAGES
from gateway.web.problems import MEDIA_TYPE

# One core is left to everybody else.
AT_ONCE = max(1, (os.cpu_count() or 1) - 1)
WAITING, PATIENCE = 32, 5.0
# Twice as long as a sign-in took, the next one waits: most of the time is everybody else's.
REST = 2.0
RETRY_SECONDS = 2
TURNS = Turnstile(AT_ONCE, WAITING, PATIENCE, REST)
SIGN_INS = frozenset({"/sign-in", "/api/v1/session"})
# Names, passwords, codes and what a passkey answers: whatever is larger was not typed by anybody.
MOST_BODY = 16_384
BOUNDED = SIGN_INS | {"/sign-in/second", "/sign-in/passkey"}
TURNED_AWAY = Counter(
    "sumun_sign_ins_turned_away",
    "Sign-ins that were not looked at, because too many came at once",
    registry=REGISTRY,
)
PAGE = """<!doctype html>
<html lang="ko"><head><meta charset="utf-8"><title>{title_ko} · {title_en}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="/static/sumun.css"></head>
<body><main><h1>{title_ko}</h1><p>{detail_ko} {next_ko}</p>
<section lang="en"><h2>{title_en}</h2><p>{detail_en} {next_en}</p></section>
<p><a href="/sign-in">로그인 · Sign in</a></p></main></body></html>
"""

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def problem() -> Problem:
    """The answer to a sign-in that was not looked at."""
    return Problem(
        ProblemCode.BUSY,
        "로그인 요청이 한꺼번에 몰려 지금은 확인하지 못했습니다.",
        "Too many people are signing in at once, so this sign-in was not looked at.",
        retry_after=RETRY_SECONDS,
    )


@contextmanager
def turn() -> Iterator[None]:
    """Hold one of the few turns of sign-ins. Raises Problem BUSY when too many wait."""
    try:
        with TURNS.passed():
            yield
    except Full:
        TURNED_AWAY.inc()
        raise problem() from None


def install(app: Flask) -> None:
    """Answer sign-ins that find the queue full before anything else of `app` sees them, and read
    no more of any than a person can have typed."""
    app.wsgi_app = _before(app.wsgi_app)  # type: ignore[method-assign, assignment]
    # First of all: whatever else looks at a request may read its form.
    app.before_request_funcs.setdefault(None, []).insert(0, _bound)


def _bound() -> None:
    if request.path in BOUNDED:
        request.max_content_length = MOST_BODY


def _before(application: Wsgi) -> Wsgi:
    def outer(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        if TURNS.full and _signs_in(environ):
            TURNED_AWAY.inc()
            return _turned_away(environ)(environ, start)
        return application(environ, start)

    return outer


def _signs_in(environ: dict[str, Any]) -> bool:
    return environ["REQUEST_METHOD"] == "POST" and environ.get("PATH_INFO") in SIGN_INS


def _turned_away(environ: dict[str, Any]) -> Response:
    answer = _as_json(environ) if is_machine(environ["PATH_INFO"]) else _as_page()
    answer.status_code = problem().status
    answer.headers.extend(FIXED)
    answer.headers["Retry-After"] = str(RETRY_SECONDS)
    answer.headers["Cache-Control"] = "no-store"
    # The body of the request was not read, so nothing may follow it.
    answer.headers["Connection"] = "close"
    return answer


def _as_json(environ: dict[str, Any]) -> Response:
    given = environ.get("HTTP_ACCEPT_LANGUAGE")
    chosen = parse_accept_header(given, LanguageAccept).best_match(LANGUAGES, DEFAULT)
    return Response(orjson.dumps(problem().to_json(chosen)), content_type=MEDIA_TYPE)


def _as_page() -> Response:
    """Both languages at once: finding out which one would cost as much as the rest."""
    korean, english = (problem().to_json(each) for each in ("ko", "en"))
    names = ("title", "detail", "next")
    words = {f"{name}_ko": escape(korean[name]) for name in names}
    words |= {f"{name}_en": escape(english[name]) for name in names}
    return Response(PAGE.format(**words), content_type="text/html; charset=utf-8")
