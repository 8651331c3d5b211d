"""Which addresses are read by programs, so that they answer JSON and never a page."""

from __future__ import annotations

# "/access" itself is a page; the AuthZEN API lives below "/access/v1/".
MACHINE_PREFIXES = (
    "/api/",
    "/access/v1/",
    "/d/",
    "/log/",
    "/ga4gh/",
    "/scim/",
    "/oauth2/token",
    "/oauth2/userinfo",
    "/oauth2/jwks",
    "/oauth2/introspect",
    "/oauth2/revoke",
    "/oauth2/par",
    "/oauth2/device_authorization",
    "/.well-known/",
)
MACHINE_PATHS = frozenset({"/healthz", "/readyz", "/metrics", "/openapi.json", "/dcat.jsonld"})


def is_machine(path: str) -> bool:
    """Whether `path` belongs to programs rather than to people."""
    return path.startswith(MACHINE_PREFIXES) or path in MACHINE_PATHS
