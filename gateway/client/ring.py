"""The operating system's keyring, where there is one that keeps secrets from other programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

SERVICE = "sumun"
# These would store in plain text or nowhere; the client's own 0600 file is better than either.
_WEAK = ("fail", "null", "plaintext")


def keep(server: str, key: str) -> bool:
    """Store the key for a gateway; False where no keyring takes it."""
    ring = _ring()
    if ring is None:
        return False
    from keyring.errors import KeyringError

    try:
        ring.set_password(SERVICE, server, key)
    except KeyringError:
        return False
    return True


def read(server: str) -> str:
    """The key for a gateway, or ""."""
    ring = _ring()
    if ring is None:
        return ""
    from keyring.errors import KeyringError

    try:
        return ring.get_password(SERVICE, server) or ""
    except KeyringError:
        return ""


def forget(server: str) -> None:
    """Remove the key for a gateway, if it is there."""
    ring = _ring()
    if ring is None:
        return
    from keyring.errors import KeyringError

    try:
        ring.delete_password(SERVICE, server)
    except KeyringError:
        return


def _ring() -> KeyringBackend | None:
    import keyring

    found = keyring.get_keyring()
    # A chain hands on to its best member.
    best = next(iter(getattr(found, "backends", ())), found)
    name = f"{type(best).__module__}.{type(best).__name__}".lower()
    return None if any(word in name for word in _WEAK) else best
