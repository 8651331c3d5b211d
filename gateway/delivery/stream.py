"""The body of a download: blocks read where they lie, the grant asked again every two seconds.

No database session is open while bytes flow. A slow reader gets small blocks, so that a
revocation does not wait behind a megabyte that trickles. What the kernel has already taken over
cannot be called back.
"""

from __future__ import annotations

import errno
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from gateway.storage import ObjectMissing, Store, StoreUnavailable

RECHECK_SECONDS = 2.0
MIN_BLOCK, FIRST_BLOCK, MAX_BLOCK = 1 << 13, 1 << 16, 1 << 20
SLOW_SECONDS, FAST_SECONDS = 0.5, 0.05

log = logging.getLogger(__name__)


class Ending(StrEnum):
    """How a stream ended."""

    COMPLETE = "complete"
    BROKEN = "broken"
    REVOKED = "revoked"
    STORAGE = "storage"


class StreamStopped(ConnectionResetError):
    """The body ends before its length: the server must cut the connection, not pad or wait."""

    def __init__(self) -> None:
        super().__init__(errno.ECONNRESET, "the download was stopped")


class Reader(Protocol):
    """Random access to one object."""

    def read(self, offset: int, length: int) -> bytes:
        """Up to `length` bytes at `offset`; fewer only at the end."""
        ...

    def close(self) -> None: ...


class LocalReader:
    """An object on local disk, by `pread` on its own descriptor."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def read(self, offset: int, length: int) -> bytes:
        return os.pread(self._descriptor, length, offset)

    def close(self) -> None:
        os.close(self._descriptor)


class RemoteReader:
    """An object in S3, by ranged requests."""

    def __init__(self, store: Store, sha256: str) -> None:
        self._store, self._sha256 = store, sha256

    def read(self, offset: int, length: int) -> bytes:
        return self._store.read(self._sha256, offset, length)

    def close(self) -> None:
        """Nothing is held between requests."""


def open_reader(store: Store, sha256: str, size: int) -> Reader:
    """The object, found to be there with its `size`. Raises ObjectMissing, StoreUnavailable."""
    descriptor = store.open_descriptor(sha256)
    if descriptor is None:
        if store.size(sha256) != size:
            raise StoreUnavailable(f"object {sha256} does not have {size} bytes")
        return RemoteReader(store, sha256)
    if os.fstat(descriptor).st_size != size:
        os.close(descriptor)
        raise StoreUnavailable(f"object {sha256} does not have {size} bytes")
    return LocalReader(descriptor)


@dataclass(frozen=True, slots=True)
class Sent:
    """What left: at most `bytes` (the last block may have been cut), and how it ended."""

    bytes: int
    ending: Ending


class Stream:
    """An iterable of blocks for the server, which must call `close()` afterwards.

    `allowed` answers whether the stream may go on; `ended` is told once what was sent.
    """

    def __init__(
        self,
        reader: Reader,
        start: int,
        length: int,
        allowed: Callable[[], bool],
        ended: Callable[[Sent], None],
    ) -> None:
        self._reader = reader
        self._start, self._length = start, length
        self._allowed, self._ended = allowed, ended
        self._sent = 0
        self._ending = Ending.BROKEN
        self._closed = False

    def __iter__(self) -> Iterator[bytes]:
        due = time.monotonic() + RECHECK_SECONDS
        size = FIRST_BLOCK
        while self._sent < self._length:
            began = time.monotonic()
            if began >= due:
                self._check()
                due = began + RECHECK_SECONDS
            yield self._block(size)
            size = _next_size(size, time.monotonic() - began)
        self._ending = Ending.COMPLETE

    def close(self) -> None:
        """Free the object and report, once."""
        if self._closed:
            return
        self._closed = True
        self._reader.close()
        self._ended(Sent(self._sent, self._ending))

    def _check(self) -> None:
        if not self._may_go_on():
            self._ending = Ending.REVOKED
            raise StreamStopped

    def _may_go_on(self) -> bool:
        try:
            return self._allowed()
        except Exception:
            # Whatever keeps the question from being answered, the answer is no.
            log.exception("a download could not be checked again")
            return False

    def _block(self, size: int) -> bytes:
        wanted = min(size, self._length - self._sent)
        block = b""
        with suppress(ObjectMissing, StoreUnavailable, OSError):
            block = self._reader.read(self._start + self._sent, wanted)
        if len(block) != wanted:
            self._ending = Ending.STORAGE
            raise StreamStopped
        self._sent += wanted
        return block


def _next_size(size: int, seconds: float) -> int:
    if seconds > SLOW_SECONDS:
        return max(MIN_BLOCK, size // 4)
    return min(MAX_BLOCK, size * 2) if seconds < FAST_SECONDS else size
