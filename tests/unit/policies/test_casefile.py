"""Cases as data: they cover every rule, and a malformed file is named."""

from __future__ import annotations

from importlib.resources import files

import pytest

from policies import rules
from policies.casefile import CaseError, load_cases, run_cases

BASELINES = (files("policies") / "cases" / "baselines.toml").read_text(encoding="utf-8")
CASE = """
[[case]]
name = "n"
baseline = "newcomer"
action = "download"
outcome = "allow"
codes = []
"""


def _folder(tmp_path, text: str):
    (tmp_path / "baselines.toml").write_text(BASELINES, encoding="utf-8")
    (tmp_path / "some.toml").write_text(text, encoding="utf-8")
    return tmp_path


def test_every_case_is_answered_as_expected():
    report = run_cases()

    assert report.passed
    assert len(report.results) >= 60
    assert report.failures == ()


def test_every_code_has_a_case_that_expects_it():
    codes = {s.annotations["code"] for s in rules.read().statements if s.forbids}

    expected = set().union(*(case.codes for case in load_cases()))

    assert expected == codes | {"ENGINE_ERROR", "UNKNOWN_ACTION"}


def test_a_wrong_expectation_is_reported_with_the_answer(tmp_path):
    folder = _folder(tmp_path, CASE.replace('"allow"', '"deny"'))

    report = run_cases(root=folder)

    assert not report.passed
    assert report.failures[0].case.name == "n"
    assert report.failures[0].decision.allowed
    assert str(report.failures[0]) == "some.toml: n: expected deny; came allow"


def test_a_list_of_actions_is_a_case_for_each(tmp_path):
    folder = _folder(tmp_path, CASE.replace('"download"', '["download", "apply"]'))

    cases = load_cases(folder)

    assert [(case.name, case.action) for case in cases] == [
        ("n: download", "download"),
        ("n: apply", "apply"),
    ]


def test_no_case_at_all_is_not_a_pass(tmp_path):
    (tmp_path / "baselines.toml").write_text(BASELINES, encoding="utf-8")

    assert not run_cases(root=tmp_path).passed


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("case = 3", r"some\.toml: holds \[\[case\]\] tables"),
        ("[[case", r"some\.toml: is not TOML"),
        (CASE + "extra = 1\n", r"some\.toml: n: a case has"),
        (CASE.replace("codes = []", ""), r"some\.toml: n: a case has"),
        (CASE.replace('name = "n"', "name = 1"), r"case 1: name, baseline and outcome"),
        (CASE.replace("codes = []", "codes = [1]"), r"n: codes and unknown are lists"),
        (CASE.replace('"download"', "1"), r"n: action is a text or a list"),
        (CASE.replace('"download"', "[]"), r"n: action is a text or a list"),
        (CASE + 'unknown = "export"\n', r"n: codes and unknown are lists"),
        (CASE + "given = 1\n", r"n: given is a table"),
        (CASE.replace('"allow"', '"maybe"'), r"n: outcome 'maybe' is not known"),
        (CASE.replace('"newcomer"', '"nobody"'), r"n: baseline 'nobody' is not in"),
        (CASE + 'given = { "standing.mood" = 1 }\n', r"n: standing\.mood is not a fact"),
        (CASE + 'given = { "now_ms.x" = 1 }\n', r"n: now_ms\.x is not a fact"),
        (CASE + 'given = { "now_ms" = true }\n', r"n: now_ms must be of type int"),
        (CASE + 'given = { "standing.grant" = "old" }\n', r"standing\.grant must be one of: none"),
        (CASE + 'given = { "subject" = 1 }\n', r"n: subject\. must be a table"),
        (CASE + 'unknown = ["subject.suspended"]\n', r"n: subject\.suspended is missing"),
        (CASE + CASE, r"the name 'n' is used more than once"),
    ],
)
def test_a_malformed_case_is_named_with_its_file(tmp_path, text, message):
    folder = _folder(tmp_path, text)

    with pytest.raises(CaseError, match=message):
        load_cases(folder)


def test_missing_baselines_are_named(tmp_path):
    with pytest.raises(CaseError, match=r"baselines\.toml: cannot be read"):
        load_cases(tmp_path)
