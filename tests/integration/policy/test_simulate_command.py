"""`sumun policy simulate --agreement`, as an operator runs it on a home."""

from __future__ import annotations

import pytest
from click.testing import CliRunner, Result

from gateway.cli import common
from gateway.cli.main import root
from gateway.config import Settings
from gateway.journal import Actor
from gateway.policy import service_releases as releases
from gateway.runtime import Runtime
from policies.rules import texts
from policies.terms import Change
from tests import world as made
from tests.integration.agreements.publishing import bring, publish
from tests.world import World

NOBODY = """
@id("nobody") @code("NOBODY") @ko("아무도 안 됩니다.") @en("Nobody may.") @remedy_ko("없습니다.")
@remedy_en("None.") @actor("operator") @source("A test")
forbid (principal, action in Action::"take", resource);
"""


@pytest.fixture
def world(runtime: Runtime, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(common.Home, "settings", lambda _self, **_flags: settings)
    found = made.build(runtime)
    releases.sync_program(runtime)
    return found


def simulate(version: str, days: int) -> Result:
    words = ["policy", "simulate", "--agreement", version, "--in-days", str(days)]
    return CliRunner().invoke(root, words)


def test_a_skipped_notice_is_told_with_name_and_reason(runtime: Runtime, world: World) -> None:
    publish(runtime, 2, Change.ADVERSE)
    publish(runtime, 3, Change.MINOR)

    ran = simulate("open-test/v3", 31)

    assert ran.exit_code == 1
    assert "(holder) loses download of voices (AGREEMENT_SUPERSEDED)" in ran.stdout


def test_a_version_that_cannot_come_into_force_is_one_line(runtime: Runtime, world: World) -> None:
    bring(runtime, 2, Change.MATERIAL)

    ran = simulate("open-test/v1", 0)

    assert (ran.exit_code, ran.stdout, ran.stderr.count("\n")) == (2, "", 1)
    assert "open-test/v1 can no longer come into force" in ran.stderr


def test_without_a_change_named_it_is_the_release_in_shadow(runtime: Runtime, world: World) -> None:
    unchanged = CliRunner().invoke(root, ["policy", "simulate"])
    files = texts() | {"99-nobody.cedar": NOBODY}
    proposed = releases.propose(runtime, Actor.operator(), files)
    drafted = CliRunner().invoke(root, ["policy", "simulate"])
    releases.shadow(runtime, Actor.operator(), proposed.sha256)
    shadowed = CliRunner().invoke(root, ["policy", "simulate"])

    assert [ran.exit_code for ran in (unchanged, drafted, shadowed)] == [0, 0, 1]
    assert "no release is in shadow" in unchanged.stderr
    assert "(holder) loses download of voices (NOBODY)" in shadowed.stdout
