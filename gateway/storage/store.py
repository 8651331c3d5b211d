"""Objects by sha256: put once, never changed.

Everything is staged on local disk while its digest is computed, and only then named: an object
that stands under its digest is whole. On local disk naming is a rename on the same file system;
on S3 it is a (multipart) upload.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, S3Store

from gateway.config import Settings
from gateway.errors import OperatorError

CHUNK_BYTES = 1 << 20


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
    """The key of a digest: two levels of fan-out keep folders small."""
    return f"sha256/{sha256[:2]}/{sha256[2:4]}/{sha256}"


class Staging:
    """A file being written while its digest is computed. Use as a context manager."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=folder)
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

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self.path.unlink(missing_ok=True)


class Store:
    """One object store; `root` is its folder when it is local disk."""

    def __init__(self, backend: Any, staging: Path, root: Path | None) -> None:
        self._backend = backend
        self._staging = staging
        self.root = root

    @classmethod
    def open(cls, settings: Settings) -> Store:
        """The store that `SUMUN_STORAGE_URL` names. Raises OperatorError for an unknown scheme."""
        parts = urlsplit(settings.storage)
        if parts.scheme == "file":
            root = Path(parts.path)
            root.mkdir(parents=True, exist_ok=True)
            return cls(LocalStore(root), root / ".staging", root)
        if parts.scheme == "s3":
            return cls(_s3(settings), settings.home / "staging", None)
        raise OperatorError(f"setting SUMUN_STORAGE_URL: unknown scheme {parts.scheme!r}")

    def stage(self) -> Staging:
        """A new staging file."""
        return Staging(self._staging)

    def commit(self, staged: Staged) -> None:
        """Name a staged file by its digest; twice is harmless. Raises StoreUnavailable."""
        if self.root is not None:
            _rename_durably(staged.path, self.root / object_key(staged.sha256))
            return
        try:
            obstore.put(self._backend, object_key(staged.sha256), staged.path)
        except (BaseError, OSError) as error:
            raise StoreUnavailable(str(error)) from error

    def put(self, data: bytes) -> str:
        """Store `data`; returns its sha256."""
        with self.stage() as staging:
            staging.write(data)
            staged = staging.finish()
            self.commit(staged)
        return staged.sha256

    def exists(self, sha256: str) -> bool:
        """Whether the object is there."""
        try:
            obstore.head(self._backend, object_key(sha256))
        except FileNotFoundError:
            return False
        except BaseError as error:
            raise StoreUnavailable(str(error)) from error
        return True

    def open_descriptor(self, sha256: str) -> int | None:
        """A read-only descriptor on local disk, None on S3. Raises ObjectMissing."""
        if self.root is None:
            return None
        try:
            return os.open(self.root / object_key(sha256), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise ObjectMissing(sha256) from None
        except OSError as error:
            raise StoreUnavailable(str(error)) from error

    def read(self, sha256: str, start: int, length: int) -> bytes:
        """`length` bytes from `start`. Raises ObjectMissing or StoreUnavailable."""
        try:
            block = obstore.get_range(
                self._backend, object_key(sha256), start=start, length=length
            )
        except FileNotFoundError:
            raise ObjectMissing(sha256) from None
        except BaseError as error:
            raise StoreUnavailable(str(error)) from error
        return bytes(block)

    def blocks(self, sha256: str, start: int, length: int) -> Iterator[bytes]:
        """The same in blocks of at most 1 MiB, with flat memory."""
        end = start + length
        for offset in range(start, end, CHUNK_BYTES):
            yield self.read(sha256, offset, min(CHUNK_BYTES, end - offset))

    def fetch(self, sha256: str, size: int, target: IO[bytes]) -> None:
        """Copy an object of `size` bytes into `target`."""
        for block in self.blocks(sha256, 0, size):
            target.write(block)


def _rename_durably(source: Path, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        source.replace(target)
        descriptor = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise StoreUnavailable(str(error)) from error


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
