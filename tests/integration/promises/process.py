"""Programs that tests kill: a server of a test's home, and a worker that hangs in a package."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


@contextmanager
def running(*command: str, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """A program in a process group of its own; killed with all of it at the end."""
    process = subprocess.Popen(
        [sys.executable, *command],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """kill -9 the program and all its children."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdout is not None:
        process.stdout.close()


def hang_in_package(home: str, database: str, moment: str) -> None:
    """A worker that says when its scanner has been given the package, and waits to be killed."""
    import threading

    from gateway.clock import FixedClock
    from gateway.config import load
    from gateway.db import Database
    from gateway.exports.jobs_scan import assemble
    from gateway.exports.service import PACKAGE_JOB
    from gateway.jobs.worker import Worker
    from gateway.startup import assemble as open_runtime
    from tests.deliveries import FakeScanner

    class Hanging(FakeScanner):
        def scan(self, source: Path, name: str) -> object:  # type: ignore[override]
            print("begun", flush=True)
            threading.Event().wait(600)
            raise AssertionError("nobody killed this worker")

    settings = load({}, home=Path(home), database_url=database)
    runtime = open_runtime(settings, Database(database), FixedClock(datetime.fromisoformat(moment)))
    handlers = {PACKAGE_JOB: lambda leased: assemble(runtime, leased, lambda: Hanging({}))}
    Worker(runtime.db, runtime.clock, handlers).drain()


if __name__ == "__main__":
    hang_in_package(*sys.argv[1:])
