from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.cli.main import root
from gateway.clock import SystemClock
from gateway.runtime import Runtime
from tests import deliveries

EXAMPLE = Path(__file__).parents[3] / "docs" / "examples" / "health-dataset.toml"
Run = Callable[..., Result]


@pytest.fixture
def run(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `sumun catalog …` on the runtime's home."""
    monkeypatch.setenv("SUMUN_HOME", str(runtime.settings.home))
    monkeypatch.setenv("SUMUN_DATABASE_URL", runtime.settings.database)
    return lambda *arguments: CliRunner().invoke(root, ["catalog", *map(str, arguments)])


def test_a_dataset_goes_from_its_description_to_an_open_version(
    run: Run, runtime: Runtime, tmp_path: Path
) -> None:
    folder = deliveries.folder(tmp_path, {"a.dcm": "x"})
    names = ["--dataset", "brain-mri", "--version", "v1"]
    assert run("import", folder, *names, "--like", EXAMPLE, "--json").exit_code == 0
    assert run("release", *names).exit_code == 2
    # The command worked by the host's clock, so the worker does too.
    deliveries.scanned(replace(runtime, clock=SystemClock()))
    assert run("release", *names).exit_code == 0
    listed = json.loads(run("list", "--json").stdout)
    assert (listed["dataset"], listed["state"], listed["items"]) == ("brain-mri", "released", 1)
    assert run("withdraw", *names, "--reason", "시험이 끝났습니다.").exit_code == 0
    assert json.loads(run("list", "--json").stdout)["state"] == "withdrawn"


def test_a_refused_file_is_printed_and_ends_with_one(
    run: Run, runtime: Runtime, tmp_path: Path
) -> None:
    deliveries.dataset(runtime)
    folder = deliveries.folder(tmp_path, {"a.txt": "x"})
    os.mkfifo(folder / "pipe")
    done = run("import", folder, "--dataset", "korean-letters", "--version", "v1", "--json")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.exit_code == 1
    assert lines[0] == {"refused": "pipe", "fault": "not_a_file"}
    assert (lines[1]["items"], lines[1]["refused"]) == (1, 1)


def test_strict_ends_with_two_and_imports_nothing(
    run: Run, runtime: Runtime, tmp_path: Path
) -> None:
    deliveries.dataset(runtime)
    folder = deliveries.folder(tmp_path, {"a.txt": "x"})
    os.mkfifo(folder / "pipe")
    done = run("import", folder, "--dataset", "korean-letters", "--version", "v1", "--strict")
    assert done.exit_code == 2
    assert json.loads(run("list", "--json").stdout)["version"] is None


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["import", "/nowhere", "--dataset", "none", "--version", "v1"], "No such file"),
        (["import", "/tmp", "--dataset", "none", "--version", "v1"], "no dataset none"),
        (["release", "--dataset", "none", "--version", "v1"], "no dataset none"),
        (["withdraw", "--dataset", "none", "--reason", "x"], "no dataset none"),
        (["scan", "--dataset", "none", "--version", "v1"], "no dataset none"),
        (["dataset", "--like", "/nowhere.toml"], "No such file"),
        (["project", "--like", "/nowhere.toml"], "No such file"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_two(run: Run, arguments: list[str], told: str) -> None:
    done = run(*arguments)
    assert done.exit_code == 2
    assert told in done.stderr
    assert done.stderr.count("\n") == 1
