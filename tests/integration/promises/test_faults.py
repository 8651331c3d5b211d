"""A live server whose log or database fails: 503, not one byte, and then on without a restart."""

from __future__ import annotations

import http.client
import json
import resource
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from subprocess import Popen
from typing import Any

import pytest
from flask import Flask

from gateway.clock import FixedClock, SystemClock
from gateway.config import load
from gateway.delivery import reconcile
from gateway.keys import KeyStore
from gateway.oversight.offline import verify_home
from gateway.runtime import Runtime
from gateway.startup import assemble, prepare
from tests.integration.promises import process
from tests.integration.promises.evidence import downloads, unwritable_log
from tests.integration.promises.stage import DATA, Stage
from tests.integration.promises.test_kills import fetch, served, until
from tests.parts.postgres import stoppable
from tests.parts.small_server import free_port

PATIENCE_SECONDS = 60.0
TINY_BYTES = 512


@pytest.fixture
def clock() -> FixedClock:
    """The host's own time, standing: the served process runs on the host's clock."""
    return FixedClock(SystemClock().now())


@contextmanager
def tiny_files(server: Popen[bytes]) -> Iterator[None]:
    """The kernel refuses the server's processes every write beyond the first bytes of a file."""
    before = [(pid, resource.prlimit(pid, resource.RLIMIT_FSIZE)) for pid in _family(server.pid)]
    for pid, (_soft, hard) in before:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (TINY_BYTES, hard))
    try:
        yield
    finally:
        for pid, limits in before:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)


def _family(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(one for child in children for one in _family(int(child)))]


def refusal(port: int, target: str) -> tuple[int, str, bytes]:
    """Status, code and body of an answer that must not hold the file."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
    try:
        connection.request("GET", target)
        answer = connection.getresponse()
        body = answer.read()
        return answer.status, json.loads(body)["code"], body
    finally:
        connection.close()


def comes_back(port: int, target: str) -> None:
    """Nobody helps: the same process serves again."""

    def serves() -> bool:
        try:
            return fetch(port, target) == DATA["a.txt"]
        except AssertionError:
            return False

    until(serves)


def test_a_server_whose_log_cannot_be_written_serves_nothing_and_then_goes_on(
    stage: Stage,
) -> None:
    stage.issue(stage.held[0], "1.0", "a.txt")
    target, port = stage.urls[0].target, free_port()
    with served(stage, port):
        assert fetch(port, target) == DATA["a.txt"]
        before = len(downloads(stage))
        with unwritable_log(stage.runtime):
            answers = [refusal(port, target) for _ in range(3)]
        during = len(downloads(stage))
        comes_back(port, target)

    assert {(status, code) for status, code, _ in answers} == {(503, "log_unavailable")}
    assert all(DATA["a.txt"][:11] not in body for _, _, body in answers)
    assert during == before
    assert len(downloads(stage)) > before
    assert verify_home(stage.runtime.settings).clean


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_a_server_whose_disk_refuses_to_write_serves_nothing_and_then_goes_on(
    stage: Stage, dialect: str
) -> None:
    stage.issue(stage.held[0], "1.0", "a.txt")
    target, port = stage.urls[0].target, free_port()
    with served(stage, port) as server:
        assert fetch(port, target) == DATA["a.txt"]
        with tiny_files(server):
            answers = [refusal(port, target) for _ in range(3)]
        comes_back(port, target)

    assert {(status, code) for status, code, _ in answers} == {(503, "log_unavailable")}
    assert all(DATA["a.txt"][:11] not in body for _, _, body in answers)
    assert verify_home(stage.runtime.settings).clean


def test_a_transfer_that_a_kill_cut_off_ends_as_unresolved(stage: Stage, clock: FixedClock) -> None:
    big = bytes(1 << 24)
    stage.deliver({"big.bin": big})
    stage.issue(stage.held[0], "2.0", "big.bin")
    target, port = stage.urls[-1].target, free_port()
    with served(stage, port) as server, socket.create_connection(("127.0.0.1", port)) as reader:
        reader.sendall(f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
        assert reader.recv(1 << 12).startswith(b"HTTP/1.1 200")
        process.kill(server)
    clock.at = SystemClock().now()
    early = reconcile.sweep(stage.runtime)
    clock.advance(reconcile.GRACE + timedelta(minutes=1))
    late = reconcile.sweep(stage.runtime)

    assert [one.length for one in early.waiting] == [len(big)]
    assert [one.length for one in late.unresolved] == [len(big)]
    assert verify_home(stage.runtime.settings).clean


@contextmanager
def on_own_postgres(home: Path, database: str, clock: FixedClock) -> Iterator[Stage]:
    """A stage on a database that the test may stop."""
    from gateway.app import create_app

    settings = load({}, home=home, database_url=database)
    KeyStore(settings.keys).ensure(data_exists=False)
    runtime: Runtime = assemble(settings, prepare(settings), clock)
    app: Flask = create_app(runtime)
    stage: Any = Stage(runtime, app, clock).build()
    stage.sign()
    stage.apply_and_approve()
    try:
        yield stage
    finally:
        runtime.close()


@pytest.mark.parametrize("end", ["stop", "crash"])
def test_a_server_outlives_its_database(tmp_path: Path, clock: FixedClock, end: str) -> None:
    with (
        stoppable() as database,
        on_own_postgres(tmp_path / "home", database.database, clock) as stage,
    ):
        stage.issue(stage.held[0], "1.0", "a.txt")
        target, port = stage.urls[0].target, free_port()
        with served(stage, port):
            whole = [fetch(port, target) for _ in range(5)]
            getattr(database, end)()
            answers = [refusal(port, target) for _ in range(3)]
            database.start()
            comes_back(port, target)
        logged = len(downloads(stage))
        report = verify_home(stage.runtime.settings)

    assert {status for status, _, _ in answers} == {503}
    assert {code for _, code, _ in answers} <= {"database_unavailable", "log_unavailable"}
    assert logged >= len(whole) + 1
    assert report.clean, report.findings
