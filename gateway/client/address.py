"""Where the client may speak to: https anywhere, plain http only to this machine itself."""

from __future__ import annotations

from ipaddress import ip_address

import httpx2

from gateway.client.errors import ClientError

PORTS = {"https": 443, "http": 80}
# Plain http is for this machine alone, so no proxy of the environment may carry it elsewhere.
NO_PROXY_IN_PLAIN: dict[str, httpx2.BaseTransport | None] = {"http://": None}


def checked(address: str) -> httpx2.URL:
    """The parsed address, by the parser that also sends.

    Raises ClientError for what is no web address, names a user, or would cross a network in
    plain text.
    """
    try:
        url = httpx2.URL(address)
    except httpx2.InvalidURL as error:
        raise ClientError(f"{address!r} is not an address: {error}") from error
    if url.scheme not in PORTS or not url.host or url.userinfo:
        raise ClientError(f"{address!r} is not an address such as https://gate.example.kr")
    if url.scheme == "http" and not loopback(url.host):
        raise ClientError(f"{address!r} is not https; passwords and data would travel in the clear")
    return url


def origin(address: str) -> tuple[str, str, int]:
    """Scheme, host and port: what a token is bound to. Raises ClientError like `checked`."""
    url = checked(address)
    return url.scheme, url.host.lower(), url.port or PORTS[url.scheme]


def loopback(host: str) -> bool:
    """Whether `host` is this machine. Names other than `localhost` could be anything."""
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
