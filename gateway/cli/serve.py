"""`sumun serve` and `sumun worker`."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time

import click

from gateway.cli.common import Home, home_option
from gateway.config import Settings
from gateway.errors import OperatorError
from gateway.parentage import PARENT

DEFAULT_PORT = 8400
POLL_SECONDS = 0.2
MIN_UPTIME_SECONDS = 2.0
STOP_SECONDS = 45


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=DEFAULT_PORT, show_default=True)
@click.option("--workers", default=1, show_default=True, help="Processes; 1 on SQLite.")
@click.option("--threads", default=256, show_default=True, help="Threads in each process.")
@home_option
def serve(home: Home, host: str, port: int, workers: int, threads: int) -> None:
    """Upgrade the database, then serve, with a worker beside it."""
    from gateway.home import set_up

    settings = home.settings()
    if workers > 1 and settings.database.startswith("sqlite"):
        raise OperatorError("SQLite is served by one process; use PostgreSQL for more workers")
    check_free(host, port)
    set_up(settings).close()
    click.echo(f"home {settings.home}", err=True)
    click.echo(f"public address {settings.public_url} (SUMUN_PUBLIC_URL)", err=True)
    click.echo(f"starting http://{host}:{port} ({workers} x {threads} threads)", err=True)
    server = [f"{host}:{port}", str(workers), str(threads)]
    click.get_current_context().exit(Supervisor(settings, server).run())


@click.command()
@home_option
def worker(home: Home) -> None:
    """Run jobs until stopped."""
    from gateway.observability import logs
    from gateway.worker import work

    logs.configure(home.settings().log_level)
    with home.runtime() as runtime:
        work(runtime)


def check_free(host: str, port: int) -> None:
    """Raises OperatorError when somebody listens on `port` already."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise OperatorError(
                f"{host}:{port} cannot be used ({error.strerror}); choose another with --port"
            ) from error


class Supervisor:
    """Runs the server and the worker as processes of their own.

    A worker that dies is started again; when the server ends, everything ends.
    """

    def __init__(self, settings: Settings, server: list[str]) -> None:
        own = {"SUMUN_HOME": str(settings.home), PARENT: str(os.getpid())}
        self._environment = os.environ | own
        self._server = [sys.executable, "-m", "gateway.server", *server]
        self._worker = [sys.executable, "-m", "gateway.cli.main", "worker"]
        self._stopping = threading.Event()

    def run(self) -> int:
        """Supervise until a signal or the server's end; the server's exit status."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda _number, _frame: self._stopping.set())
        server, working = self._spawn(self._server), self._spawn(self._worker)
        started = time.monotonic()
        while not self._stopping.wait(POLL_SECONDS) and server.poll() is None:
            young = time.monotonic() - started < MIN_UPTIME_SECONDS
            if working.poll() is not None and not young:
                working, started = self._spawn(self._worker), time.monotonic()
        for process in (server, working):
            process.terminate()
        working.wait(STOP_SECONDS)
        return server.wait(STOP_SECONDS)

    def _spawn(self, command: list[str]) -> subprocess.Popen[bytes]:
        # A group of its own: Ctrl-C reaches this process, which then stops the others in order.
        return subprocess.Popen(command, env=self._environment, start_new_session=True)
