"""Objects by sha256: put once, never changed.

Everything is staged on local disk while its digest is computed, and only then named: an object
that stands under its digest is whole. On local disk naming is a rename on the same file system;
on S3 it is a (multipart) upload.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol, Self
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, S3Store

from gateway.config import Settings
from gateway.errors import OperatorError

CHUNK_BYTES = 1 << 20
# Longer than any import or package takes to write one file.
ABANDONED_SECONDS = 7 * 24 * 3600
_DIGEST = re.compile("[0-9a-f]{64}")


class ObjectMissing(Exception):
    """No object stands under this digest."""


class StoreUnavailable(Exception):
    """The store could not be reached or refused; the caller answers 503."""


@dataclass(frozen=True, slots=True)
class Staged:
    """A whole file on local disk, not yet an object."""

    path: Path
    sha256: str
    size: int


def object_key(sha256: str) -> str:
    """The key of a digest: two levels of fan-out keep folders small.

    Raises ObjectMissing for anything that is no digest, so that no other path is ever named.
    """
    if not _DIGEST.fullmatch(sha256):
        raise ObjectMissing(sha256)
    return f"sha256/{sha256[:2]}/{sha256[2:4]}/{sha256}"


class Sink(Protocol):
    """Where fetched bytes go: a file, or a `Staging`."""

    def write(self, block: bytes, /) -> int: ...


class Staging:
    """A file being written while its digest is computed. Use as a context manager."""

    def __init__(self, folder: Path, owner: str = "") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=folder, prefix=f"{owner}.")
        self._file: IO[bytes] = os.fdopen(descriptor, "wb")
        self._digest = hashlib.sha256()
        self.path = Path(name)
        self.size = 0

    def write(self, block: bytes | memoryview) -> int:
        """Append `block`; returns its length."""
        self._digest.update(block)
        self._file.write(block)
        self.size += len(block)
        return len(block)

    def flush(self) -> None:
        self._file.flush()

    def finish(self) -> Staged:
        """Make the file durable and tell its digest and size in bytes."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        return Staged(self.path, self._digest.hexdigest(), self.size)

    def adopt(self) -> Staged:
        """`finish` for a file that another writer has filled at `path`: it is read once more."""
        with self.path.open("rb") as file:
            while block := file.read(CHUNK_BYTES):
                self._digest.update(block)
                self.size += len(block)
            os.fsync(file.fileno())
        return Staged(self.path, self._digest.hexdigest(), self.size)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self.path.unlink(missing_ok=True)


