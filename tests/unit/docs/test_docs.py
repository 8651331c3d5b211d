"""What is not documented does not exist: settings, commands, problems, actions, rules."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gateway.cli.main import COMMANDS
from gateway.config import Settings
from gateway.errors import PROBLEMS, ProblemCode
from gateway.journal import Act
from policies.engine import Engine

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.glob("*.md"), *ROOT.glob("*.md")])
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)")


def page(name: str) -> str:
    return (DOCS / name).read_text("utf-8")


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_every_setting_is_documented(name: str):
    assert f"`SUMUN_{name.upper()}`" in page("operations.md")


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_is_documented(name: str):
    assert re.search(rf"`(sumun )?{name}[ `]", page("operations.md"))


@pytest.mark.parametrize("code", list(ProblemCode))
def test_every_problem_has_its_texts_and_is_documented(code: ProblemCode):
    text = PROBLEMS[code]

    assert all((text.title_ko, text.title_en, text.next_ko, text.next_en))
    assert f"`{code}` | {int(text.status)} |" in page("problems.md")


@pytest.mark.parametrize("act", list(Act))
def test_every_action_of_the_log_is_documented(act: Act):
    assert f"`{act}`" in page("audit-log.md")


def test_every_code_of_the_rules_is_documented():
    text = page("policies.md")
    refusals = [rule for rule in Engine.load().source.statements if rule.forbids]
    codes = {rule.annotations["code"] for rule in refusals}

    assert [code for code in sorted(codes) if f"`{code}`" not in text] == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_link_leads_somewhere(path: Path):
    targets = LINK.findall(path.read_text("utf-8"))

    assert [target for target in targets if not (path.parent / target).exists()] == []


def test_every_make_target_of_the_readme_exists():
    targets = set(re.findall(r"(?m)(?:^|`)make ([a-z-]+)", (ROOT / "README.md").read_text("utf-8")))
    makefile = (ROOT / "Makefile").read_text("utf-8")

    assert targets
    assert [target for target in targets if not re.search(rf"^{target}:", makefile, re.M)] == []
