"""Asking somebody else who a person is (본인확인). What cannot be checked is no identity."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


class CheckFailed(Exception):
    """The agency gave no answer that counts; the message says why, for the log."""


class CheckDeclined(CheckFailed):
    """The agency answered clearly that it did not establish who the person is."""


@dataclass(frozen=True, slots=True)
class Started:
    """A check that the agency has begun: its name there, and where the person goes."""

    reference: str
    address: str


@dataclass(frozen=True, slots=True)
class Verified:
    """Who checked, how strongly, when; `name` as the verifier knows it.

    `ci` (연계정보) names the same person everywhere for ever. It is held no longer than it takes
    to make its keyed hash, and is None where a person looked at a paper.
    """

    verifier: str
    level: int
    at: datetime
    name: str = ""
    ci: str | None = field(default=None, repr=False)


class IdentityVerifier(Protocol):
    """An agency that people are sent to and come back from."""

    @property
    def ready(self) -> bool:
        """Whether this installation may ask it at all."""
        ...

    def start(self, return_address: str) -> Started:
        """Begin a check that ends at `return_address`. Raises CheckFailed."""
        ...

    def result(self, reference: str) -> Verified:
        """What came of it, `ci` among it. Raises CheckFailed, CheckDeclined."""
        ...
