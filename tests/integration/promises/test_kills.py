"""kill -9 of a server under load, and of a worker inside a package: what was acknowledged stays."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from subprocess import Popen

import pytest
from flask.testing import FlaskClient

from gateway.clock import FixedClock, SystemClock
from gateway.exports.service import PackageWanted, request_package
from gateway.jobs import queue
from gateway.oversight.offline import verify_home
from tests.integration.promises import process
from tests.integration.promises.evidence import downloads
from tests.integration.promises.stage import DATA, Stage
from tests.parts.small_server import free_port

CLIENTS, ACKNOWLEDGED = 6, 60
PATIENCE_SECONDS = 60.0


class Load:
    """Clients that download again and again; counts what arrived whole."""

    def __init__(self, port: int, targets: list[str]) -> None:
        self.port, self.targets = port, targets
        self.whole = 0
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._run) for _ in range(CLIENTS)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def until(self, count: int) -> None:
        """Until so many downloads have arrived whole."""
        until(lambda: self.whole >= count)

    def wait(self) -> None:
        """Until the server has gone and every client has noticed."""
        for thread in self._threads:
            thread.join(PATIENCE_SECONDS)

    def _run(self) -> None:
        while True:
            for target in self.targets:
                try:
                    body = fetch(self.port, target)
                except (OSError, http.client.HTTPException):
                    return
                assert body in DATA.values()
                with self._lock:
                    self.whole += 1


def fetch(port: int, target: str) -> bytes:
    """The whole body of an address. Raises OSError or HTTPException when it does not arrive."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
    try:
        connection.request("GET", target)
        answer = connection.getresponse()
        assert answer.status == 200, answer.read()
        return answer.read()
    finally:
        connection.close()


@pytest.fixture
def clock() -> FixedClock:
    """The host's own time, standing: the served process runs on the host's clock."""
    return FixedClock(SystemClock().now())


def test_a_killed_server_has_an_event_for_every_download_it_acknowledged(stage: Stage) -> None:
    for path in sorted(DATA):
        stage.issue(stage.held[0], "1.0", path)
    targets, port = [url.target for url in stage.urls], free_port()
    for _time in range(2):
        before = len(downloads(stage))
        with served(stage, port) as server:
            load = Load(port, targets)
            load.start()
            load.until(ACKNOWLEDGED)
            process.kill(server)
            load.wait()
        assert len(downloads(stage)) - before >= load.whole >= ACKNOWLEDGED
        assert verify_home(stage.runtime.settings).clean
    with served(stage, port):
        assert fetch(port, targets[0]) == DATA["a.txt"]


def test_a_package_whose_worker_was_killed_is_released_once_and_whole(
    stage: Stage, client: FlaskClient
) -> None:
    runtime, held = stage.runtime, stage.held[0]
    export_id = request_package(runtime, stage.me, PackageWanted(held.id, ("*",), "1.0"))
    settings, moment = runtime.settings, stage.now.isoformat()
    names = ("-m", "tests.integration.promises.process", str(settings.home), settings.database)
    with process.running(*names, moment) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == b"begun\n"
        process.kill(worker)
    assert stage.export(export_id).state == "scanning"
    stage.clock.advance(queue.LEASE + timedelta(seconds=1))
    stage.work()
    stage.work()

    export = stage.export(export_id)
    assert (export.state, export.items) == ("released", len(DATA))
    stage.issue_export(held, "1.0", export_id)
    answer = client.get(stage.urls[-1].target, buffered=True)
    assert (answer.status_code, len(answer.data)) == (200, export.bytes)
    assert verify_home(settings).clean


@contextmanager
def served(stage: Stage, port: int) -> Iterator[Popen[bytes]]:
    """A real server of the stage's home, on the host's clock."""
    settings = stage.runtime.settings
    names = ("-m", "tests.parts.small_server", str(settings.home), str(port))
    with process.running(*names, SUMUN_DATABASE_URL=settings.database) as server:
        until(lambda: _listens(port))
        yield server


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def until(holds: Callable[[], bool]) -> None:
    """Wait until `holds()`."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if holds():
            return
        time.sleep(0.02)
    raise AssertionError("it did not happen in time")
