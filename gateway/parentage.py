"""A child process that ends when its parent has gone, even if the parent was killed."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

POLL_SECONDS = 1.0


PARENT = "SUMUN_PARENT"


def follow_parent(stop: Callable[[], None]) -> None:
    """Call `stop` from a thread once the process that started this one is gone.

    A parent that names itself in the environment is missed even if it died before this call.
    """
    parent = int(os.environ.get(PARENT, os.getppid()))
    threading.Thread(target=_watch, args=(parent, stop), daemon=True).start()


def _watch(parent: int, stop: Callable[[], None]) -> None:
    pause = threading.Event()
    # Orphaned, this process would go on beside its successor's.
    while os.getppid() == parent:
        pause.wait(POLL_SECONDS)
    stop()
