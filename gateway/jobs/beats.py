"""What the worker does at intervals, beside its jobs: each in a thread of its own.

A beat is for what leaves no job behind and may be left out once: several workers may run the
same beat, and a beat that fails is told to the operator's log and comes again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import structlog

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Beat:
    """`run` is called every `seconds`, the first time that long after the start."""

    name: str
    seconds: float
    run: Callable[[], object]


@contextmanager
def beating(beats: Iterable[Beat]) -> Iterator[None]:
    """Keep the beats going inside; leaving waits for those that are at work."""
    done = threading.Event()
    threads = [threading.Thread(target=_keep, args=(beat, done), name=beat.name) for beat in beats]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        done.set()
        for thread in threads:
            thread.join()


def _keep(beat: Beat, done: threading.Event) -> None:
    while not done.wait(beat.seconds):
        try:
            beat.run()
        # Whatever went wrong, the next beat must come.
        except Exception as error:
            log.error("beat.failed", beat=beat.name, exc_info=error)
