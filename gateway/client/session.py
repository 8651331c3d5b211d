"""The client's memory: one gateway and one token, in a file only its owner can read.

The token belongs to the gateway that issued it and is never sent to another.
"""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import MISSING, Field, asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from gateway.client import ring
from gateway.client.address import origin
from gateway.client.errors import ClientError

DEFAULT_SERVER = "http://localhost:8400"


@dataclass(frozen=True, slots=True)
class Session:
    """Where the client is signed in."""

    server: str
    account: str
    token: str
    expires_at: str
    refresh_token: str = ""
    key: str = ""


FIELDS = fields(Session)
IN_RING = "keyring"


def file() -> Path:
    """`$XDG_CONFIG_HOME/sumun/session.json`."""
    base = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(base) / "sumun" / "session.json"


def server(given: str | None = None) -> str:
    """The server to speak to: the argument, `SUMUN_SERVER`, the last one, the default."""
    return (given or os.environ.get("SUMUN_SERVER") or _remembered()).rstrip("/")


def load() -> Session:
    """The stored session. Raises ClientError when nobody is signed in."""
    found = _read()
    if found is None:
        raise ClientError("you are not signed in; run: sumun login")
    return found


def for_server(address: str) -> Session | None:
    """The stored session if there is one. Raises ClientError when another gateway issued it."""
    found = _read()
    if found is None:
        return None
    if origin(found.server) != origin(address):
        raise ClientError(
            f"you are signed in to {found.server}, and its session is not sent to {address}; "
            f"run: sumun login --server {address}"
        )
    return found


def store(session: Session) -> None:
    """Keep the session: its key in the keyring where there is one, the rest (or all) in a file
    that is written beside and renamed, mode 0600 from the first byte."""
    if session.key and ring.keep(session.server, session.key):
        session = replace(session, key=IN_RING)
    path = file()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    beside = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        json.dump(asdict(session), out)
    beside.replace(path)


def forget() -> None:
    """Remove the stored session, and its key from the keyring."""
    try:
        found = _read()
    except ClientError:
        found = None
    if found is not None and found.key:
        ring.forget(found.server)
    file().unlink(missing_ok=True)


def _remembered() -> str:
    known = _read()
    return known.server if known else DEFAULT_SERVER


def _read() -> Session | None:
    path = file()
    try:
        if path.stat().st_mode & 0o077:
            raise ClientError(f"{path} is readable by others; run: chmod 600 {path}")
        stored = json.loads(path.read_text("utf-8"))
        found = Session(**{each.name: str(_field(stored, each)) for each in FIELDS})
        return replace(found, key=ring.read(found.server)) if found.key == IN_RING else found
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ClientError(f"{path} cannot be read; remove it and run: sumun login") from error


def _field(stored: dict[str, Any], field: Field[Any]) -> Any:
    return stored[field.name] if field.default is MISSING else stored.get(field.name, "")
