"""`sumun serve` and `sumun worker`."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time

import click

from gateway.cli.common import Home, home_option
from gateway.config import Settings
from gateway.errors import OperatorError

DEFAULT_PORT = 8400
MIN_UPTIME_SECONDS = 2.0


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=DEFAULT_PORT, show_default=True)
@click.option("--workers", default=1, show_default=True, help="Processes; 1 on SQLite.")
@click.option("--threads", default=256, show_default=True, help="Threads in each process.")
@home_option
def serve(home: Home, host: str, port: int, workers: int, threads: int) -> None:
    """Upgrade the database, then serve, with a worker beside it on the embedded default."""
    from gateway.home import set_up

    settings = home.settings()
    if workers > 1 and settings.database.startswith("sqlite"):
        raise OperatorError("SQLite is served by one process; use PostgreSQL for more workers")
    set_up(settings).close()
    click.echo(f"home {settings.home}", err=True)
    click.echo(f"serving http://{host}:{port} ({workers} x {threads} threads)", err=True)
    run(settings, host, port, workers, threads)


@click.command()
@home_option
def worker(home: Home) -> None:
    """Run jobs until stopped."""
    from gateway.observability import logs
    from gateway.worker import work

    settings = home.settings()
    logs.configure(settings.log_level)
    with home.runtime() as runtime:
        work(runtime)


def run(settings: Settings, host: str, port: int, workers: int, threads: int) -> None:
    """Serve until stopped, with a supervised worker on the same home."""
    from gateway.server import Server

    supervisor = Supervisor(settings)
    supervisor.start()
    try:
        Server(settings, f"{host}:{port}", workers, threads).run()
    finally:
        supervisor.stop()


class Supervisor:
    """Keeps one `sumun worker` running; a worker that dies is started again."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stopping = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._watch, name="worker-supervisor", daemon=True)

    def start(self) -> None:
        self._process = self._spawn()
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(timeout=30)

    def _watch(self) -> None:
        while not self._stopping.is_set():
            started = time.monotonic()
            assert self._process is not None
            self._process.wait()
            lived = time.monotonic() - started
            self._stopping.wait(max(0.0, MIN_UPTIME_SECONDS - lived))
            if not self._stopping.is_set():
                self._process = self._spawn()

    def _spawn(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "gateway.cli.main", "worker"]
        environment = os.environ | {"SUMUN_HOME": str(self._settings.home)}
        return subprocess.Popen(command, env=environment)
