"""`sumun audit witness …` and `sumun audit keys`, with a witness as a process of its own."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from audit.log_keys import current_vkey
from audit.policy_file import parse_policy
from audit.witness import PATH
from gateway.cli import audit_witness
from gateway.cli.main import root
from gateway.doctor import Check, examine
from gateway.journal.log_key import log_signer
from gateway.keys import Purpose
from gateway.oversight.offline import verify_home
from gateway.runtime import Runtime
from gateway.startup import current_signer
from gateway.witnessing import policy_file
from gateway.witnessing.service import log_read, published
from tests.integration.witnessing.conftest import Start
from tests.parts.small_server import free_port

Command = Callable[..., Result]
Grow = Callable[..., int]
ROOT = Path(__file__).parents[3]


def data(result: Result) -> dict[str, object]:
    found: dict[str, object] = json.loads(result.stdout)
    return found


@pytest.fixture
def key(command: Command, tmp_path: Path) -> tuple[Path, str]:
    """A witness's secret key file and its verifier key."""
    path = tmp_path / "witness.key"
    made = data(command("witness", "keygen", str(path), "--name", "court.example/w", "--json"))
    return path, str(made["verifier_key"])


@contextmanager
def served(key: Path, state: Path, vkey: str) -> Iterator[tuple[int, subprocess.Popen[str]]]:
    """A witness as an operator starts it."""
    port = free_port()
    words = ["audit", "witness", "serve", "--key", str(key), "--state", str(state)]
    command = [sys.executable, "-m", "gateway.cli.main", *words, "--log", vkey]
    process = subprocess.Popen([*command, "--port", str(port)], cwd=ROOT, text=True)
    try:
        _await(port, process)
        yield port, process
    finally:
        process.terminate()
        process.wait(10)


def _await(port: int, process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + 20
    while time.monotonic() < until and process.poll() is None:
        try:
            assert call(port, "GET", "/")[0] == 200
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("the witness did not start")


def call(port: int, method: str, path: str, body: bytes = b"") -> tuple[int, str]:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request(method, path, body)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


def test_a_witness_is_made_added_served_asked_and_killed_without_forgetting(
    runtime: Runtime, command: Command, key: tuple[Path, str], grow: Grow, tmp_path: Path
) -> None:
    path, vkey = key
    state, log = tmp_path / "state", runtime.journal.log.vkey()
    grow(3)

    with served(path, state, log) as (port, process):
        added = command("witness", "add", "court", vkey, f"http://127.0.0.1:{port}", "--json")
        assert data(added)["quorum"] == "1 of 1"
        assert command("witness", "status").exit_code == 1
        asked = command("witness", "ask", "--json")
        assert (asked.exit_code, data(asked)["ending"]) == (0, "cosigned")
        status = command("witness", "status", "--json")
        assert status.exit_code == 0, status.output
        assert data(status)["met"] is True
        process.send_signal(signal.SIGKILL)
        process.wait(10)
    held = published(runtime)
    with served(path, state, log) as (port, _):
        stale = f"old 0\n\n{held}".encode()
        status_code, told = call(port, "POST", f"/{PATH}", stale)
        assert (status_code, told) == (409, f"{str(held).split(chr(10))[1]}\n")
        assert call(port, "POST", f"/{PATH}", b"x" * 70_000)[0] == 400
        assert call(port, "GET", f"/{PATH}")[0] == 405
        assert call(port, "POST", "/other")[0] == 404


def test_the_number_of_the_quorum_stays_unless_told_otherwise(
    runtime: Runtime, command: Command, start: Start
) -> None:
    said = []
    for name, more in (("one", []), ("two", ["--quorum", "2"]), ("three", [])):
        each = start(name)
        words = ["witness", "add", name, str(each.cosigner.key), each.url, "--json"]
        said.append(data(command(*words, *more))["quorum"])

    assert said == ["1 of 1", "2 of 2", "2 of 3"]
    policy = parse_policy(policy_file.path_of(runtime.settings).read_bytes())
    assert policy.logs[0].key == log_signer(runtime.keys, runtime.journal.log.origin, None).verifier
    assert [one.name for one in policy.witnesses] == ["one", "two", "three"]


def test_an_unreachable_witness_is_told_with_exit_1(
    command: Command, key: tuple[Path, str], grow: Grow
) -> None:
    grow()
    command("witness", "add", "court", key[1], "http://127.0.0.1:1/")

    asked = command("witness", "ask", "--json")

    assert (asked.exit_code, data(asked)["ending"]) == (1, "unreachable")


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["court", "nonsense", "http://w/"], "verifier key"),
        (["none", "KEY", "http://w/"], "taken"),
        (["a b", "KEY", "http://w/"], "cannot be added"),
        (["court", "KEY", "http://w/", "--quorum", "2"], "never be met"),
    ],
)
def test_a_witness_that_no_policy_can_hold_is_refused(
    runtime: Runtime, command: Command, key: tuple[Path, str], words: list[str], what: str
) -> None:
    result = command("witness", "add", *[key[1] if word == "KEY" else word for word in words])

    assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1)
    assert what in result.stderr
    assert not policy_file.path_of(runtime.settings).exists()


