"""Keys: one per purpose, each a 0600 file in the keys folder, never in the database.

A key that is missing while data exists stops the start: making a new one would orphan what the
old one sealed, and would do so silently.
"""

from __future__ import annotations

import os
import secrets
import stat
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from gateway.errors import OperatorError

KEY_BYTES = 32


class Purpose(StrEnum):
    """What a key is for; no key serves two purposes."""

    URL = "url"
    LOG = "log"
    PERSON = "person-kek"
    LOOKUP = "lookup-hmac"
    SESSION = "session"
    CURSOR = "cursor"


@dataclass(frozen=True, slots=True)
class Key:
    """Raw key material with its short id (`kid`)."""

    kid: str
    material: bytes


class KeyStore:
    """The keys folder. Files are `<purpose>.<kid>.key`; the newest kid is the one that signs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def ensure(self, *, data_exists: bool) -> None:
        """Create what a new home needs. Raises OperatorError if a key is missing beside data."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        missing = [purpose for purpose in Purpose if not self._files(purpose)]
        if missing and data_exists:
            raise OperatorError(
                f"key {missing[0]} is missing from {self._folder} although data exists; "
                "restore the keys folder from its backup"
            )
        for purpose in missing:
            self.add(purpose)

    def check(self) -> None:
        """Read every key. Raises OperatorError for one that is missing, open or damaged."""
        for purpose in Purpose:
            self.live(purpose)

    def add(self, purpose: Purpose) -> Key:
        """Make a new key for `purpose`; it becomes the current one."""
        existing = [int(path.name.split(".")[1]) for path in self._files(purpose)]
        key = Key(str(max(existing, default=0) + 1), secrets.token_bytes(KEY_BYTES))
        path = self._folder / f"{purpose}.{key.kid}.key"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(key.material)
            file.flush()
            os.fsync(file.fileno())
        return key

    def current(self, purpose: Purpose) -> Key:
        """The newest key of `purpose`. Raises OperatorError when there is none."""
        return self.live(purpose)[0]

    def live(self, purpose: Purpose, count: int = 2) -> tuple[Key, ...]:
        """The newest `count` keys of `purpose`, newest first: what was signed may still verify."""
        files = self._files(purpose)
        if not files:
            raise OperatorError(f"key {purpose} is missing from {self._folder}")
        return tuple(self._read(path) for path in files[-count:][::-1])

    def _files(self, purpose: Purpose) -> list[Path]:
        found = self._folder.glob(f"{purpose}.*.key")
        return sorted(found, key=lambda path: int(path.name.split(".")[1]))

    @staticmethod
    def _read(path: Path) -> Key:
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            raise OperatorError(f"{path} is readable by others; run: chmod 600 {path}")
        material = path.read_bytes()
        if len(material) != KEY_BYTES:
            raise OperatorError(f"{path} does not hold {KEY_BYTES} bytes; restore it from a backup")
        return Key(path.name.split(".")[1], material)
