"""The secret key of a witness: one line, as the note tools of the Go project write it."""

from __future__ import annotations

import os
import re
import secrets
import stat
from base64 import b64encode
from pathlib import Path

from audit.cosignature import Cosigner
from audit.errors import AuditError
from audit.note import SignatureType, strict_b64decode
from gateway.errors import OperatorError

_LINE = re.compile(r"PRIVATE\+KEY\+(?P<name>[^+\s]+)\+(?P<id>[0-9a-f]{8})\+(?P<key>[\w+/=]+)\n")
_KIND = bytes([SignatureType.COSIGNATURE])


def make(path: Path, name: str) -> Cosigner:
    """Write a new key to a new file that only its owner may read. Raises OperatorError."""
    seed = secrets.token_bytes(32)
    try:
        cosigner = Cosigner(name, seed)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except AuditError as error:
        raise OperatorError(str(error)) from error
    except OSError as error:
        raise OperatorError(f"{path}: {error.strerror}") from error
    secret = b64encode(_KIND + seed).decode()
    with os.fdopen(descriptor, "w") as file:
        file.write(f"PRIVATE+KEY+{name}+{cosigner.key.id.hex()}+{secret}\n")
        file.flush()
        os.fsync(file.fileno())
    return cosigner


def read(path: Path) -> Cosigner:
    """Read a key. Raises OperatorError when others may read it, or it is no key."""
    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise OperatorError(f"{path} is readable by others; run: chmod 600 {path}")
        match = _LINE.fullmatch(path.read_text("utf-8"))
        cosigner = _cosigner(match) if match is not None else None
    except OSError as error:
        raise OperatorError(f"{path}: {error.strerror}") from error
    except (AuditError, UnicodeDecodeError):
        cosigner = None
    if cosigner is None:
        raise OperatorError(f"{path} is not the key of a witness")
    return cosigner


def _cosigner(match: re.Match[str]) -> Cosigner | None:
    data = strict_b64decode(match["key"])
    if data[:1] != _KIND:
        return None
    cosigner = Cosigner(match["name"], data[1:])
    return cosigner if cosigner.key.id.hex() == match["id"] else None
