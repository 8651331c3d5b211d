"""The words of the rules and agreements: both languages, polite, and those of the glossary."""

from __future__ import annotations

import re

import pytest

from policies import agreements, rules
from policies.decision import Actor
from policies.engine import ENGINE_ERROR, UNKNOWN_ACTION

AVOIDED = ("반려", "거절", "거부", "폐기", "비식별", "증인", "임대", "배송", "신고", "약관")
SENTENCES = [
    *(rules.blocker(s) for s in rules.read().statements if s.forbids),
    ENGINE_ERROR,
    UNKNOWN_ACTION,
]


@pytest.mark.parametrize("blocker", SENTENCES, ids=lambda blocker: blocker.rule)
def test_every_sentence_is_polite_complete_and_in_the_words_of_the_glossary(blocker):
    korean = f"{blocker.ko} {blocker.remedy_ko}"

    assert re.search(r"니다(\(제척\))?\.$", blocker.ko)
    assert re.search(r"(니다|십시오)\.$", blocker.remedy_ko)
    assert blocker.en.endswith(".")
    assert blocker.remedy_en.endswith(".")
    assert not [word for word in AVOIDED if word in korean]
    assert not re.search(r"(?<!연구)(?<!구축)과제", korean)


@pytest.mark.parametrize("text", agreements.load(), ids=lambda text: text.code)
def test_the_agreements_avoid_the_avoided_words(text):
    assert not [word for word in AVOIDED if word in text.ko]
    assert not re.search(r"(?<!연구)(?<!구축)과제|귀하|당신", text.ko)


def test_every_actor_has_a_name_in_both_languages():
    assert all(actor.ko and actor.en for actor in Actor)
