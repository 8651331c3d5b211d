"""Conditional and range requests (RFC 9110, sections 13 and 14) on one immutable object.

A Range header that is malformed, or names more than one range, is ignored, as RFC 9110 section
14.2 allows: the whole object is sent with 200. A date in If-Range never matches, because only the
strong ETag says that the bytes are the same.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Protocol

_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})", re.IGNORECASE)
_TAG = re.compile(r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"')
ANY = "*"


class Headers(Protocol):
    """Request headers by name, in any case."""

    def get(self, name: str, /) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Plan:
    """What to answer: a status, and the bytes [start, start + length) of the object."""

    status: HTTPStatus
    start: int
    length: int


def etag(sha256: str) -> str:
    """The strong entity tag of an object."""
    return f'"{sha256}"'


def plan(method: str, headers: Headers, sha256: str, size: int) -> Plan:
    """What a GET or HEAD with these headers gets from an object of `size` bytes."""
    if not _match_holds(headers.get("If-Match"), sha256):
        return Plan(HTTPStatus.PRECONDITION_FAILED, 0, 0)
    if _is_known(headers.get("If-None-Match"), sha256):
        return Plan(HTTPStatus.NOT_MODIFIED, 0, 0)
    if method == "HEAD":
        return Plan(HTTPStatus.OK, 0, 0)
    wanted = headers.get("Range")
    if wanted is None or not _range_holds(headers.get("If-Range"), sha256):
        return Plan(HTTPStatus.OK, 0, size)
    return _ranged(wanted, size)


def _ranged(wanted: str, size: int) -> Plan:
    found = _RANGE.fullmatch(wanted.strip())
    if found is None or found.groups() == ("", ""):
        return Plan(HTTPStatus.OK, 0, size)
    first, last = found.groups()
    if not first:
        start, end = max(0, size - int(last)), size
    elif last and int(last) < int(first):
        return Plan(HTTPStatus.OK, 0, size)
    else:
        start, end = int(first), min(size, int(last) + 1) if last else size
    if start >= end:
        return Plan(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, 0, 0)
    return Plan(HTTPStatus.PARTIAL_CONTENT, start, end - start)


def _match_holds(header: str | None, sha256: str) -> bool:
    if header is None or header.strip() == ANY:
        return True
    return any(not weak and tag == sha256 for weak, tag in _TAG.findall(header))


def _range_holds(header: str | None, sha256: str) -> bool:
    return header is None or header.strip() == etag(sha256)


def _is_known(header: str | None, sha256: str) -> bool:
    if header is None:
        return False
    return header.strip() == ANY or any(tag == sha256 for _weak, tag in _TAG.findall(header))
