"""Work that only a few may do at once, with a short queue and nobody behind it.

Whoever finds the queue full is told so at once. Waiting would hold a thread of the server, and a
crowd that is large enough would hold them all: then no page is answered either.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Full(Exception):
    """There is no room, or no turn came in time."""


class Turnstile:
    """At most `at_once` inside and `waiting` before them, each for `patience` seconds at most.

    While others wait, a turn is followed by a rest of `rest` times as long before the next one, so
    that a crowd that never ends leaves the greater part of the time to everybody else.
    """

    def __init__(self, at_once: int, waiting: int, patience: float, rest: float = 0.0) -> None:
        self._inside = threading.BoundedSemaphore(at_once)
        self._left = self._places = at_once + waiting
        self._lock = threading.Lock()
        self._patience = patience
        self._rest = rest
        self._rested = 0.0

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
                with self._turn():
                    yield
            finally:
                self._inside.release()
        finally:
            self._leave()

    @contextmanager
    def _turn(self) -> Iterator[None]:
        time.sleep(max(0.0, self._rested - time.monotonic()))
        began = time.monotonic()
        try:
            yield
        finally:
            ended = time.monotonic()
            if self._left < self._places - 1:
                self._rested = ended + (ended - began) * self._rest

    def _enter(self) -> None:
        with self._lock:
            if self.full:
                raise Full
            self._left -= 1

    def _leave(self) -> None:
        with self._lock:
            self._left += 1
