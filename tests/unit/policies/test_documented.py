"""`docs/policies.md` tells every rule and every invariant in the words they carry."""

from __future__ import annotations

from pathlib import Path

import pytest

from policies import rules
from policies.decision import Actor
from policies.engine import ENGINE_ERROR, UNKNOWN_ACTION
from policies.invariants import INVARIANTS

PAGE = (Path(__file__).parents[3] / "docs" / "policies.md").read_text("utf-8").splitlines()
REFUSALS = [s for s in rules.read().statements if s.forbids]


@pytest.mark.parametrize("statement", REFUSALS, ids=lambda s: s.id)
def test_a_rule_is_documented_in_its_own_words(statement):
    words = statement.annotations
    cells = (f"`{words['code']}`", f"`{statement.id}`", words["en"], words["remedy_en"])

    assert f"| {' | '.join((*cells, Actor(words['actor']).en, words['source']))} |" in PAGE


@pytest.mark.parametrize("blocker", [ENGINE_ERROR, UNKNOWN_ACTION], ids=lambda b: b.rule)
def test_what_the_engine_itself_says_is_documented(blocker):
    cells = (f"`{blocker.code}`", blocker.en, blocker.remedy_en, blocker.actor.en, blocker.source)

    assert f"| {' | '.join(cells)} |" in PAGE


@pytest.mark.parametrize("invariant", INVARIANTS, ids=lambda i: i.id)
def test_an_invariant_is_documented_in_both_languages(invariant):
    start = f"| {invariant.id} | {invariant.en} | {invariant.ko} |"

    assert any(line.startswith(start) for line in PAGE)
