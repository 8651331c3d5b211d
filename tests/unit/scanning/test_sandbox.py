"""The child is confined, its death is never 'clean', and its answers are not trusted."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gateway.scanning import protocol, sandbox
from gateway.scanning.model import FileReport, Reason, Verdict, judge, unscannable
from gateway.scanning.protocol import ProtocolError
from gateway.scanning.service import Scanner

Scan = Callable[..., FileReport]

ESCAPE = """
import os, socket, sys
from gateway.scanning import sandbox
held = (*sandbox.confine_zygote(), sandbox.probe_files())
pid = os.fork()
if pid:
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
os.closerange(4, 256)
sandbox.confine_child(30, True)
def refused(step):
    try:
        step()
    except OSError:
        return True
    return False
os.close(3) if refused(lambda: None) else None
os.close(0)
steps = [
    lambda: open("/etc/hostname"),
    lambda: os.listdir("/"),
    lambda: socket.socket().connect(("192.0.2.1", 80)),
    lambda: os.kill(os.getppid(), 9),
    lambda: os.setuid(0),
    os.fork,
]
os._exit(0 if all([refused(step) for step in steps]) else 1)
"""


def test_this_host_holds_every_protection_and_the_scanner_says_so(scanner: Scanner) -> None:
    held = {p.name: p for p in sandbox.protections()}

    assert set(held) == {"network", "files", "privileges", "limits"}
    assert scanner.confined == all(p.available for p in scanner.protections)


def test_a_missing_protection_is_named_and_leaves_the_scanner_unconfined() -> None:
    scanner = Scanner()

    scanner.protections = (sandbox.Protection("network", False, "not on this host"),)

    assert not scanner.confined


def test_a_confined_child_reaches_no_file_network_process_or_privilege() -> None:
    if not all(p.available for p in sandbox.protections()):
        pytest.fail("this host lacks a protection; see sumun doctor")

    run = subprocess.run([sys.executable, "-c", ESCAPE], env=sandbox.environment(), check=False)

    assert run.returncode == 0


def test_a_killed_zygote_is_started_again_by_the_next_scan() -> None:
    with Scanner() as scanner:
        assert scanner._process is not None
        os.kill(scanner._process.pid, signal.SIGKILL)
        scanner._process.wait()

        report = scanner.scan(io.BytesIO(b"010-1234-5678"), "a.txt")

    assert [f.entity_type for f in report.findings] == ["KR_PHONE_NUMBER"]


def test_a_child_that_takes_too_long_is_killed_and_unscannable(scan: Scan) -> None:
    slow = Scanner(base_seconds=0)
    with slow:
        report = slow.scan(io.BytesIO(b"010-1234-5678 " * 1000), "a.txt")

    assert report.unscannable in (Reason.TIMED_OUT, Reason.PARSER_DIED)
    assert judge(report.findings, frozenset()) is Verdict.REVIEW


def test_the_zygote_ends_with_its_scanner() -> None:
    with Scanner() as scanner:
        assert scanner._process is not None
        process = scanner._process

    assert process.poll() is not None


def test_many_threads_share_one_scanner(scan: Scan) -> None:
    with ThreadPoolExecutor(8) as pool:
        reports = list(pool.map(lambda i: scan(f"{i} 010-1234-{i:04d}"), range(40)))

    assert [len(report.findings) for report in reports] == [1] * 40


def test_the_scanning_side_of_a_server_imports_no_engine() -> None:
    code = (
        "import sys, gateway.scanning.service, gateway.scanning.deidentify, gateway.cli.scan;"
        "sys.exit(bool({'presidio_analyzer', 'spacy', 'pydicom'} & set(sys.modules)))"
    )

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_paths_that_cannot_be_read_are_unscannable(scanner: Scanner, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")

    reasons = [scanner.scan(tmp_path / n).unscannable for n in ("absent", "fifo")]

    assert reasons == [Reason.UNREADABLE, Reason.NOT_A_REGULAR_FILE]


def test_a_file_that_grows_while_it_is_read_is_unscannable(
    scanner: Scanner, tmp_path: Path
) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"line of text\n" * 200_000)
    stop = threading.Event()

    def grow() -> None:
        while not stop.wait(0.01):
            with path.open("ab") as file:
                file.write(b"more\n")

    writer = threading.Thread(target=grow)
    writer.start()
    report = scanner.scan(path)
    stop.set()
    writer.join()

    assert report.unscannable == Reason.CHANGED_WHILE_READ


GOOD = {
    "location": {"line": 1}, "entity_type": "PERSON", "start": 0, "end": 3,
    "score_permille": 800, "recognizer": "R", "context": "●",
}  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        {"entity_type": "x\n"}, {"start": -1}, {"start": 9}, {"start": None}, {"end": True},
        {"score_permille": 1001}, {"location": {"path": "x"}}, {"location": {"line": 1.5}},
        {"context": "x" * 999}, {"recognizer": "<b>"}, {"extra": 1}, {"location": []},
    ],
)  # fmt: skip
def test_an_answer_out_of_form_is_refused(change: dict[str, object]) -> None:
    answer = {"findings": [{**GOOD, **change}], "unscannable": None}

    with pytest.raises(ProtocolError):
        protocol.report_from_wire(answer, "a", 1)


def test_an_answer_in_form_is_taken() -> None:
    report = protocol.report_from_wire({"findings": [GOOD], "unscannable": None}, "a", 1)

    assert (report.path, report.findings[0].end) == ("a", 3)


def test_verdicts_follow_what_was_declared() -> None:
    report = protocol.report_from_wire({"findings": [GOOD], "unscannable": None}, "a", 1)
    secret = protocol.report_from_wire(
        {"findings": [{**GOOD, "entity_type": "SECRET"}], "unscannable": None}, "a", 1
    )
    unread = (unscannable("a", Reason.ENCRYPTED),)

    assert judge((), frozenset()) is Verdict.CLEAN
    assert judge(report.findings, frozenset({"PERSON"})) is Verdict.EXPECTED
    assert judge(report.findings, frozenset({"KR_RRN"})) is Verdict.REVIEW
    assert judge(unread, frozenset({"UNSCANNABLE"})) is Verdict.REVIEW
    assert judge(secret.findings, frozenset()) is Verdict.BLOCKED
