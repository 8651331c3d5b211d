"""The client's address: what the socket says, unless a trusted proxy says more.

`X-Forwarded-For` is written by whoever sends it. Only the part added by trusted proxies counts:
reading from the right, the first address that is not one of them is the client.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from flask import Flask, current_app, g, request

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
HEADER = "X-Forwarded-For"
UNKNOWN = "unknown"
TRUSTED = "sumun.trusted_proxies"


def parse(text: str) -> Address | None:
    """An address with or without a port, IPv4-mapped IPv6 as IPv4; None for anything else."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = getattr(found, "ipv4_mapped", None)
    return mapped or found


def client_address(peer: str, forwarded: Sequence[str], trusted: Sequence[Network]) -> str:
    """The right-most address that is no trusted proxy.

    `peer` is the socket's address, `forwarded` the values of X-Forwarded-For in order. A hop
    that does not parse ends the walk: what stands left of it is anybody's invention.
    Returns "unknown" when the peer has no address (a Unix socket).
    """
    client = parse(peer)
    if client is None:
        return UNKNOWN
    hops = [hop for value in forwarded for hop in value.split(",")]
    while hops and any(client in network for network in trusted):
        hop = parse(hops.pop())
        if hop is None:
            break
        client = hop
    return str(client)


def install(app: Flask, trusted: Sequence[Network]) -> None:
    """Find `g.client_address` before every request of `app`, or as soon as somebody asks for it."""
    app.extensions[TRUSTED] = tuple(trusted)
    app.before_request(_find)


def _find() -> None:
    of_request()


def of_request() -> str:
    """The client's address of the present request."""
    if "client_address" not in g:
        trusted, peer = current_app.extensions[TRUSTED], request.remote_addr or ""
        g.client_address = client_address(peer, request.headers.getlist(HEADER), trusted)
    return str(g.client_address)
