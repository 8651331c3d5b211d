"""Identifiers: UUIDv7 (RFC 9562), so that rows sort by the time they were made."""

from __future__ import annotations

import secrets
import uuid

from gateway.clock import Clock, to_ms


def new(clock: Clock) -> uuid.UUID:
    """A UUIDv7: 48 bits of Unix milliseconds, then 74 random bits."""
    value = (to_ms(clock.now()) & (1 << 48) - 1) << 80
    value |= secrets.randbits(80)
    value = value & ~(0xF << 76) | (0x7 << 76)
    value = value & ~(0x3 << 62) | (0x2 << 62)
    return uuid.UUID(int=value)


def parse(text: str) -> uuid.UUID | None:
    """The UUID written as `text` in its canonical form, or None for anything else."""
    try:
        value = uuid.UUID(text)
    except (ValueError, AttributeError, TypeError):
        return None
    return value if str(value) == text else None
