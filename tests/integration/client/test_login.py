"""`sumun login` by the device flow, against a real server: the key stays, the token is bound."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pyotp
import pytest

from gateway.clock import SystemClock
from gateway.config import Settings, load
from gateway.identity import passwords, service_factors
from gateway.identity.models import Person, SessionChannel
from gateway.identity.oauth import service_devices as devices
from gateway.identity.oauth.clients import find_client
from gateway.identity.service_credentials import Credentials
from gateway.identity.service_fresh import Given, Self
from gateway.identity.service_sessions import find_live, sign_in
from gateway.runtime import Runtime
from gateway.startup import assemble
from tests import oauth_peer, people, world
from tests.parts.small_server import free_port, serving

ROOT = Path(__file__).parents[3]
CODE = re.compile(r"code ([A-Z]{4}-[A-Z]{4})")


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    public = f"http://127.0.0.1:{free_port()}"
    return load({}, home=tmp_path / "home", database_url=database_url, public_url=public)


@dataclass
class Desk:
    """A researcher's machine beside a running gateway."""

    runtime: Runtime
    folder: Path

    @property
    def file(self) -> Path:
        return self.folder / "sumun" / "session.json"

    @property
    def stored(self) -> dict[str, str]:
        return json.loads(self.file.read_text("utf-8"))

    def start(self, *arguments: str, stdin: int = subprocess.DEVNULL) -> subprocess.Popen[str]:
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "XDG_CONFIG_HOME": str(self.folder),
            "SUMUN_SERVER": self.runtime.settings.public_url,
            "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
        }
        return subprocess.Popen(
            [sys.executable, "-c", "from gateway.cli.main import main; main()", *arguments],
            env=environment, text=True, stdin=stdin,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def run(self, *arguments: str, given: str = "") -> tuple[int, str, str]:
        process = self.start(*arguments, stdin=subprocess.PIPE if given else subprocess.DEVNULL)
        out, err = process.communicate(given or None, timeout=60)
        return process.returncode, out, err

    def sign_in(self, allowed: bool = True) -> tuple[int, str, str]:
        """Run `sumun login` and answer it as mina."""
        process = self.start("login")
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(2)]
        found = CODE.search("".join(lines))
        assert found, lines
        waiting = devices.waiting_device(
            self.runtime, found.group(1), lambda name: find_client(self.runtime, name)
        )
        assert waiting is not None
        mina = people.person(self.runtime, "mina")
        assert oauth_peer.let_in(self.runtime, mina, waiting, allowed)
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err


@pytest.fixture
def desk(settings: Settings, runtime: Runtime, tmp_path: Path) -> Iterator[Desk]:
    real = assemble(settings, runtime.db, SystemClock())
    people.make_person(real, "mina")
    with serving(settings):
        yield Desk(real, tmp_path / "config")
    real.journal.log.close()


def test_no_password_is_asked_for_on_this_machine(desk: Desk) -> None:
    status, out, err = desk.sign_in()

    assert (status, err) == (0, "")
    assert "as mina" in out
    assert stat.S_IMODE(desk.file.stat().st_mode) == 0o600
    assert desk.run("whoami")[0] == 0


def test_it_says_until_when_one_stays_signed_in_not_when_the_token_is_renewed(desk: Desk) -> None:
    _status, out, _err = desk.sign_in()

    until = datetime.fromisoformat(out.split(" until ")[1].split()[0])
    token = datetime.fromisoformat(desk.stored["expires_at"])
    assert until - token > timedelta(days=80)