class Store:
    """One object store; `root` is its folder when it is local disk, `backend` obstore's own."""

    def __init__(self, backend: Any, staging: Path, root: Path | None) -> None:
        self.backend = backend
        self._staging = staging
        self.root = root

    @classmethod
    def open(cls, settings: Settings) -> Store:
        """The store that `SUMUN_STORAGE_URL` names. Raises OperatorError for an unknown scheme."""
        parts = urlsplit(settings.storage)
        if parts.scheme == "file":
            if parts.netloc:
                raise OperatorError("setting SUMUN_STORAGE_URL: write file:///ABSOLUTE/PATH")
            root = Path(parts.path)
            root.mkdir(parents=True, exist_ok=True)
            return cls(LocalStore(root), root / ".staging", root)
        if parts.scheme == "s3":
            return cls(_s3(settings), settings.home / "staging", None)
        raise OperatorError(f"setting SUMUN_STORAGE_URL: unknown scheme {parts.scheme!r}")

    def stage(self, owner: str = "") -> Staging:
        """A new staging file; what a killed process left can be found by its `owner`."""
        return Staging(self._staging, owner)

    def discard(self, owner: str) -> None:
        """Delete what an earlier, killed attempt of `owner` has staged on this machine."""
        found = self._staging.glob(f"{owner}.*") if self._staging.is_dir() else ()
        for path in found:
            path.unlink(missing_ok=True)

    def commit(self, staged: Staged) -> None:
        """Name a staged file by its digest; twice is harmless. Raises StoreUnavailable."""
        if self.exists(staged.sha256):
            return
        if self.root is not None:
            _rename_durably(staged.path, self.root, object_key(staged.sha256))
            return
        with _reachable(staged.sha256):
            obstore.put(self.backend, object_key(staged.sha256), staged.path)

    def sweep(self) -> int:
        """Delete staging files that a killed process left a week ago; returns how many."""
        limit = time.time() - ABANDONED_SECONDS
        found = self._staging.iterdir() if self._staging.is_dir() else ()
        old = [path for path in found if path.stat().st_mtime < limit]
        for path in old:
            path.unlink(missing_ok=True)
        return len(old)

    def put(self, data: bytes) -> str:
        """Store `data`; returns its sha256."""
        with self.stage() as staging:
            staging.write(data)
            staged = staging.finish()
            self.commit(staged)
        return staged.sha256

    def exists(self, sha256: str) -> bool:
        """Whether the object is there. Raises StoreUnavailable."""
        try:
            self.size(sha256)
        except ObjectMissing:
            return False
        return True

    def size(self, sha256: str) -> int:
        """The object's size in bytes. Raises ObjectMissing or StoreUnavailable."""
        with _reachable(sha256):
            return int(obstore.head(self.backend, object_key(sha256))["size"])

    def local_path(self, sha256: str) -> Path | None:
        """Where the object lies on local disk, None on S3."""
        return self.root / object_key(sha256) if self.root is not None else None

    def open_descriptor(self, sha256: str) -> int | None:
        """A read-only descriptor on local disk, None on S3. Raises ObjectMissing."""
        path = self.local_path(sha256)
        if path is None:
            return None
        with _reachable(sha256):
            return os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def read(self, sha256: str, start: int, length: int) -> bytes:
        """Exactly `length` bytes from `start`. Raises ObjectMissing or StoreUnavailable."""
        if length == 0:
            return b""
        with _reachable(sha256):
            block = obstore.get_range(self.backend, object_key(sha256), start=start, length=length)
        if len(block) != length:
            raise StoreUnavailable(f"object {sha256}: fewer bytes than recorded")
        return bytes(block)

    def blocks(self, sha256: str, start: int, length: int) -> Iterator[bytes]:
        """The same in blocks of at most 1 MiB, with flat memory."""
        end = start + length
        for offset in range(start, end, CHUNK_BYTES):
            yield self.read(sha256, offset, min(CHUNK_BYTES, end - offset))

    def fetch(self, sha256: str, size: int, target: Sink) -> None:
        """Copy an object of `size` bytes into `target`."""
        for block in self.blocks(sha256, 0, size):
            target.write(block)


@contextmanager
def _reachable(sha256: str) -> Iterator[None]:
    """Turn what a backend raises into ObjectMissing or StoreUnavailable."""
    try:
        yield
    except FileNotFoundError:
        raise ObjectMissing(sha256) from None
    except (BaseError, OSError) as error:
        raise StoreUnavailable(str(error)) from error


def _rename_durably(source: Path, root: Path, key: str) -> None:
    """Move `source` to `key`, and make every folder on the way survive a power cut."""
    target = root / key
    try:
        fresh = not target.parent.exists()
        target.parent.mkdir(parents=True, exist_ok=True)
        source.replace(target)
        _sync_folder(target.parent)
        if fresh:
            _sync_folder(target.parent.parent)
            _sync_folder(target.parent.parent.parent)
    except OSError as error:
        raise StoreUnavailable(str(error)) from error


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _s3(settings: Settings) -> S3Store:
    parts = urlsplit(settings.storage)
    options: dict[str, Any] = {"region": settings.s3_region}
    if settings.s3_endpoint:
        options["endpoint"] = settings.s3_endpoint
    plain = settings.s3_endpoint.startswith("http://")
    return S3Store(
        parts.netloc,
        prefix=parts.path.strip("/") or None,
        client_options={"allow_http": plain},
        **options,
    )
