"""`sumun policy check | test | prove` over a folder of rules that an operator wants to try."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.cli.main import root
from policies import rules

SOURCE = rules.read()
LINES = {s.id: f"{s.file}:{s.line}" for s in SOURCE.statements}


def run(command: str, folder: Path, *more: str) -> Result:
    return CliRunner().invoke(root, ["policy", command, "--rules", str(folder), *more])


def folder_of(tmp_path: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (tmp_path / name).write_text(text, "utf-8")
    return tmp_path


def changed(tmp_path: Path, old: str, new: str) -> Path:
    """The program's rules with one piece of text replaced."""
    files = rules.texts()
    assert sum(old in text for text in files.values()) == 1
    return folder_of(tmp_path, {name: text.replace(old, new) for name, text in files.items()})


def without(tmp_path: Path, rule: str) -> Path:
    statement = next(s for s in SOURCE.statements if s.id == rule)
    return changed(tmp_path, statement.text, "")


def test_the_program_s_own_rules_as_a_folder_are_whole_tested_and_proved(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, rules.texts())

    ended = {name: run(name, folder).exit_code for name in ("check", "test", "prove")}

    assert ended == {"check": 0, "test": 0, "prove": 0}


@pytest.mark.parametrize("rule", LINES)
def test_without_any_one_rule_test_or_prove_ends_with_1(tmp_path: Path, rule: str) -> None:
    folder = without(tmp_path, rule)

    assert run("test", folder).exit_code == 1 or run("prove", folder).exit_code == 1


def test_a_case_that_fails_says_what_was_expected_and_what_came(tmp_path: Path) -> None:
    ran = run("test", without(tmp_path, "grant-revoked"))

    assert ran.exit_code == 1
    assert "expected deny GRANT_REVOKED; came allow" in ran.stdout


def test_a_broken_invariant_is_shown_with_facts_in_words_and_the_missing_line(
    tmp_path: Path,
) -> None:
    ran = run("prove", without(tmp_path, "person-suspended"))

    assert ran.exit_code == 1
    assert "I4   BROKEN: Nobody suspended, inactive or not signed in gets anything." in ran.stdout
    assert "       person: person id" in ran.stdout
    assert "suspended yes" in ran.stdout
    lack = f"     {LINES['person-suspended']}: the program's rule person-suspended is missing"
    assert lack in ran.stdout.splitlines()
    assert "I3   holds: " in ran.stdout


def test_a_rule_that_says_less_is_named_as_such(tmp_path: Path) -> None:
    folder = changed(tmp_path, "resource.dataset_withdrawn || resource", "resource")

    ran = run("prove", folder)

    assert ran.exit_code == 1
    assert f"{LINES['dataset-withdrawn']}: the program's rule dataset-withdrawn says less" in (
        ran.stdout
    )


def test_the_same_as_json_carries_the_counterexample(tmp_path: Path) -> None:
    ran = run("prove", without(tmp_path, "safe-zone-no-download"), "--json")

    proofs = {
        row["invariant"]: row
        for row in map(json.loads, ran.stdout.splitlines())
        if "invariant" in row
    }
    broken = [name for name, row in proofs.items() if not row["holds"]]
    example = proofs["I2"]["counterexample"]
    assert (ran.exit_code, broken) == (1, ["I2"])
    assert example["action"] in {"download", "package"}
    assert example["facts"]["target"]["delivery"] == "safe_zone"
    file, line = LINES["safe-zone-no-download"].split(":")
    assert example["refused_by"] == [
        {"rule": "safe-zone-no-download", "file": file, "line": int(line), "missing": True}
    ]


def test_a_rule_that_can_never_apply_is_named(tmp_path: Path) -> None:
    folder = changed(
        tmp_path,
        "when { principal.suspended };",
        "when { principal.suspended && !principal.suspended };",
    )

    ran = run("prove", folder, "--json")

    idle = [row for row in map(json.loads, ran.stdout.splitlines()) if "idle" in row]
    assert {"person-suspended": "never applies"}.items() <= {
        row["rule"]: row["idle"] for row in idle
    }.items()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("when { principal.suspended };", "when { principal.hanged };", "does not fit the schema"),
        ('Action::"take", Action::"fetch_export"', 'Action::"grab"', "does not fit the schema"),
        ("when { principal.suspended };", "when { principal.suspended ", "does not parse"),
        ('@source("Grant: revocation")\n', "", "@source is missing"),
    ],
)
def test_rules_that_are_not_whole_are_refused_with_file_and_line(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    folder = changed(tmp_path, old, new)

    checked, tested, proved = (run(name, folder) for name in ("check", "test", "prove"))

    assert checked.exit_code == 1
    assert message in checked.stdout
    assert all(line.split(":")[1].isdecimal() for line in checked.stdout.splitlines())
    for refused in (tested, proved):
        assert (refused.exit_code, refused.stdout, refused.stderr.count("\n")) == (2, "", 1)
        assert message in refused.stderr


@pytest.mark.parametrize("command", ["check", "test", "prove"])
def test_a_home_is_taken_and_left_alone(tmp_path: Path, command: str) -> None:
    ran = CliRunner().invoke(root, ["policy", command, "--home", str(tmp_path / "home")])

    assert (ran.exit_code, list(tmp_path.iterdir())) == (0, [])


def test_a_folder_without_rules_or_that_is_none_ends_with_2_in_one_line(tmp_path: Path) -> None:
    for name in ("test", "prove"):
        empty = run(name, tmp_path)
        assert (empty.exit_code, empty.stderr.count("\n")) == (2, 1)
        assert "schema.cedarschema" in empty.stderr


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ('principal.kind like "p*"', "like"),
        ('principal == Person::""', "Var"),
        ("principal.standing.uses.containsAny(principal.standing.approvals)", "literals only"),
        ('["live", principal.training].contains(principal.standing.grant)', "literals only"),
    ],
)
def test_a_rule_that_cannot_be_reasoned_about_is_refused_where_it_stands(
    tmp_path: Path, condition: str, message: str
) -> None:
    suspended = "when { principal.suspended };"
    folder = changed(tmp_path, suspended, f"when {{ principal.suspended && {condition} }};")

    ran = run("prove", folder)

    assert (ran.exit_code, ran.stdout, ran.stderr.count("\n")) == (2, "", 1)
    assert re.search(rf"10-person\.cedar:\d+: .*{message}", ran.stderr)
