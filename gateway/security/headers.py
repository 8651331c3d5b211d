"""Headers that tell a browser how little a page of the gateway may do."""

from __future__ import annotations

from flask import Flask, Response

CSP = (
    "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
PERMISSIONS = (
    "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), "
    "magnetometer=(), microphone=(), midi=(), payment=(), usb=()"
)
HSTS = "max-age=63072000; includeSubDomains"
FIXED = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "Permissions-Policy": PERMISSIONS,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}


def _harden(response: Response) -> Response:
    for name, value in FIXED.items():
        response.headers.setdefault(name, value)
    page = response.mimetype == "text/html"
    # The CSRF check over TLS compares the referrer of a form, so pages keep it within the site.
    response.headers.setdefault("Referrer-Policy", "same-origin" if page else "no-referrer")
    # Pages and answers hold what one person may see, and tokens; what may be kept says so itself.
    response.headers.setdefault("Cache-Control", "no-store")
    if page:
        response.vary.update(("Accept-Language", "Cookie"))
    return response


def install(app: Flask, *, secure: bool) -> None:
    """Harden every answer of `app`; a view that set a header itself keeps it."""
    app.after_request(_harden)
    if secure:
        app.after_request(_strict_transport)


def _strict_transport(response: Response) -> Response:
    response.headers["Strict-Transport-Security"] = HSTS
    return response
