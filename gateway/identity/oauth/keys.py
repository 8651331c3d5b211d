"""The keys with which the gateway signs what others verify: ID tokens, and later visas.

A pair of RS256 and ES256 (OIDC Core demands the first, GA4GH allows only these two), each a 0600
file in the keys folder. A new pair signs at once; the one before stays published, so that what it
signed still verifies. Nothing is sealed with them, so a lost pair is simply made anew.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

from gateway.errors import OperatorError

PUBLISHED = 2
RSA_BITS = 3072
Pair = dict["Algorithm", RSAKey | ECKey]


class Algorithm(StrEnum):
    """What the gateway signs with."""

    RS256 = "RS256"
    ES256 = "ES256"


@dataclass(frozen=True, slots=True)
class SigningKeys:
    """Pairs of keys in a folder, oldest first: `signing-<n>-<algorithm>.pem`."""

    folder: Path

    def current(self, algorithm: Algorithm) -> RSAKey | ECKey:
        """The key that signs now; the first pair is made when it is first needed."""
        return self._pair(self._numbers()[-1])[algorithm]

    def published(self) -> KeySet:
        """The public keys of the newest pairs (RFC 7517), newest first."""
        newest = self._numbers()[-PUBLISHED:][::-1]
        return KeySet([key for number in newest for key in self._pair(number).values()])

    def rotate(self) -> str:
        """Make a new pair and return its number."""
        with self._locked():
            return str(self._make(max(self._files(), default=0) + 1))

    def sign(
        self, claims: dict[str, Any], algorithm: Algorithm, kind: str = "JWT", jku: str = ""
    ) -> str:
        """A compact JWS of `claims` whose header names the key, `typ`, and where the key is."""
        key = self.current(algorithm)
        header = {"alg": str(algorithm), "kid": key.kid, "typ": kind} | (
            {"jku": jku} if jku else {}
        )
        return jwt.encode(header, claims, key, [str(algorithm)])

    def _numbers(self) -> list[int]:
        known = self._files()
        if known:
            return known
        with self._locked():
            return self._files() or [self._make(1)]

    def _files(self) -> list[int]:
        # ES256 is written last: a pair that was cut short does not count.
        found = self.folder.glob(f"signing-*-{Algorithm.ES256}.pem")
        return sorted(int(path.name.split("-")[1]) for path in found)

    def _make(self, number: int) -> int:
        made = (
            (Algorithm.RS256, RSAKey.generate_key(RSA_BITS)),
            (Algorithm.ES256, ECKey.generate_key("P-256")),
        )
        for algorithm, key in made:
            _write(self._path(number, algorithm), key.as_pem(private=True))
        return number

    def _pair(self, number: int) -> Pair:
        return {each: _read(self._path(number, each), each) for each in Algorithm}

    def _path(self, number: int, algorithm: Algorithm) -> Path:
        return self.folder / f"signing-{number}-{algorithm}.pem"

    @contextmanager
    def _locked(self) -> Iterator[None]:
        descriptor = os.open(self.folder / "signing.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


_READ: dict[tuple[Path, int], RSAKey | ECKey] = {}


def _read(path: Path, algorithm: Algorithm) -> RSAKey | ECKey:
    """The key of a file. Parsing RSA takes milliseconds, so a file is parsed once per change."""
    state = path.stat()
    if state.st_mode & 0o077:
        raise OperatorError(f"{path} is readable by others; run: chmod 600 {path}")
    known = _READ.get((path, state.st_mtime_ns))
    return known or _READ.setdefault((path, state.st_mtime_ns), _parsed(path, algorithm))


def _parsed(path: Path, algorithm: Algorithm) -> RSAKey | ECKey:
    kind: Any = RSAKey if algorithm is Algorithm.RS256 else ECKey
    parameters = {"use": "sig", "alg": str(algorithm)}
    try:
        key: RSAKey | ECKey = kind.import_key(path.read_bytes(), parameters)
    except ValueError as error:
        raise OperatorError(f"{path} holds no key; restore it from a backup") from error
    key.ensure_kid()
    return key


def _write(path: Path, body: bytes) -> None:
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
