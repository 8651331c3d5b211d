"""The address `/d/<token>/<path>`: one spelling for each token and path, checked byte by byte.

Servers and proxies decode, merge and normalise paths, each in its own way. What is compared here
is therefore the raw target of the request line; a server that does not pass it on is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes

from gateway.catalog.paths import PathInvalid, canonical

PREFIX = "/d/"
RAW_TARGETS = ("RAW_URI", "REQUEST_URI")
_TARGET = re.compile(r"/d/([A-Za-z0-9_-]+)/([^?#]+)")
_UNRESERVED = "/"


class AddressInvalid(Exception):
    """The address is not spelt as the gateway spells it."""


@dataclass(frozen=True, slots=True)
class Address:
    """A token, still unchecked, and a canonical path."""

    token: str
    path: str


def spell(token: str, path: str) -> str:
    """The address of `token` and the canonical `path`: everything but RFC 3986's unreserved
    characters and `/` is percent-encoded, in upper case."""
    return f"{PREFIX}{token}/{quote(path, safe=_UNRESERVED)}"


def read(target: str) -> Address:
    """The parts of a raw request target. Raises AddressInvalid for any other spelling, for a
    query (even an empty one) and for a path that is not canonical."""
    found = _TARGET.fullmatch(target)
    if found is None:
        raise AddressInvalid
    token, encoded = found.groups()
    try:
        path = canonical(unquote_to_bytes(encoded).decode("utf-8"))
    except (UnicodeDecodeError, PathInvalid):
        raise AddressInvalid from None
    if spell(token, path) != target:
        raise AddressInvalid
    return Address(token, path)
