"""Downloads one file so that nothing is lost: in place, resumable, verified.

Bytes are appended to a part beside the file, and the digest computed so far is rebuilt from it
after a kill. A part's name carries the digest, so another version never continues it.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import httpx2

from gateway.client.address import NO_PROXY_IN_PLAIN, checked
from gateway.client.errors import ClientError, Refused
from gateway.client.http import SignedUrl
from gateway.client.patience import WAIT, retry_after
from gateway.client.places import part_of

ATTEMPTS = 6
FIRST_PAUSE = 0.5
BLOCK = 1 << 20
# Nothing for this long means a stalled connection; the part is kept and the next try resumes.
TIMEOUT = httpx2.Timeout(30.0, connect=10.0)
RENEW = frozenset({401, 403, 410})

Issue = Callable[[], SignedUrl]
Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Fetched:
    """A whole, verified file. `resumed` bytes were on disk already."""

    path: Path
    size: int
    sha256: str
    resumed: int


class _Again(Exception):
    """Try once more after `pause` seconds; with a new address when `renew`. `gained` tells that
    bytes came and were kept."""

    def __init__(
        self, reason: str, pause: float | None = None, *, renew: bool = False, gained: bool = False
    ) -> None:
        super().__init__(reason)
        self.pause, self.renew, self.gained = pause, renew, gained


class Fetcher:
    """Fetches files over one pool of connections; safe to share between threads."""

    def __init__(self, transport: httpx2.BaseTransport | None = None) -> None:
        self._http = httpx2.Client(timeout=TIMEOUT, transport=transport, mounts=NO_PROXY_IN_PLAIN)

    def close(self) -> None:
        """Close every connection."""
        self._http.close()

    def fetch(self, issue: Issue, target: Path, progress: Progress) -> Fetched:
        """Bring the file that `issue` signs addresses for to `target`.

        `progress` is told the bytes as they arrive, negative when some are thrown away. Raises
        Refused when the gateway says no, ClientError when the file cannot be had whole.
        """
        signed = issue()
        failed = 0
        while True:
            try:
                return self._try(signed, target, progress)
            except _Again as again:
                # A try that brought bytes is no failure: a long file may break off many times.
                failed = 1 if again.gained else failed + 1
                if failed == ATTEMPTS:
                    reason = f"{signed.item.path}: {again}; run the same command again to resume"
                    raise ClientError(reason) from again
                time.sleep(FIRST_PAUSE * 2 ** (failed - 1) if again.pause is None else again.pause)
                signed = issue() if again.renew else signed

    def _try(self, signed: SignedUrl, target: Path, progress: Progress) -> Fetched:
        item = signed.item
        if item.sha256 is None:
            raise ClientError(f"{item.path}: the gateway does not say what its digest is")
        checked(signed.url)
        part = part_of(target, item.sha256)
        with part.open("ab+") as file:
            known = _known(file, item.size)
            progress(known.start)
            try:
                self._rest(signed, known, progress)
            except BaseException:
                progress(-known.file.tell())
                raise
            file.flush()
            os.fsync(file.fileno())
        if known.digest.hexdigest() != item.sha256:
            part.unlink()
            progress(-item.size)
            raise _Again("the bytes do not have the digest that was promised", renew=True)
        part.replace(target)
        return Fetched(target, item.size, item.sha256, known.start)

    def _rest(self, signed: SignedUrl, known: _Known, progress: Progress) -> None:
        if known.start == signed.item.size:
            return
        try:
            with self._http.stream("GET", signed.url, headers=_headers(signed, known)) as response:
                _check(response, known.start, signed.item.size)
                for block in response.iter_raw(BLOCK):
                    known.append(block, signed.item.size)
                    progress(len(block))
        except httpx2.HTTPError as error:
            # A stream that was cut may have been stopped by the gateway: ask for a new address.
            reason = f"the connection broke ({error})"
            raise _Again(reason, renew=True, gained=known.gained) from error
        if known.file.tell() != signed.item.size:
            raise _Again("the connection ended early", renew=True, gained=known.gained)


@dataclass(frozen=True, slots=True)
class _Known:
    """A part on disk, open for appending, with the digest over all of it."""

    file: IO[bytes]
    digest: hashlib._Hash
    start: int

    @property
    def gained(self) -> bool:
        return self.file.tell() > self.start

    def append(self, block: bytes, size: int) -> None:
        if self.file.tell() + len(block) > size:
            raise ClientError("the server sends more than it said")
        self.file.write(block)
        self.digest.update(block)


def _headers(signed: SignedUrl, known: _Known) -> dict[str, str]:
    headers = {"If-Match": f'"{signed.item.sha256}"', "Accept-Encoding": "identity"}
    return headers | ({"Range": f"bytes={known.start}-"} if known.start else {})


def _known(file: IO[bytes], size: int) -> _Known:
    """What is on disk already; a part that is too long is none of ours and starts anew."""
    digest = hashlib.sha256()
    file.seek(0)
    while block := file.read(BLOCK):
        digest.update(block)
    if file.tell() > size:
        file.truncate(0)
        return _Known(file, hashlib.sha256(), 0)
    return _Known(file, digest, file.tell())


def _check(response: httpx2.Response, start: int, size: int) -> None:
    status = response.status_code
    if status in WAIT:
        raise _Again("the gateway is busy", retry_after(response))
    if status in RENEW:
        raise _Again("the address is no longer valid", 0.0, renew=True)
    if response.is_error:
        response.read()
        raise Refused(_problem(response))
    ranged = f"bytes {start}-{size - 1}/{size}"
    if start and (status != 206 or response.headers.get("Content-Range") != ranged):
        raise ClientError("the server does not resume where it was asked to")


def _problem(response: httpx2.Response) -> dict[str, object]:
    try:
        body = response.json()
    except ValueError:
        body = None
    found = body if isinstance(body, dict) else {"detail": "the server refused"}
    return {**found, "status": response.status_code}