def test_whoever_has_a_second_factor_gives_its_code_as_a_third_line(desk: Desk) -> None:
    mina = people.person(desk.runtime, "mina")
    actor = people.acting_as(mina)
    signed = sign_in(
        desk.runtime, actor, Credentials("mina", people.PASSWORD), SessionChannel.BROWSER
    )
    live = find_live(desk.runtime, signed.token, SessionChannel.BROWSER)
    assert live is not None
    me = Self(actor, live.session_id)
    secret = service_factors.begin_totp(desk.runtime, me, Given(people.PASSWORD))
    code = pyotp.TOTP(secret.text).at(desk.runtime.clock.now())
    codes = service_factors.confirm_totp(desk.runtime, me, secret.text, code)
    lines = f"mina\n{people.PASSWORD}\n"

    told = desk.run("login", given=lines)
    done = desk.run("login", given=f"{lines}{codes[0]}\n")

    assert (told[0], done[0]) == (2, 0), (told, done)
    assert "third line on stdin" in told[2]
    assert "allow it in a browser" in told[2]
    assert desk.run("whoami")[0] == 0


def test_health_data_is_refused_with_the_page_that_would_change_it(
    desk: Desk, tmp_path: Path
) -> None:
    made = world.build(desk.runtime, content="health")
    world.put_files(desk.runtime, made, {"a.txt": b"first"})
    hashed = passwords.hashed(desk.runtime.db, people.PASSWORD)
    world.change(desk.runtime, Person, made.person, password_hash=hashed)
    assert desk.run("login", given=f"holder\n{people.PASSWORD}\n")[0] == 0

    for command in (("url", "voices", "a.txt"), ("download", "voices", "--to", str(tmp_path))):
        status, _out, err = desk.run(*command)

        assert status == 2, err
        assert f"{desk.runtime.settings.public_url}/account/step-up" in err
        assert "다음 프로그램의 세션에도 적용" in err
        assert err.count("insufficient_user_authentication") == 1


def test_a_refused_file_names_what_would_change_it(desk: Desk, tmp_path: Path) -> None:
    made = world.build(desk.runtime)
    world.put_files(desk.runtime, made, {"a.txt": b"first"})
    desk.sign_in()

    status, _out, err = desk.run("download", "voices", "--to", str(tmp_path))

    assert status == 1
    assert "Apply" in err


def test_the_token_alone_opens_nothing(desk: Desk) -> None:
    desk.sign_in()
    server, token = desk.runtime.settings.public_url, desk.stored["token"]

    for scheme in ("Bearer", "DPoP"):
        answer = httpx2.get(
            f"{server}/api/v1/me", headers={"Authorization": f"{scheme} {token}"}, trust_env=False
        )
        assert answer.status_code == 401


def test_a_token_that_ends_is_renewed_and_the_old_one_is_spent(desk: Desk) -> None:
    desk.sign_in()
    before = desk.stored
    soon = {**before, "expires_at": datetime.now(UTC).isoformat()}
    desk.file.write_text(json.dumps(soon), "utf-8")

    running = [desk.start("whoami") for _ in range(3)]
    ended = [(each.communicate(timeout=60), each.returncode)[1] for each in running]

    assert ended == [0, 0, 0]
    assert desk.stored["refresh_token"] != before["refresh_token"]


def test_a_stolen_file_is_found_out(desk: Desk) -> None:
    desk.sign_in()
    stolen = desk.file.read_text("utf-8")
    ended = json.dumps({**json.loads(stolen), "expires_at": datetime.now(UTC).isoformat()})
    desk.file.write_text(ended, "utf-8")
    assert desk.run("whoami")[0] == 0

    desk.file.write_text(ended, "utf-8")
    status, _out, err = desk.run("whoami")

    assert status == 2
    assert "sumun login" in err


def test_a_no_in_the_browser_ends_the_command(desk: Desk) -> None:
    status, _out, err = desk.sign_in(allowed=False)

    assert status == 2
    assert "refused in the browser" in err
    assert not desk.file.exists()


def test_signing_out_ends_the_session_there_and_here(desk: Desk) -> None:
    desk.sign_in()
    kept = desk.file.read_text("utf-8")

    assert desk.run("logout")[0] == 0

    assert not desk.file.exists()
    desk.file.write_text(kept, "utf-8")
    desk.file.chmod(0o600)
    assert desk.run("whoami")[0] == 2
