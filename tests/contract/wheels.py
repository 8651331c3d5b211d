"""Builds the wheel and makes empty environments to install it in."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def empty_environment(folder: Path) -> Path:
    """A fresh virtual environment; returns its Python."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, timeout=120)
    return folder / "bin" / "python"


def pip(python: Path, *command: str) -> None:
    """Run pip in that environment."""
    done = subprocess.run(
        [str(python), "-m", "pip", "--quiet", "--disable-pip-version-check", *command],
        cwd=python.parent,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr


def build(folder: Path) -> Path:
    """The wheel of the working tree, by the build backend that the project names."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=300)
    (wheel,) = folder.glob("sumun-*.whl")
    return wheel
