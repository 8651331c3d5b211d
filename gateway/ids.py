"""Identifiers: UUIDv7 (RFC 9562), so that rows sort in the order in which they were made."""

from __future__ import annotations

import hashlib
import os
import threading
import uuid

from audit.entropy import random_bytes
from gateway.clock import Clock, to_ms

RANDOM_BITS = 74
STEP_BITS = 40
_STEP = (1 << STEP_BITS) - 1
# One bit is kept free, so that growing does not run over.
_START = (1 << RANDOM_BITS - 1) - 1
_DRAWN_BYTES = 10


class _Sequence:
    """Milliseconds with 74 random bits that only grow within one millisecond (RFC 9562 §6.2)."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = (-1, 0)

    def next(self, milliseconds: int) -> tuple[int, int]:
        fresh = int.from_bytes(random_bytes(_DRAWN_BYTES), "big")
        with self._lock:
            last, bits = self._last
            grown = bits + 1 + (fresh & _STEP)
            if milliseconds != last or grown >> RANDOM_BITS:
                grown = fresh & _START
            self._last = (milliseconds, grown)
            return self._last


_sequence = _Sequence()


def _restart() -> None:
    # A child that went on from its parent's last bits might meet its siblings' ids.
    global _sequence
    _sequence = _Sequence()


os.register_at_fork(after_in_child=_restart)


def new(clock: Clock) -> uuid.UUID:
    """A UUIDv7: 48 bits of Unix milliseconds, then 74 bits that grow within this process."""
    milliseconds, bits = _sequence.next(to_ms(clock.now()) & (1 << 48) - 1)
    high, low = bits >> 62, bits & (1 << 62) - 1
    return uuid.UUID(int=milliseconds << 80 | 0x7 << 76 | high << 64 | 0x2 << 62 | low)


def derived(parent: uuid.UUID, name: str) -> uuid.UUID:
    """The one id that belongs to `parent` under `name`: a UUIDv8 (RFC 9562) of the same moment.

    Whoever derives it twice gets the same, so that what must happen once can be told by its id.
    """
    digest = hashlib.sha256(parent.bytes + name.encode()).digest()
    bits = int.from_bytes(digest[:10], "big")
    moment, high, low = parent.int >> 80, bits >> 68, bits & (1 << 62) - 1
    return uuid.UUID(int=moment << 80 | 0x8 << 76 | high << 64 | 0x2 << 62 | low)


def parse(text: str) -> uuid.UUID | None:
    """The UUID written as `text` in its canonical form, or None for anything else."""
    try:
        value = uuid.UUID(text)
    except (ValueError, AttributeError, TypeError):
        return None
    return value if str(value) == text else None
