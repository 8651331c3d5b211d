"""`sumun serve` as a process: it serves, works, stops in order, and leaves nobody behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from tests.parts.ports import free_port

START_SECONDS = 60
STOP_SECONDS = 15


@contextmanager
def started(home: Path, port: int, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "gateway.cli.main", "serve", "--port", str(port), *options]
    environment = os.environ | {"SUMUN_HOME": str(home), "SUMUN_LOG_LEVEL": "ERROR"}
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
        try:
            assert answers(port, within=START_SECONDS)
            yield process
        finally:
            process.kill()


def answers(port: int, within: float) -> bool:
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        try:
            with urlopen(f"http://127.0.0.1:{port}/readyz") as answer:
                return bool(answer.status == 200)
        except (URLError, ConnectionError):
            time.sleep(0.1)
    return False


def silent(port: int, within: float) -> bool:
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        if not answers(port, within=0.2):
            return True
    return False


def test_a_stopped_gateway_ends_soon_and_cleanly(tmp_path: Path):
    port = free_port()
    with started(tmp_path / "home", port) as process:
        process.send_signal(signal.SIGTERM)

        assert process.wait(STOP_SECONDS) == 0
        assert silent(port, within=1)


def test_a_killed_gateway_leaves_no_server_behind(tmp_path: Path):
    port = free_port()
    with started(tmp_path / "home", port) as process:
        process.kill()

        assert silent(port, within=STOP_SECONDS)


def test_several_processes_on_sqlite_are_refused(tmp_path: Path):
    command = [sys.executable, "-m", "gateway.cli.main", "serve", "--workers", "2"]
    done = subprocess.run(
        command,
        env=os.environ | {"SUMUN_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    assert "PostgreSQL" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_port_in_use_is_said_in_one_line(tmp_path: Path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "gateway.cli.main", "serve", "--port", str(port)]
        done = subprocess.run(
            command,
            env=os.environ | {"SUMUN_HOME": str(tmp_path / "home")},
            capture_output=True,
            text=True,
            check=False,
        )

    assert done.returncode == 2
    assert "--port" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
