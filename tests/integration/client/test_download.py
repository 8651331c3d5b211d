"""`sumun download` against real servers that are killed, restart, lie and end sessions."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
import unicodedata
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.access.models import Grant
from gateway.agreements.models import Acceptance
from gateway.clock import SystemClock
from gateway.config import Settings, load
from gateway.identity.models import AttestationKind, Membership
from gateway.runtime import Runtime
from gateway.startup import assemble
from tests import people
from tests import world as made
from tests.parts.small_server import free_port, serving
from tests.world import World

ROOT = Path(__file__).parents[3]
BIG = "음성/화자 1.bin"
DATA = os.urandom(1 << 20) * 48
FILES = {BIG: DATA, "작은 파일.txt": "가나다".encode(), "나/c.txt": b"c"}
SERVER_ONLY = "flask,sqlalchemy,authlib,webauthn,pydantic,cedarpy,orjson,werkzeug,alembic,argon2"
# Runs the client where the server's packages cannot be imported.
CLIENT = f"""
import sys
for name in "{SERVER_ONLY}".split(","):
    sys.modules[name] = None
from gateway.cli.main import main
main()
"""


@dataclass(frozen=True, slots=True)
class Gate:
    """A home that can be served, and the person with a grant for its files."""

    settings: Settings
    account: str


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    public = f"http://127.0.0.1:{free_port()}"
    return load({}, home=tmp_path / "home", database_url=database_url, public_url=public)


@pytest.fixture
def gate(settings: Settings, runtime: Runtime) -> Iterator[Gate]:
    real = assemble(settings, runtime.db, SystemClock())
    world = made.build(real)
    made.put_files(real, world, FILES)
    holder = people.make_person(real, "live.holder")
    made.change(real, Grant, world.grant, person_id=holder.id, organisation_id=None)
    made.change(real, Acceptance, world.acceptance, person_id=holder.id)
    made.change(real, Membership, world.membership, person_id=holder.id)
    moved = World(holder.id, *(getattr(world, n) for n in World.__slots__ if n != "person"))
    made.evidence(real, moved, AttestationKind.IDENTITY, level=2)
    yield Gate(settings, holder.account)
    real.journal.log.close()


class Client:
    """A researcher's machine."""

    def __init__(self, gate: Gate, folder: Path) -> None:
        self.data = folder / "data"
        self._environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "XDG_CONFIG_HOME": str(folder / "config"),
            "SUMUN_SERVER": gate.settings.public_url,
        }
        signed = self.start("login", stdin=f"{gate.account}\n{people.PASSWORD}\n")
        status, err = self.end(signed)
        assert status == 0, err

    def start(self, *arguments: str, stdin: str = "") -> subprocess.Popen[str]:
        command = [sys.executable, "-c", CLIENT, *arguments]
        process = subprocess.Popen(
            command,
            env=self._environment,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert process.stdin is not None
        process.stdin.write(stdin)
        process.stdin.close()
        process.stdin = None
        return process

    def download(self) -> subprocess.Popen[str]:
        return self.start("download", "voices", "--to", str(self.data), "--jobs", "2")

    def end(self, process: subprocess.Popen[str]) -> tuple[int, str]:
        _out, err = process.communicate(timeout=90)
        return process.returncode, err

    def part(self) -> Path:
        """The part of the big file, as soon as some of it is there."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            for found in self.data.glob("음성/*.part"):
                if found.stat().st_size:
                    return found
            time.sleep(0.001)
        raise AssertionError("no part appeared")

    def whole(self) -> bool:
        found = {
            unicodedata.normalize("NFC", path.relative_to(self.data).as_posix()): path
            for path in self.data.rglob("*")
            if path.is_file() and not path.name.startswith(".sumun")
        }
        digests = {name: hashlib.sha256(data).digest() for name, data in FILES.items()}
        return {n: hashlib.sha256(p.read_bytes()).digest() for n, p in found.items()} == digests


def test_kill_9_again_and_again_loses_nothing(gate: Gate, tmp_path: Path) -> None:
    with serving(gate.settings):
        client = Client(gate, tmp_path)
        kept = 0
        for _round in range(3):
            process = client.download()
            part = client.part()
            process.send_signal(signal.SIGKILL)
            client.end(process)
            left = part.stat().st_size if part.exists() else len(DATA)
            assert left >= kept, "what was there was thrown away"
            kept = left
        assert client.end(client.download())[0] == 0
    assert client.whole()


def test_a_server_that_restarts_is_waited_for(gate: Gate, tmp_path: Path) -> None:
    with ExitStack() as first:
        first.enter_context(serving(gate.settings))
        client = Client(gate, tmp_path)
        process = client.download()
        client.part()
        process.send_signal(signal.SIGSTOP)
        stopping = threading.Timer(0.2, process.send_signal, [signal.SIGCONT])
        stopping.start()
    stopping.join()
    time.sleep(1.0)
    with serving(gate.settings):
        status, err = client.end(process)
    assert status == 0, err
    assert "3 of 3 files whole and verified" in err
    assert client.whole()


def test_a_session_that_has_ended_stops_the_run_in_one_line(gate: Gate, tmp_path: Path) -> None:
    with serving(gate.settings):
        client = Client(gate, tmp_path)
        file = tmp_path / "config" / "sumun" / "session.json"
        stored = file.read_text()
        assert client.end(client.start("logout"))[0] == 0
        assert not file.exists()
        file.touch(mode=0o600)
        file.write_text(stored)
        status, err = client.end(client.download())
    assert (status, err.count("\n")) == (2, 1), err
    assert "not_signed_in" in err
