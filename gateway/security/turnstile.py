"""Work that only a few may do at once, with a short queue and nobody behind it.

Whoever finds the queue full is told so at once. Waiting would hold a thread of the server, and a
crowd that is large enough would hold them all: then no page is answered either.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Full(Exception):
    """There is no room, or no turn came in time."""


class Turnstile:
    """At most `at_once` inside and `waiting` before them, each for `patience` seconds at most."""

    def __init__(self, at_once: int, waiting: int, patience: float) -> None:
        self._inside = threading.BoundedSemaphore(at_once)
        self._left = at_once + waiting
        self._lock = threading.Lock()
        self._patience = patience

    @property
    def full(self) -> bool:
        """Whether somebody who came now would be turned away."""
        return self._left <= 0

    @contextmanager
    def passed(self) -> Iterator[None]:
        """Be inside. Raises Full, at once when there is no room to wait."""
        self._enter()
        try:
            if not self._inside.acquire(timeout=self._patience):
                raise Full
            try:
                yield
            finally:
                self._inside.release()
        finally:
            self._leave()

    def _enter(self) -> None:
        with self._lock:
            if self.full:
                raise Full
            self._left -= 1

    def _leave(self) -> None:
        with self._lock:
            self._left += 1
