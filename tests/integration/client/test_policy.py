"""`sumun policy check | test | explain`, as an operator runs them on a home."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import text

from gateway.access.models import Grant
from gateway.cli import common
from gateway.cli.main import root
from gateway.config import Settings
from gateway.journal import Act
from gateway.runtime import Runtime
from policies import casefile, rules
from tests import world as worlds
from tests.world import World


def run(*arguments: str) -> Result:
    return CliRunner().invoke(root, ["policy", *arguments])


@pytest.fixture
def world(runtime: Runtime, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A holder with a live grant, on a home that the command opens by itself."""
    monkeypatch.setattr(common.Home, "settings", lambda _self, **_flags: settings)
    return worlds.build(runtime)


def explain(*more: str, person: str = "holder", dataset: str = "voices") -> Result:
    return run("explain", "--person", person, "--dataset", dataset, *more)


def test_the_rules_and_cases_of_the_product_are_whole() -> None:
    for name in ("check", "test"):
        assert run(name).exit_code == 0
    counted = json.loads(run("test", "--json").stdout)
    assert counted["cases"] > 100
    assert counted["failures"] == []


def test_a_faulty_rule_is_named_with_file_and_line(tmp_path: Path) -> None:
    for name, written in rules.texts().items():
        (tmp_path / name).write_text(written, "utf-8")
    (tmp_path / "10-person.cedar").write_text('@id("x")\nforbid (', "utf-8")

    ran = run("check", "--rules", str(tmp_path))

    assert ran.exit_code == 1
    assert "10-person.cedar:2: does not parse" in ran.stdout
    assert json.loads(run("check", "--rules", str(tmp_path), "--json").stdout)["line"] == 2


def copied_cases(folder: Path) -> Path:
    for file in (Path(casefile.__file__).parent / "cases").iterdir():
        (folder / file.name).write_text(file.read_text("utf-8"), "utf-8")
    return folder


def test_a_case_that_is_answered_otherwise_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases = copied_cases(tmp_path) / "grant.toml"
    cases.write_text(cases.read_text("utf-8").replace('outcome = "deny"', 'outcome = "allow"', 1))
    monkeypatch.setattr(casefile, "default_root", lambda: tmp_path)

    ran = run("test", "--json")

    assert ran.exit_code == 1
    assert len(json.loads(ran.stdout)["failures"]) == 1


def test_cases_that_cannot_be_read_are_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (copied_cases(tmp_path) / "grant.toml").write_text("[[case]]\n", "utf-8")
    monkeypatch.setattr(casefile, "default_root", lambda: tmp_path)

    ran = run("test")

    assert (ran.exit_code, ran.stdout, ran.stderr.count("\n")) == (2, "", 1)
    assert "grant.toml" in ran.stderr


def test_an_allowed_person_is_explained_with_exit_0_and_the_look_is_recorded(
    runtime: Runtime, world: World
) -> None:
    ran = explain("--action", "download")

    assert (ran.exit_code, ran.stdout) == (0, "holder download voices: allow\n")
    looked = text("SELECT count(*) FROM audit_entries WHERE action = :action")
    with runtime.db.read() as session:
        assert session.scalar(looked, {"action": str(Act.POLICY_EXPLAINED)}) == 1


def test_every_blocker_and_step_is_told_in_both_languages(runtime: Runtime, world: World) -> None:
    worlds.change(runtime, Grant, world.grant, suspended=True)
    worlds.change(runtime, worlds.Person, world.person, status="suspended")

    machine = explain("--json")
    shown = explain()

    assert (machine.exit_code, shown.exit_code) == (1, 1)
    answer = json.loads(machine.stdout)
    assert answer["outcome"] == "deny"
    assert len(answer["blockers"]) >= 2
    for blocker in answer["blockers"]:
        words = [blocker[name] for name in ("code", "ko", "en", "remedy_ko", "remedy_en")]
        assert [word for word in words if word not in shown.stdout] == []
    for step in answer["path"]:
        words = [step[name] for name in ("code", "ko", "en", "actor_ko", "actor_en")]
        assert [word for word in words if word not in shown.stdout] == []


def test_what_cannot_be_explained_ends_with_2_in_one_line(runtime: Runtime, world: World) -> None:
    for ran in (
        explain(person="nobody.here"),
        explain(dataset="no-such-dataset"),
        explain("--action", "destroy"),
    ):
        assert (ran.exit_code, ran.stdout, ran.stderr.count("\n")) == (2, "", 1)
