"""Which host names this gateway answers to.

`Host` is written by whoever sends the request. A page of another name that resolves to this
address (DNS rebinding) would otherwise be served as if it were ours.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Flask, request

from gateway.errors import Problem, ProblemCode

# The host itself asks whether the gateway lives.
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def install(app: Flask, public_url: str) -> None:
    """Answer to the name of `public_url` and to loopback, on any port; else Problem BAD_REQUEST.

    A request without the header (HTTP/1.0) names nobody and passes.
    """
    known = LOOPBACK | {urlsplit(public_url).hostname}

    def check() -> None:
        if "Host" in request.headers and _name(request.host) not in known:
            raise Problem(
                ProblemCode.BAD_REQUEST,
                "이 주소로는 이용할 수 없습니다.",
                "The gateway does not answer to this host name.",
            )

    app.before_request(check)


def _name(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None
