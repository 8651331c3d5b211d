"""A log as strangers reach it: over HTTP, or as a folder that it was published to."""

from __future__ import annotations

import json
from base64 import b64decode
from http import HTTPStatus
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from audit.errors import SourceUnreachable, TileMissing
from audit.monitor_keys import Past
from audit.tiles import TilePath
from gateway.security.outbound import Outbound, Unreachable

# Whoever names an address on the command line means it, private or not.
ANYWHERE = (ip_network("0.0.0.0/0"), ip_network("::/0"))
MISSING = (HTTPStatus.NOT_FOUND, HTTPStatus.GONE)


def open_source(address: str) -> HttpSource | FolderSource:
    """The log at an address such as `https://host/log`, or in a folder."""
    if address.startswith(("http://", "https://")):
        return HttpSource(address.rstrip("/"))
    plain = unquote(urlsplit(address).path) if address.startswith("file://") else address
    return FolderSource(Path(plain))


class HttpSource:
    """A log's addresses below one prefix."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._outbound = Outbound(ANYWHERE)

    def checkpoint(self) -> str:
        """The signed checkpoint. Raises SourceUnreachable."""
        return self._told("checkpoint")

    def key(self) -> str:
        """The verifier key that the log itself gives. Raises SourceUnreachable."""
        return self._told("key").strip()

    def tile(self, path: TilePath) -> bytes:
        """A hash tile. Raises TileMissing, SourceUnreachable."""
        return self._get(str(path))

    def past(self) -> Past:
        """What the log tells of its past; another maker's log may not tell anything."""
        try:
            return _past(self._get("history"))
        except TileMissing:
            return Past()

    def _told(self, path: str) -> str:
        try:
            return _text(self._get(path), path)
        except TileMissing as error:
            raise SourceUnreachable(str(error)) from error

    def _get(self, path: str) -> bytes:
        address = f"{self._prefix}/{path}"
        try:
            reply = self._outbound.get(address)
        except Unreachable as error:
            raise SourceUnreachable(str(error)) from error
        if reply.status in MISSING:
            raise TileMissing(f"{address} does not exist")
        if reply.status != HTTPStatus.OK:
            raise SourceUnreachable(f"{address} answered {reply.status}")
        return reply.body


class FolderSource:
    """A log's published files. They tell no history."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def checkpoint(self) -> str:
        """The signed checkpoint. Raises SourceUnreachable."""
        return read_note(self._folder / "checkpoint")

    def key(self) -> str:
        """Always SourceUnreachable: the key comes from elsewhere."""
        raise SourceUnreachable(f"{self._folder} holds no key; give it with --key")

    def tile(self, path: TilePath) -> bytes:
        """A hash tile. Raises TileMissing, SourceUnreachable."""
        try:
            return (self._folder / str(path)).read_bytes()
        except FileNotFoundError as error:
            raise TileMissing(f"{path} does not exist") from error
        except OSError as error:
            raise SourceUnreachable(f"{self._folder}: {error.strerror}") from error

    def past(self) -> Past:
        """Nothing."""
        return Past()


def read_note(path: Path) -> str:
    """A signed note in a file. Raises SourceUnreachable."""
    try:
        return _text(path.read_bytes(), str(path))
    except OSError as error:
        raise SourceUnreachable(f"{path}: {error.strerror}") from error


def fetch_peer(address: str) -> str:
    """A checkpoint that somebody else was shown: a file, or the address of one."""
    if not address.startswith(("http://", "https://")):
        return read_note(Path(address))
    try:
        reply = Outbound(ANYWHERE).get(address)
    except Unreachable as error:
        raise SourceUnreachable(str(error)) from error
    if reply.status != HTTPStatus.OK:
        raise SourceUnreachable(f"{address} answered {reply.status}")
    return _text(reply.body, address)


def _text(data: bytes, what: str) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise SourceUnreachable(f"{what} is not text") from error


def _past(data: bytes) -> Past:
    try:
        found: Any = json.loads(data)
        restores = [(_index(one["index"]), b64decode(one["leaf"])) for one in found["restores"]]
        handovers, keys = (tuple(map(str, found[name])) for name in ("handovers", "keys"))
        return Past(handovers, tuple(restores), keys)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise SourceUnreachable("the log's history is not as Sumun writes it") from error


def _index(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise ValueError(value)
    return value
