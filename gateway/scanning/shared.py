"""One scanner for the whole process: warming up takes seconds, a file takes milliseconds."""

from __future__ import annotations

import atexit
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

from gateway.scanning.model import FileReport
from gateway.scanning.service import Scanner


class Scans(Protocol):
    """What jobs need of a `Scanner`; tests give them one without a sandbox."""

    @property
    def confined(self) -> bool: ...
    def scan(self, source: Path, name: str) -> FileReport: ...


OpenScanner = Callable[[], AbstractContextManager[Scans]]

_lock = threading.Lock()
_kept: list[Scanner] = []


@contextmanager
def warm_scanner() -> Iterator[Scanner]:
    """The process's scanner, started on first use and stopped with the process."""
    with _lock:
        if not _kept:
            scanner = Scanner().__enter__()
            atexit.register(scanner.__exit__, None, None, None)
            _kept.append(scanner)
    yield _kept[0]
