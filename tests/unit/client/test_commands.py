"""Every command can be found and explains itself; what goes wrong is one line, no traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import click
import pytest
from click.testing import CliRunner

from gateway.cli import main as entry
from gateway.cli.main import COMMANDS, SUMMARIES, root

ROOT = Path(__file__).parents[3]
CLIENT = (
    "access-log", "applications", "apply", "datasets", "download", "exports", "grants", "login",
    "logout", "sign", "url", "whoami",
)  # fmt: skip
SERVER = {
    "audit": ("audit", "verify"),
    "backup": ("backup", "folder"),
    "catalog": ("catalog", "list"),
    "crowd": ("crowd", "free-identity", "someone"),
    "db": ("db", "current"),
    "demo": ("demo", "--no-serve"),
    "doctor": ("doctor",),
    "emergency": ("emergency", "status"),
    "key": ("key", "rotate", "url"),
    "org": ("org", "list"),
    "policy": ("policy", "check"),
    "restore": ("restore", "."),
    "role": ("role", "list"),
    "serve": ("serve",),
    "user": ("user", "list"),
    "worker": ("worker",),
    "zone": ("zone", "list"),
}
# Packages that only the extras bring; their absence is what the small install looks like.
BLOCKED = """
import builtins, io, json, sys
from contextlib import redirect_stderr, redirect_stdout
KEPT = {"gateway", "policies", "audit", "migrations", "click", "rich", "markdown_it", "mdurl",
        "pygments", "httpx2", "httpcore2", "h11", "h2", "hpack", "hyperframe", "anyio", "idna",
        "certifi", "sniffio", "truststore", "typing_extensions", "socksio", "brotli", "zstandard",
        "brotlicffi", "uvloop", "trio", "exceptiongroup", "joserfc", "cryptography", "cffi",
        "_cffi_backend", "keyring", "jaraco", "more_itertools", "jeepney", "secretstorage",
        "importlib_metadata", "backports"}
class Small:
    def find_spec(self, name, path=None, target=None):
        first = name.partition(".")[0]
        if first not in KEPT and first not in sys.stdlib_module_names:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Small())
from gateway.cli.main import main
for arguments in json.load(sys.stdin):
    out, err = io.StringIO(), io.StringIO()
    sys.argv = ["sumun", *arguments]
    with redirect_stdout(out), redirect_stderr(err):
        try:
            main()
        except SystemExit as end:
            status = end.code
    print(json.dumps([status, out.getvalue(), err.getvalue()]))
"""


def in_the_small_install(folder: Path, *runs: tuple[str, ...]) -> list[tuple[int, str, str]]:
    """Status, stdout and stderr of each run in `folder` where no extra is installed."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "SUMUN_HOME": str(folder / "home")}
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED],
        cwd=folder,
        env=environment,
        timeout=60,
        input=json.dumps(runs),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [tuple(json.loads(line)) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_explains_itself(name: str) -> None:
    shown = CliRunner().invoke(root, [name, "--help"])
    assert (shown.exit_code, shown.stderr) == (0, "")
    assert f"{name} " in shown.stdout


def test_every_command_is_named_in_the_help_and_sorted_into_client_or_server() -> None:
    assert set(SUMMARIES) == set(COMMANDS) == {*CLIENT, *SERVER, "scan"}
    shown = CliRunner().invoke(root, ["--help"])
    assert [name for name in COMMANDS if f"  {name} " not in shown.stdout] == []


def test_the_small_install_has_the_client_whole(tmp_path: Path) -> None:
    runs = in_the_small_install(tmp_path, ("--help",), *((name, "--help") for name in CLIENT))
    assert [(status, err) for status, _out, err in runs] == [(0, "")] * len(runs)


def test_the_small_install_names_the_extra_that_a_command_needs(tmp_path: Path) -> None:
    runs = in_the_small_install(tmp_path, *SERVER.values())
    for name, (status, _out, err) in zip(SERVER, runs, strict=True):
        assert (status, err.count("\n")) == (2, 1), (name, err)
        assert f"`sumun {name}` needs " in err
        assert "pip install 'sumun[server]'" in err


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A command that ends on an error nobody expected."""
    module = ModuleType("broken_command")

    @click.command()
    def fall() -> None:
        raise ValueError("with the data of a person")

    module.fall = fall  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(entry.COMMANDS, "fall", "broken_command:fall")
    monkeypatch.setitem(entry.COMMANDS, "gone", "broken_command:gone")
    monkeypatch.setitem(entry.COMMANDS, "lost", "gateway.cli.nowhere:lost")
    monkeypatch.delenv("SUMUN_LOG_LEVEL", raising=False)
    return module


@pytest.mark.parametrize(
    ("name", "words"),
    [("fall", "ValueError"), ("gone", "cannot be loaded"), ("lost", "cannot be loaded")],
)
def test_what_nobody_expected_is_one_line_without_data(
    broken: ModuleType, name: str, words: str
) -> None:
    ended = CliRunner().invoke(root, [name])
    assert (ended.exit_code, ended.stdout, ended.stderr.count("\n")) == (2, "", 1)
    assert words in ended.stderr
    assert "data of a person" not in ended.stderr


def test_the_details_are_for_whoever_asks_for_them(
    broken: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUMUN_LOG_LEVEL", "DEBUG")
    ended = CliRunner().invoke(root, ["fall"])
    assert ended.exit_code == 2
    assert "Traceback" in ended.stderr
    assert "data of a person" in ended.stderr


def test_a_file_that_cannot_be_written_is_named(
    broken: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    @click.command()
    def fall() -> None:
        raise PermissionError(13, "Permission denied", "/etc/here")

    monkeypatch.setattr(broken, "fall", fall)
    ended = CliRunner().invoke(root, ["fall"])
    assert ended.stderr == "sumun: `sumun fall` could not go on: Permission denied: /etc/here\n"
    assert ended.exit_code == 2


def test_texts_from_elsewhere_do_not_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    from gateway.cli.output import emit

    row = {"title": "[/bold] \x1b[2J가나\nforged  line", "roles": ["a", "b"], "none": None}
    emit(row, False)
    emit([row], False)
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert len(shown.splitlines()) == len(row) + 2
    assert shown.count("[/bold]") == 2
