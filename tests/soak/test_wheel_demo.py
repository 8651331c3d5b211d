"""The wheel, installed in an empty environment elsewhere, runs the main job."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.contract import wheels

SECONDS = 300


@pytest.mark.soak
def test_the_installed_wheel_runs_the_demo_twice_and_its_log_verifies(tmp_path: Path) -> None:
    python = wheels.empty_environment(tmp_path / "environment")
    wheel = wheels.build(tmp_path)
    wheels.pip(python, "install", f"{wheel}[server,scan]")
    command = python.with_name("sumun")
    for name in ("first", "second"):
        home = str(tmp_path / name)
        done = run(tmp_path, command, "demo", "--no-serve", "--home", home)
        assert done.returncode == 0, done.stdout + done.stderr
        assert run(tmp_path, command, "audit", "verify", "--home", home).returncode == 0


@pytest.mark.soak
def test_the_wheel_without_extras_has_the_client_and_no_server(tmp_path: Path) -> None:
    python = wheels.empty_environment(tmp_path / "environment")
    wheels.pip(python, "install", str(wheels.build(tmp_path)))

    assert run(tmp_path, python.with_name("sumun"), "--help").returncode == 0
    assert run(tmp_path, python, "-c", "import gateway.cli.client").returncode == 0
    assert run(tmp_path, python, "-c", "import flask").returncode == 1


def run(folder: Path, program: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run an installed program away from the working tree."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        [str(program), *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
