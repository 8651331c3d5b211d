"""The wheel holds everything that runs, and nothing else."""

from __future__ import annotations

import subprocess
import zipfile
from pathlib import Path

import pytest

from tests.contract import wheels
from tests.contract.wheels import ROOT

PACKAGES = ("gateway", "policies", "audit", "migrations")
# What a program needs beside its code; each must be in the tree, so that a rename is noticed.
DATA = (
    "policies/cedar/*.cedar",
    "policies/cedar/*.cedarschema",
    "policies/agreements/*/v*/ko.md",
    "policies/agreements/*/v*/en.md",
    "policies/agreements/*/v*/terms.toml",
    "policies/cases/*.toml",
    "migrations/versions/v*.py",
    "gateway/web/static/*.css",
    "gateway/web/translations/ko/*.po",
    "gateway/*/templates/**/*.html",
    "gateway/demo/**/*",
)


@pytest.fixture(scope="module")
def members(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names in a wheel built from the working tree."""
    folder = tmp_path_factory.mktemp("wheel")
    with zipfile.ZipFile(wheels.build(folder)) as wheel:
        return set(wheel.namelist())


def tracked() -> set[str]:
    """Every file of the packages that the repository holds and the tree still has."""
    listed = subprocess.run(
        ["git", "ls-files", "--", *PACKAGES], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return {name for name in listed.stdout.splitlines() if (ROOT / name).is_file()}


def test_every_file_of_the_packages_is_in_the_wheel(members: set[str]) -> None:
    assert tracked() - members == set()


@pytest.mark.parametrize("pattern", DATA)
def test_the_data_a_program_needs_is_in_the_wheel(members: set[str], pattern: str) -> None:
    wanted = {
        str(path.relative_to(ROOT))
        for path in ROOT.glob(pattern)
        if path.is_file() and "__pycache__" not in path.parts
    }

    assert wanted
    assert wanted <= members


def test_nothing_but_the_packages_is_in_the_wheel(members: set[str]) -> None:
    tops = {name.split("/")[0] for name in members}

    assert {top for top in tops if not top.endswith(".dist-info")} == set(PACKAGES)
    assert not [name for name in members if Path(name).name.startswith(("test_", "conftest"))]
    assert not [name for name in members if "__pycache__" in name or name.endswith(".pyc")]


def test_the_wheel_names_its_command_and_licence(members: set[str]) -> None:
    (info,) = {name.split("/")[0] for name in members if ".dist-info" in name}

    assert {f"{info}/entry_points.txt", f"{info}/licenses/LICENSE", f"{info}/METADATA"} <= members
