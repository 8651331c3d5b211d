"""A real server and real clients: curl, wget and `sumun download`, unmodified."""

from __future__ import annotations

import hashlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from audit.event import Channel
from gateway.access import grants
from gateway.access.models import Grant
from gateway.agreements.models import Acceptance
from gateway.clock import SystemClock
from gateway.config import Settings, load
from gateway.delivery import service
from gateway.delivery.gate import Gate
from gateway.delivery.service import Wanted
from gateway.identity.models import AttestationKind, Membership, Person
from gateway.journal import Actor, PartyKind, Place
from gateway.runtime import Runtime
from gateway.startup import assemble
from tests import people
from tests import world as made
from tests.parts.small_server import free_port, serving
from tests.world import World

PATH = "음성/화자 1.bin"
DATA = os.urandom(1 << 20) * 48
DIGEST = hashlib.sha256(DATA).hexdigest()
FILES = {PATH: DATA, "작은 파일.txt": "가나다".encode(), "b/c.txt": b"c"}
REVOKED_WITHIN_SECONDS = 4.0


@dataclass(frozen=True, slots=True)
class Live:
    """A serving home, seen from its host."""

    runtime: Runtime
    world: World
    address: str
    account: str

    def url(self, path: str = PATH) -> str:
        actor = Actor(PartyKind.PERSON, Place(channel=Channel.API), self.world.person)
        wanted = Wanted("voices", path)
        return service.issue_item(Gate.open(self.runtime), actor, wanted).url


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    public = f"http://127.0.0.1:{free_port()}"
    return load({}, home=tmp_path / "home", database_url=database_url, public_url=public)


@pytest.fixture
def live(settings: Settings, runtime: Runtime) -> Iterator[Live]:
    """The runtime's home, served by another process on the host's own clock."""
    real = assemble(settings, runtime.db, SystemClock())
    world = made.build(real)
    made.put_files(real, world, FILES)
    holder = people.make_person(real, "live.holder")
    made.change(real, Grant, world.grant, person_id=holder.id, organisation_id=None)
    made.change(real, Acceptance, world.acceptance, person_id=holder.id)
    made.change(real, Membership, world.membership, person_id=holder.id)
    moved = World(holder.id, *(getattr(world, n) for n in World.__slots__ if n != "person"))
    made.evidence(real, moved, AttestationKind.IDENTITY, level=2)
    with serving(settings) as address:
        yield Live(real, moved, address, holder.account)
    real.journal.log.close()


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_curl_and_wget_resume_unmodified(live: Live, tmp_path: Path) -> None:
    for name, command in (("curl", ("curl", "-sSf", "-C", "-", "-o")), ("wget", ("wget", "-qcO"))):
        target = tmp_path / name
        target.write_bytes(DATA[:1_000_000])
        done = run(*command, str(target), live.url())
        assert done.returncode == 0, done.stderr
        assert hashlib.sha256(target.read_bytes()).hexdigest() == DIGEST


@pytest.mark.parametrize(
    "confuse",
    [
        lambda url: url + "?x=1",
        lambda url: url.replace("/d/", "//d/", 1).replace("//d/", "/d//", 1),
        lambda url: url.replace("%20", "+"),
        lambda url: url[:-1],
        lambda url: url.rpartition("/")[0] + "/./" + url.rpartition("/")[2],
        lambda url: url.rpartition("/")[0] + "%2F" + url.rpartition("/")[2],
    ],
)
def test_a_confused_address_gets_403_from_the_real_server(
    live: Live, confuse: Callable[[str], str]
) -> None:
    done = run(
        "curl", "-s", "--path-as-is", "-o", "/dev/null", "-w", "%{http_code}", confuse(live.url())
    )
    assert done.stdout == "403"


def slow_reader(url: str) -> socket.socket:
    parts = urlsplit(url)
    reader = socket.create_connection((str(parts.hostname), int(parts.port or 80)))
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 14)
    reader.sendall(f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode())
    return reader