def test_a_policy_written_by_hand_is_left_alone(
    runtime: Runtime, command: Command, key: tuple[Path, str], start: Start
) -> None:
    one = start("one")
    path = policy_file.path_of(runtime.settings)
    path.write_text(f"{one.line}quorum one\n")

    result = command("witness", "add", "court", key[1], "http://w/")

    assert result.exit_code == 2
    assert "by hand" in result.stderr
    assert path.read_text() == f"{one.line}quorum one\n"


def test_a_key_is_secret_and_never_overwritten(command: Command, key: tuple[Path, str]) -> None:
    path, _ = key
    before = path.read_bytes()

    again = command("witness", "keygen", str(path), "--name", "court.example/w")

    assert again.exit_code == 2
    assert path.read_bytes() == before
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("damage", ["open", "text", "bytes", "missing", "hash"])
def test_a_key_that_is_damaged_or_open_serves_nothing(
    runtime: Runtime, command: Command, key: tuple[Path, str], tmp_path: Path, damage: str
) -> None:
    path, _ = key
    text = path.read_text()
    changes: dict[str, Callable[[], object]] = {
        "open": lambda: path.chmod(0o644),
        "text": lambda: path.write_text("nonsense"),
        "bytes": lambda: path.write_bytes(b"\xff\xfe"),
        "missing": path.unlink,
        "hash": lambda: path.write_text(text.replace("court", "other")),
    }
    changes[damage]()
    words = ["--key", str(path), "--state", str(tmp_path), "--log", runtime.journal.log.vkey()]

    result = command("witness", "serve", *words)

    assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1)


def test_a_log_key_that_is_none_serves_nothing(
    command: Command, key: tuple[Path, str], tmp_path: Path
) -> None:
    words = ["--key", str(key[0]), "--state", str(tmp_path), "--log", "nonsense"]

    assert command("witness", "serve", *words).exit_code == 2


def test_a_witness_forgets_a_log_only_when_told(
    runtime: Runtime, command: Command, start: Start, policy: Callable[..., None], grow: Grow
) -> None:
    one = start("one")
    policy(one, quorum=1)
    grow()
    command("witness", "ask")
    origin = runtime.journal.log.origin

    first, second = (
        command("witness", "forget", origin, "--state", str(one.state), "--json") for _ in range(2)
    )

    assert (first.exit_code, second.exit_code) == (0, 1)
    assert str(data(first)["forgotten"]).startswith(origin)


def test_keys_are_rotated_and_listed_with_their_periods(
    runtime: Runtime, command: Command, grow: Grow
) -> None:
    grow(2)
    old = runtime.journal.log.vkey()

    rotated = command("keys", "rotate", "--json")
    grow(2)

    assert rotated.exit_code == 0, rotated.output
    listed = [json.loads(line) for line in command("keys", "--json").stdout.splitlines()]
    size = data(rotated)["from_size"]
    assert [row["key"] for row in listed] == [old, runtime.journal.log.vkey()]
    assert [(row["from_size"], row["below_size"]) for row in listed] == [(0, size), (size, None)]
    assert command("verify").exit_code == 0
    assert str(current_signer(runtime.settings, runtime.db, runtime.keys).verifier) != old


