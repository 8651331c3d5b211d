"""The WSGI server: gunicorn's threaded worker, one process by default.

Threads, because a download holds one for as long as its reader is slow; one process, because the
embedded default writes one SQLite file. With PostgreSQL the number of processes may grow.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
from typing import Any

import structlog
from gunicorn.app.base import BaseApplication

from gateway.app import create_app
from gateway.config import Settings, load
from gateway.observability import logs
from gateway.parentage import follow_parent
from gateway.startup import open_runtime

KEEP_ALIVE_SECONDS = 15
GRACEFUL_SECONDS = 20
log = structlog.get_logger("gateway.server")


class Server(BaseApplication):  # type: ignore[misc]
    """Gunicorn configured by code; each worker opens its own runtime after the fork."""

    def __init__(self, settings: Settings, bind: str, workers: int, threads: int) -> None:
        self._settings = settings
        self._options = {
            "bind": bind,
            "workers": workers,
            "threads": threads,
            "worker_class": "gthread",
            "keepalive": KEEP_ALIVE_SECONDS,
            "graceful_timeout": GRACEFUL_SECONDS,
            # The arbiter kills a worker that does not beat; threads serving slowly still beat.
            "timeout": 60,
            "control_socket_disable": True,
            "accesslog": None,
            "errorlog": "-",
            "loglevel": "warning",
            "proc_name": "sumun",
        }
        super().__init__()

    def load_config(self) -> None:
        known = self.cfg.settings
        for name, value in self._options.items():
            if name in known:
                self.cfg.set(name, value)

    def load(self) -> Any:
        logs.configure(self._settings.log_level)
        runtime = open_runtime(self._settings)
        # A worker that is stopped ends as a program does, and what waits to be written is.
        atexit.register(runtime.close)
        return create_app(runtime)


def main() -> None:
    """`python -m gateway.server HOST:PORT WORKERS THREADS`, as `sumun serve` starts it."""
    bind, workers, threads = sys.argv[1:]
    follow_parent(lambda: os.kill(os.getpid(), signal.SIGTERM))
    Server(load(), bind, int(workers), int(threads)).run()


if __name__ == "__main__":
    main()
