"""The rooms inside a feature: routes call services, services work on models, never back."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

GATEWAY = Path(__file__).parents[3] / "gateway"
SERVICES = sorted(GATEWAY.glob("*/service*.py"))
MODELS = sorted(GATEWAY.glob("*/models.py"))
SCANNING = sorted((GATEWAY / "scanning").rglob("*.py"))
EDGE = {"api", "pages", "views", "wiring"}


def imported(path: Path) -> set[str]:
    """Full names of the modules a file imports anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def label(path: Path) -> str:
    return str(path.relative_to(GATEWAY))


@pytest.mark.parametrize("path", [*SERVICES, *MODELS, *SCANNING], ids=label)
def test_no_service_model_or_scanner_knows_flask(path: Path):
    assert not [name for name in imported(path) if name.split(".")[0] in {"flask", "werkzeug"}]


@pytest.mark.parametrize("path", SERVICES, ids=label)
def test_no_service_calls_the_edge_of_its_feature(path: Path):
    feature = f"gateway.{path.parent.name}."
    rooms = {n.removeprefix(feature).split("_")[0] for n in imported(path) if n.startswith(feature)}

    assert rooms.isdisjoint(EDGE)


@pytest.mark.parametrize("path", MODELS, ids=label)
def test_models_know_nothing_above_them(path: Path):
    inside = {n for n in imported(path) if n.startswith("gateway.") and ".models" not in n}

    assert {n for n in inside if not n.startswith("gateway.db")} == set()