def read_on(reader: socket.socket, deadline: float) -> int:
    """Read until the stream ends or time is up, far slower than the disk would give."""
    got = 0
    reader.settimeout(REVOKED_WITHIN_SECONDS)
    while time.monotonic() < deadline:
        try:
            block = reader.recv(1 << 16)
        except ConnectionResetError:
            break
        if not block:
            break
        got += len(block)
        time.sleep(0.01)
    return got


def revoke(live: Live) -> None:
    grants.revoke(live.runtime, Actor.system(), live.world.grant, "약정 위반이 확인되었습니다")


def end_signature(live: Live) -> None:
    now = live.runtime.clock.now()
    made.change(live.runtime, Acceptance, live.world.acceptance, ended_at=now)


def suspend_person(live: Live) -> None:
    made.change(live.runtime, Person, live.world.person, status="suspended")


@pytest.mark.parametrize("kill", [revoke, end_signature, suspend_person])
def test_a_stream_under_way_stops_within_seconds(live: Live, kill: Callable[[Live], None]) -> None:
    url = live.url()
    with slow_reader(url) as reader:
        got = len(reader.recv(1 << 14))
        time.sleep(0.3)
        kill(live)
        deadline = time.monotonic() + REVOKED_WITHIN_SECONDS
        got += read_on(reader, deadline)
    assert time.monotonic() < deadline, "the stream went on"
    assert got < len(DATA)
    refused = run("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", url)
    assert refused.stdout == "403"


def sumun(live: Live, config: Path, *arguments: str, stdin: str = "") -> list[str]:
    """The command line of the client, with its own configuration folder."""
    environment = {**os.environ, "XDG_CONFIG_HOME": str(config), "SUMUN_SERVER": live.address}
    command = [sys.executable, "-m", "gateway.cli.main", *arguments]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=120,
        env=environment,
        input=stdin,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def sign_in(live: Live, config: Path) -> None:
    sumun(live, config, "login", stdin=f"{live.account}\n{people.PASSWORD}\n")
    assert (config / "sumun" / "session.json").stat().st_mode & 0o777 == 0o600


def test_the_client_downloads_everything_and_then_nothing(live: Live, tmp_path: Path) -> None:
    config, folder = tmp_path / "config", tmp_path / "data"
    sign_in(live, config)
    lines = sumun(live, config, "download", "voices", "--to", str(folder), "--json")
    assert len(lines) == len(FILES)
    for path, data in FILES.items():
        assert (folder / path).read_bytes() == data
    again = sumun(live, config, "download", "voices", "--to", str(folder), "--json")
    assert all('"skipped": true' in line for line in again)
    url = sumun(live, config, "url", "voices@1.0", "b/c.txt", "--ttl", "1m")[0]
    assert run("curl", "-sSf", url).stdout == "c"
    assert str(live.world.grant) in "".join(sumun(live, config, "grants", "--json"))
    assert live.account in "".join(sumun(live, config, "whoami"))
    assert "voices" in "".join(sumun(live, config, "datasets", "--json"))
    assert "Yes" in "".join(sumun(live, config, "datasets", "show", "voices"))


def test_a_killed_download_goes_on_where_it_was(live: Live, tmp_path: Path) -> None:
    config, folder = tmp_path / "config", tmp_path / "data"
    sign_in(live, config)
    environment = {**os.environ, "XDG_CONFIG_HOME": str(config), "SUMUN_SERVER": live.address}
    command = [sys.executable, "-m", "gateway.cli.main", "download", "voices", "--to", str(folder)]
    process = subprocess.Popen(command, env=environment)
    deadline = time.monotonic() + 60
    while not list(folder.glob("음성/*.part")) and time.monotonic() < deadline:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    sumun(live, config, "download", "voices", "--to", str(folder))
    assert hashlib.sha256((folder / PATH).read_bytes()).hexdigest() == DIGEST
    assert not list(folder.glob("**/*.part"))