def test_a_rotation_that_was_cut_off_changes_nothing(
    runtime: Runtime, command: Command, grow: Grow
) -> None:
    """The new key's file was written, and the process killed before the entry."""
    grow()
    before = runtime.journal.log.vkey()
    runtime.keys.add(Purpose.LOG)

    assert str(current_signer(runtime.settings, runtime.db, runtime.keys).verifier) == before
    assert verify_home(runtime.settings).findings == ()
    assert command("keys", "rotate").exit_code == 0
    assert verify_home(runtime.settings).findings == ()
    with log_read(runtime) as (sql, _):
        assert current_vkey(sql) == runtime.journal.log.vkey() != before


def test_a_key_that_signs_and_is_missing_stops_the_start(
    runtime: Runtime, command: Command, grow: Grow
) -> None:
    grow()
    command("keys", "rotate")
    newest = max(runtime.settings.keys.glob("log.*.key"), key=lambda path: path.name)
    os.unlink(newest)

    result = command("keys")

    assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1)
    assert "backup" in result.stderr


def test_a_home_that_is_not_there_is_told_and_not_made(tmp_path: Path) -> None:
    home = tmp_path / "nowhere"

    result = CliRunner().invoke(root, ["--home", str(home), "audit", "keys"])

    assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1)
    assert f"there is no home at {home}" in result.stderr
    assert not home.exists()


def test_the_group_is_registered() -> None:
    names = set(audit_witness.witness.commands)

    assert names == {"keygen", "serve", "forget", "add", "ask", "status"}


def test_the_doctor_looks_at_the_policy(runtime: Runtime, start: Start) -> None:
    found = []
    for text in (None, f"{start('one').line}quorum one\n", "nonsense\n"):
        if text is not None:
            policy_file.path_of(runtime.settings).write_text(text)
        (check,) = [one for one in examine(runtime.settings) if one.name == "witnesses"]
        found.append((check.ok, check.found))

    assert [ok for ok, _ in found] == [True, True, False]
    assert found[1][1] == "1 witnesses, quorum one"
    assert "line 1" in found[2][1]


def test_the_doctor_and_the_command_say_since_when_nobody_cosigned(
    runtime: Runtime,
    command: Command,
    start: Start,
    policy: Callable[..., None],
    grow: Grow,
    clock: Any,
) -> None:
    clock.at = datetime.now(UTC) - timedelta(hours=1)
    one = start("one")
    found = [_quorum_check(runtime)]
    policy(one, quorum=1)
    grow()
    found.append(_quorum_check(runtime))
    command("witness", "ask")
    found.append(_quorum_check(runtime))
    grow()
    runtime.journal.log.checkpoint()
    found.append(_quorum_check(runtime))
    status = command("witness", "status")

    assert [check.ok for check in found] == [True, False, True, False]
    assert "no checkpoint was ever cosigned" in found[1].found
    assert "not cosigned by it since" in found[3].found
    assert "witness ask" in found[3].mend
    assert (status.exit_code, found[3].found in status.output) == (1, True)


def _quorum_check(runtime: Runtime) -> Check:
    (check,) = [one for one in examine(runtime.settings) if one.name == "witness quorum"]
    return check


def test_a_witness_that_could_never_be_called_is_not_added(
    runtime: Runtime, command: Command, key: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SUMUN_OUTBOUND_NETWORKS")

    private = command("witness", "add", "court", key[1], "http://127.0.0.1:8401")
    wrong = command("witness", "add", "court", key[1], "ftp://witness.example")
    unnamed = command("witness", "add", "court", key[1], "http://witness.invalid/")

    assert (private.exit_code, len(private.stderr.splitlines())) == (2, 1)
    assert "SUMUN_OUTBOUND_NETWORKS" in private.stderr
    assert "127.0.0.1/32" in private.stderr
    assert (wrong.exit_code, unnamed.exit_code) == (2, 0)
