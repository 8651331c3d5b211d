"""Asking a register about organisations. Whatever is not a clear answer is UNKNOWN."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from enum import StrEnum
from typing import Protocol


class BusinessState(StrEnum):
    """What the register says of a business now."""

    OPERATING = "operating"
    SUSPENDED = "suspended"
    CLOSED = "closed"
    UNKNOWN = "unknown"


class Match(StrEnum):
    """Whether a registration is the one that the register knows."""

    SAME = "same"
    DIFFERENT = "different"
    UNKNOWN = "unknown"


class OrganisationVerifier(Protocol):
    """A register of businesses. Neither method raises: a failure is UNKNOWN, which verifies
    nothing and closes nothing."""

    @property
    def ready(self) -> bool:
        """Whether this installation may ask it at all."""
        ...

    def states(self, numbers: Sequence[str]) -> Mapping[str, BusinessState]:
        """The present state of each business number, every one of them in the answer."""
        ...

    def matches(self, number: str, opened_on: date, representative: str) -> Match:
        """Whether the business of this number opened that day under that representative."""
        ...
