"""SECURITY.md names, for each item of the standard that is promised, tests that exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "SECURITY.md").read_text("utf-8")
ITEMS = [
    "6.3.2", "6.4.3", "6.4.4", "6.5.1", "7.2.4", "7.4.3", "7.5.1", "10.2.2", "10.3.4", "10.4.2",
    "10.4.5", "10.4.6", "10.5.3", "10.5.4",
]  # fmt: skip
NAMED = sorted(set(re.findall(r"`((?:integration|contract|e2e|unit)/[\w/.]+)::(\w+)`", TEXT)))


def rows() -> dict[str, list[str]]:
    """The lines of the table of the standard: item and its other cells."""
    found = re.findall(r"(?m)^\| (\d+\.\d+\.\d+) \| (.+) \|$", TEXT)
    return {item: cells.split(" | ") for item, cells in found}


def functions(path: str) -> set[str]:
    tree = ast.parse((ROOT / "tests" / path).read_text("utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("item", ITEMS)
def test_each_item_says_what_holds_and_which_tests_hold_it(item: str) -> None:
    asked, holds, tests = rows()[item]

    assert asked
    assert holds
    assert re.search(r"`\w+/[\w/.]+::test_\w+`", tests)


def test_no_item_stands_twice() -> None:
    assert len(re.findall(r"(?m)^\| \d+\.\d+\.\d+ \|", TEXT)) == len(rows())


@pytest.mark.parametrize(("path", "name"), NAMED, ids=lambda value: value)
def test_every_test_that_is_named_exists(path: str, name: str) -> None:
    assert name in functions(path)
