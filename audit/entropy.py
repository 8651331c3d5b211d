"""Random bytes for salts, nonces and identifiers.

OpenSSL's generator is seeded from the kernel, and again after a fork. Unlike `os.urandom` it
keeps the interpreter lock: with 64 busy threads, giving the lock up three times an event took
longer than encoding the event.
"""

from __future__ import annotations

from ssl import RAND_bytes


def random_bytes(count: int) -> bytes:
    """Return `count` bytes fit for keys."""
    return RAND_bytes(count)
