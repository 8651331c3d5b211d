"""Named files in the store: what is published under a path, not under its digest.

On local disk a file is written aside, made durable and then named, so nobody ever reads half of
one; on S3 an upload is as whole. `put_absent` leaves the choice between two writers to the store.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any, Protocol

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError

from gateway.storage.store import Store, StoreUnavailable


class NamedFiles(Protocol):
    """Files by path; every method may raise StoreUnavailable."""

    def get(self, path: str) -> bytes | None: ...
    def put(self, path: str, data: bytes) -> None: ...
    def put_absent(self, path: str, data: bytes) -> bool: ...
    def remove(self, path: str) -> None: ...
    def remove_below(self, folder: str) -> None: ...


def shelf(store: Store, prefix: str) -> NamedFiles:
    """The files of `store` below `prefix`."""
    if store.root is not None:
        return FolderShelf(store.root / prefix)
    return BucketShelf(store.backend, prefix)


class FolderShelf:
    """Files below a local folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def get(self, path: str) -> bytes | None:
        """The bytes at a path, or None."""
        try:
            return (self.root / path).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise StoreUnavailable(str(error)) from error

    def put(self, path: str, data: bytes) -> None:
        """Replace atomically."""
        self._write(path, data, replace=True)

    def put_absent(self, path: str, data: bytes) -> bool:
        """Write once, and make the name itself survive a power cut; False if it was there."""
        if (self.root / path).exists():
            return False
        return self._write(path, data, replace=False)

    def remove(self, path: str) -> None:
        """Remove one file, if it is there."""
        (self.root / path).unlink(missing_ok=True)

    def remove_below(self, folder: str) -> None:
        """Remove a folder with all that is in it."""
        shutil.rmtree(self.root / folder, ignore_errors=True)

    def _write(self, path: str, data: bytes, *, replace: bool) -> bool:
        target = self.root / path
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            aside = _aside(target.parent, data)
            try:
                return _name(aside, target, replace=replace)
            finally:
                aside.unlink(missing_ok=True)
        except OSError as error:
            raise StoreUnavailable(str(error)) from error


def _aside(folder: Path, data: bytes) -> Path:
    descriptor, name = tempfile.mkstemp(dir=folder, prefix=".")
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    path = Path(name)
    path.chmod(0o644)
    return path


def _name(aside: Path, target: Path, *, replace: bool) -> bool:
    if replace:
        aside.replace(target)
        return True
    try:
        os.link(aside, target)
    except FileExistsError:
        return False
    descriptor = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return True


class BucketShelf:
    """Files below a prefix of a bucket."""

    def __init__(self, backend: Any, prefix: str) -> None:
        self._backend = backend
        self._prefix = prefix

    def get(self, path: str) -> bytes | None:
        """The bytes at a key, or None."""
        try:
            return bytes(obstore.get(self._backend, self._key(path)).bytes())
        except FileNotFoundError:
            return None
        except (BaseError, OSError) as error:
            raise StoreUnavailable(str(error)) from error

    def put(self, path: str, data: bytes) -> None:
        """Replace."""
        self._put(path, data, "overwrite")

    def put_absent(self, path: str, data: bytes) -> bool:
        """Write unless the key is taken (If-None-Match); False if it is."""
        try:
            self._put(path, data, "create")
        except AlreadyExistsError:
            return False
        return True

    def remove(self, path: str) -> None:
        """Remove one key, if it is there."""
        self._delete([self._key(path)])

    def remove_below(self, folder: str) -> None:
        """Remove every key below a folder."""
        try:
            pages = obstore.list(self._backend, prefix=self._key(folder))
            keys = [one["path"] for page in pages for one in page]
        except (BaseError, OSError) as error:
            raise StoreUnavailable(str(error)) from error
        if keys:
            self._delete(keys)

    def _put(self, path: str, data: bytes, mode: Any) -> None:
        try:
            obstore.put(self._backend, self._key(path), data, mode=mode, use_multipart=False)
        except AlreadyExistsError:
            raise
        except (BaseError, OSError) as error:
            raise StoreUnavailable(str(error)) from error

    def _delete(self, keys: list[str]) -> None:
        try:
            obstore.delete(self._backend, keys)
        except FileNotFoundError:
            return
        except (BaseError, OSError) as error:
            raise StoreUnavailable(str(error)) from error

    def _key(self, path: str) -> str:
        return f"{self._prefix}/{path}"
