"""The worker process: the job handlers of every feature, on one runtime."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

from gateway.access import wiring as access
from gateway.catalog import wiring as catalog
from gateway.exports import wiring as exports
from gateway.jobs.queue import Leased
from gateway.jobs.worker import Worker, run_until_signalled
from gateway.runtime import Runtime

FEATURES = (catalog, access, exports)
PARENT_POLL_SECONDS = 1.0


def handlers(runtime: Runtime) -> dict[str, Callable[[Leased], None]]:
    """Every job kind and what runs it."""
    return {
        kind: handler for feature in FEATURES for kind, handler in feature.handlers(runtime).items()
    }


def work(runtime: Runtime) -> None:
    """Run jobs until a signal, or until the process that started this one is gone."""
    worker = Worker(runtime.db, runtime.clock, handlers(runtime))
    threading.Thread(target=_follow_parent, args=(worker, os.getppid()), daemon=True).start()
    run_until_signalled(worker)


def _follow_parent(worker: Worker, parent: int) -> None:
    pause = threading.Event()
    # Started by a server that was killed, a worker would go on beside its successor's.
    while os.getppid() == parent:
        pause.wait(PARENT_POLL_SECONDS)
    worker.stop()
