"""A ranged download of 1 GiB through the gateway's generator, against nginx serving the file.

The gateway verifies the address, decides, and makes the event durable before the first byte; nginx
does none of that. Both files are in the page cache; curl reads over the loopback.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.harness import Comparison, compare
from gateway.clock import SystemClock
from gateway.config import Settings, load
from gateway.delivery.gate import Gate
from gateway.delivery.service import Wanted, issue_item
from gateway.journal import Actor, PartyKind, Place
from gateway.startup import assemble, prepare
from tests import world as made

SIZE = 1 << 30
NAME = "large.bin"
START_SECONDS = 30.0
SERVE = (
    "import sys; from pathlib import Path; from gateway.config import load; "
    "from gateway.server import Server; "
    "Server(load(home=Path(sys.argv[1])), '127.0.0.1:' + sys.argv[2], 1, 256).run()"
)
NGINX = """
daemon off; master_process off; worker_processes 1; pid {home}/nginx.pid; error_log stderr crit;
events {{ worker_connections 64; }}
http {{ access_log off; sendfile on; tcp_nopush on;
  server {{ listen 127.0.0.1:{port}; root {home}; }} }}
"""


def run() -> list[Comparison]:
    """The comparison `delivery.range`."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        settings, url = _prepared(home)
        with _gateway(settings), _nginx(home) as static:
            _speed(url), _speed(static)
            return [
                compare(
                    "delivery.range",
                    "MiB/s",
                    lambda: _speed(url),
                    lambda: _speed(static),
                    baseline_name="nginx static",
                    target=0.7,
                    conditions="1 GiB range over loopback, page cache, gunicorn gthread 1 x 256",
                )
            ]


def _prepared(home: Path) -> tuple[Settings, str]:
    """A home with one large object and an address for it; the object also stands for nginx."""
    public = f"http://127.0.0.1:{_free_port()}"
    settings = load({}, home=home / "home", public_url=public)
    runtime = assemble(settings, prepare(settings), SystemClock())
    world = made.build(runtime)
    block = os.urandom(1 << 20)
    made.put_files(runtime, world, {NAME: block * (SIZE >> 20)})
    actor = Actor(PartyKind.PERSON, Place(), world.person)
    issued = issue_item(Gate.open(runtime), actor, Wanted("voices", NAME))
    stored = runtime.store.local_path(issued.item.sha256)
    assert stored is not None
    os.link(stored, home / NAME)
    runtime.close()
    return settings, issued.url


@contextmanager
def _gateway(settings: Settings) -> Iterator[None]:
    port = settings.public_url.rpartition(":")[2]
    environment = {**os.environ, "SUMUN_PUBLIC_URL": settings.public_url}
    command = [sys.executable, "-c", SERVE, str(settings.home), port]
    with _running(command, int(port), environment):
        yield


@contextmanager
def _nginx(home: Path) -> Iterator[str]:
    program, port = shutil.which("nginx"), _free_port()
    assert program, "nginx is missing; run: apt-get install nginx-light"
    home.chmod(0o755)
    config = home / "nginx.conf"
    config.write_text(NGINX.format(home=home, port=port), "utf-8")
    with _running([program, "-p", str(home), "-c", str(config)], port, dict(os.environ)):
        yield f"http://127.0.0.1:{port}/{NAME}"


@contextmanager
def _running(command: list[str], port: int, environment: dict[str, str]) -> Iterator[None]:
    process = subprocess.Popen(command, env=environment)
    try:
        _await(port, process)
        yield
    finally:
        process.terminate()
        process.wait(30)


def _await(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"nothing listens on port {port}")


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _speed(url: str) -> float:
    """MiB a second of one ranged download, checked to be a 206 of the whole range."""
    wanted = "%{http_code} %{size_download} %{time_total}"
    command = ["curl", "-s", "-o", os.devnull, "-r", f"0-{SIZE - 1}", "-w", wanted, url]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    status, size, seconds = done.stdout.split()
    assert (status, int(size)) == ("206", SIZE), done.stdout
    return SIZE / (1 << 20) / float(seconds)
