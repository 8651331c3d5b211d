"""Each page in Korean: readable, accessible, never wider than the screen.

`test_pages_english.py` asks the same of each page in English, in a process of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from playwright.sync_api import Browser

from gateway.web.i18n import CATALOGUES
from tests.e2e.surfing import Site
from tests.e2e.tour import Sight, travel

PICTURES = Path("test-artifacts") / "pages"
HANGUL = re.compile("[가-힣]")
PLACEHOLDER = re.compile(r"%\\\((\w+)\\\)[sd]")
KOREAN_ENDING = re.compile(r"(니다|십시오|세요)[.)]?$")
# What people of the town typed themselves, in Korean, on whatever page it is shown.
TYPED = ("확인했습니다.", "맞습니다.", "없습니다.", "찾습니다.", "지었습니다.", "확인합니다.")
REFUSED = {"anyone /no/such/page": 404, "researcher /audit": 403}


@pytest.fixture(scope="module")
def language() -> str:
    return "ko"


@pytest.fixture(scope="module")
def sights(browser: Browser, site: Site, language: str) -> list[Sight]:
    return list(travel(browser, site, language, PICTURES / language))


def faults(found: Iterator[tuple[str, object]]) -> dict[str, object]:
    """What is wrong, by page; empty when nothing is."""
    return {name: fault for name, fault in found if fault}


def test_every_page_answers_as_expected(sights: list[Sight]) -> None:
    answered = {each.name: each.status for each in sights}
    expected = {name: REFUSED.get(name, 200) for name in answered}
    assert answered == expected


def test_every_page_says_what_it_is_in_the_readers_language(
    sights: list[Sight], language: str
) -> None:
    own = {"ko": "수문", "en": "Sumun"}[language]
    assert {each.language for each in sights} == {language}
    assert not faults((s.name, len(s.headings) != 1 or not s.headings[0]) for s in sights)
    assert not faults((s.name, not s.title.endswith(f"· {own}")) for s in sights)
    assert not faults((s.name, s.title.startswith(" ·")) for s in sights)


def test_axe_finds_nothing_in_light_and_dark(sights: list[Sight]) -> None:
    assert not faults((each.name, each.violations) for each in sights)


def test_no_page_scrolls_sideways(sights: list[Sight]) -> None:
    assert not faults((each.name, each.too_wide) for each in sights)


def test_the_content_security_policy_is_never_hurt(sights: list[Sight]) -> None:
    assert not faults((each.name, each.console) for each in sights)


def test_no_page_mixes_the_languages(sights: list[Sight], language: str) -> None:
    assert not faults(
        (each.name, [text for text in each.sentences if is_foreign(text, language)])
        for each in sights
    )


def test_no_page_shows_a_code_instead_of_words(sights: list[Sight]) -> None:
    codes = re.compile(r"[a-z]+(_[a-z]+)+|DUO:\d{7}|None|True|False|\[\]|\{\}")
    assert not faults(
        (each.name, [text for text in each.sentences if codes.fullmatch(text)]) for each in sights
    )


def is_foreign(text: str, language: str) -> bool:
    """Whether a sentence of the other language's interface stands on a page of `language`."""
    exact, shaped = _other(language)
    if text in exact or any(shape.fullmatch(text) for shape in shaped):
        return True
    if language == "ko":
        return not HANGUL.search(text) and len(re.findall(r"\b[a-z]{2,}\b", text)) > 3
    return bool(KOREAN_ENDING.search(text)) and not text.endswith(TYPED)


@cache
def _other(language: str) -> tuple[frozenset[str], tuple[re.Pattern[str], ...]]:
    exact, shaped = set(), []
    for english, korean in _pairs():
        ours, theirs = (korean, english) if language == "ko" else (english, korean)
        if ours == theirs:
            continue
        if "%(" not in theirs:
            exact.add(theirs)
        elif len(PLACEHOLDER.sub("", re.escape(theirs))) > 10:
            shaped.append(re.compile(PLACEHOLDER.sub(".+", re.escape(theirs))))
    both = {pair[0 if language == "ko" else 1] for pair in _pairs() if pair[0] == pair[1]}
    return frozenset(exact - both), tuple(shaped)


@cache
def _pairs() -> tuple[tuple[str, str], ...]:
    pairs: list[tuple[str, str]] = []
    for path in sorted(CATALOGUES.glob("*.po")):
        with path.open("rb") as file:
            for message in read_po(file, locale="ko"):
                if isinstance(message.id, str):
                    pairs.append((message.id, str(message.string)))
                else:
                    pairs += [(english, message.string[0]) for english in message.id]
    return tuple((english, korean) for english, korean in pairs if english)
