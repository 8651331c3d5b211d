"""CSRF: every form carries a token; an API called with a bearer token needs none."""

from __future__ import annotations

from flask import Flask, request
from flask_wtf import CSRFProtect

from gateway.security.paths import is_machine

HEADER = "X-CSRF-Token"


def _nothing_to_forge() -> bool:
    """A browser adds cookies to a forged request, but never an Authorization header."""
    authorization = request.authorization
    if authorization is not None and authorization.type in {"bearer", "dpop"}:
        return True
    return is_machine(request.path) and not request.cookies


class _Protect(CSRFProtect):  # type: ignore[misc]
    def protect(self, apply_exemptions: bool = False) -> None:
        if not _nothing_to_forge():
            super().protect(apply_exemptions)


def install(app: Flask, *, secure: bool) -> CSRFProtect:
    """Check every unsafe request of `app`; templates then have `csrf_token()`.

    The token lives as long as the session: an application form that took a day to write must
    not be lost. Views that see an `Authorization` header must not fall back to the cookie.
    """
    app.config.update(
        WTF_CSRF_TIME_LIMIT=None,
        WTF_CSRF_HEADERS=[HEADER],
        WTF_CSRF_SSL_STRICT=secure,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=secure,
    )
    return _Protect(app)
