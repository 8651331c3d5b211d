"""Serves a test's home with gunicorn as production does: `python -m tests.parts.small_server HOME
PORT`. Identity, catalogue, agreements, access and delivery only."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gunicorn.app.base import BaseApplication

from gateway.access import wiring as access
from gateway.agreements import wiring as agreements
from gateway.catalog import wiring as catalog
from gateway.config import Settings, load
from gateway.startup import open_runtime
from tests.world import small_app

ROOT = Path(__file__).parents[2]
START_SECONDS = 90.0
THREADS = 32


class Server(BaseApplication):  # type: ignore[misc]
    """Gunicorn's threaded worker over the small application."""

    def __init__(self, settings: Settings, port: int) -> None:
        self._settings, self._port = settings, port
        super().__init__()

    def load_config(self) -> None:
        self.cfg.set("bind", f"127.0.0.1:{self._port}")
        self.cfg.set("worker_class", "gthread")
        self.cfg.set("threads", THREADS)
        self.cfg.set("control_socket_disable", True)
        self.cfg.set("loglevel", "warning")

    def load(self) -> object:
        return small_app(open_runtime(self._settings), catalog, agreements, access)


@contextmanager
def serving(settings: Settings) -> Iterator[str]:
    """Start a server on a free port; yields its address, which is the home's public one."""
    port = int(settings.public_url.rpartition(":")[2])
    environment = {
        **os.environ,
        "SUMUN_DATABASE_URL": settings.database,
        "SUMUN_PUBLIC_URL": settings.public_url,
    }
    command = [sys.executable, "-m", "tests.parts.small_server", str(settings.home), str(port)]
    process = subprocess.Popen(command, cwd=ROOT, env=environment)
    try:
        _await(port, process)
        yield settings.public_url
    finally:
        process.terminate()
        process.wait(10)


def free_port() -> int:
    """A port nobody listens on at this moment."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _await(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("the server did not start")


if __name__ == "__main__":
    Server(load(home=Path(sys.argv[1])), int(sys.argv[2])).run()
