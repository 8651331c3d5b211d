"""`sumun zone` on a real home, as an operator runs it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner

from gateway.cli import common
from gateway.cli.main import root
from gateway.config import Settings
from gateway.journal import Act
from tests.integration.zones.conftest import OTHER_ZONE, REASON, SLUG, Stage

Ran = tuple[int, list[dict[str, Any]], str]
NEW = (
    "--name-ko", "부산 안심존", "--name-en", "Busan safe zone", "--place", "부산", "--seats", "3",
)  # fmt: skip


@pytest.fixture
def zone(stage: Stage, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ran]:
    """Run `sumun zone …` on the home of the stage, printing JSON."""
    monkeypatch.setattr(common.Home, "settings", lambda _self, **_flags: settings)

    def run(*arguments: str) -> Ran:
        result = CliRunner().invoke(root, ["zone", *arguments, "--json"])
        lines = [json.loads(line) for line in result.stdout.splitlines() if line.strip()]
        return result.exit_code, lines, result.stderr.strip()

    return run


def test_a_zone_is_added_opened_for_a_dataset_and_listed(
    stage: Stage, zone: Callable[..., Ran]
) -> None:
    added = zone("add", OTHER_ZONE, *NEW, "--network", "10.30.0.0/24", "--network", "fd00::/64")
    assigned = zone("assign", OTHER_ZONE, "voices")
    status, listed, _error = zone("list")

    assert (added[0], assigned[0], status) == (0, 0, 0)
    assert [(row["zone"], row["datasets"], row["networks"]) for row in listed] == [
        (OTHER_ZONE, "voices", "10.30.0.0/24, fd00::/64"),
        (SLUG, "voices", "10.20.0.0/24"),
    ]
    assert stage.said(Act.ZONE_REGISTERED)[-1].detail["zone"] == OTHER_ZONE


def test_closing_and_taking_out_say_how_many_ended(stage: Stage, zone: Callable[..., Ran]) -> None:
    stage.opened(length=1)
    taken = zone("unassign", SLUG, "voices")
    zone("assign", SLUG, "voices")
    stage.book(hours=2)
    closed = zone("close", SLUG, "--reason", REASON)

    assert (taken[0], taken[1][0]["ended"]) == (0, 1)
    assert (closed[0], closed[1][0]["ended"]) == (0, 1)
    assert zone("list")[1] == []
    assert [said.detail["ended"] for said in stage.said(Act.ZONE_CLOSED)] == [1]


@pytest.mark.parametrize(
    "arguments",
    [
        ("add", SLUG, *NEW, "--network", "10.30.0.0/24"),
        ("add", "new", *NEW, "--network", "everywhere"),
        ("add", "new", *NEW, "--network", "::/0"),
        ("assign", "nowhere", "voices"),
        ("assign", SLUG, "nothing"),
        ("unassign", SLUG, "nothing"),
        ("close", "nowhere", "--reason", REASON),
        ("close", SLUG, "--reason", "short"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_status_two(
    zone: Callable[..., Ran], arguments: tuple[str, ...]
) -> None:
    status, rows, error = zone(*arguments)

    assert (status, rows) == (2, [])
    assert len(error.splitlines()) == 1
