"""Both languages are complete, and Korean keeps to the words of the glossary."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from gateway.web import i18n

GATEWAY = Path(i18n.__file__).parents[1]
METHODS = [("**/templates/**.html", "jinja2"), ("**.py", "python")]
KEYWORDS = {
    "_": None,
    "gettext": None,
    "lazy": None,
    "lazy_gettext": None,
    "translate": (2,),
    "ngettext": (1, 2),
}
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]")
# Bare 과제 and 약관 for an agreement need a reader's judgement about what precedes them.
AVOIDED = re.compile(
    r"반려|거절|거부|폐기|비식별|증인|임대|배송|신고|귀하|당신|(?<!구축)(?<!연구)과제|(?<!이용)약관"
)
# A particle left open, as in "이(가)"; a sentence is built so that none depends on what is put in.
OPEN_PARTICLE = re.compile(r"[을를이가은는과와]\([을를이가은는과와]\)|\((?:으|이)\)[로나랑]")


def _used() -> dict[str, str]:
    """Each sentence of the product with the file that says it."""
    found: dict[str, str] = {}
    for file, _line, message, _comments, _context in extract_from_dir(
        GATEWAY, METHODS, keywords=KEYWORDS
    ):
        singular = message if isinstance(message, str) else message[0]
        found.setdefault(singular, file)
    return found


def _messages() -> Iterator[tuple[Path, Message]]:
    for path in i18n.catalogue_files():
        with path.open("rb") as file:
            yield from ((path, message) for message in read_po(file, locale="ko") if message.id)


def _singular(message: Message) -> str:
    return message.id if isinstance(message.id, str) else message.id[0]


def _strings(message: Message) -> list[str]:
    return [message.string] if isinstance(message.string, str) else list(message.string)


def test_every_sentence_has_a_korean_translation() -> None:
    translated = {_singular(m) for _path, m in _messages() if all(_strings(m)) and not m.fuzzy}
    missing = {text: file for text, file in _used().items() if text not in translated}
    assert missing == {}


def test_no_translation_outlives_its_sentence() -> None:
    used = _used()
    stale = [(path.name, m.id) for path, m in _messages() if _singular(m) not in used]
    assert stale == []


def test_translations_keep_every_placeholder() -> None:
    wrong = [
        (path.name, m.id)
        for path, m in _messages()
        for text in _strings(m)
        if set(PLACEHOLDER.findall(text)) != set(PLACEHOLDER.findall(_singular(m)))
    ]
    assert wrong == []


def test_two_catalogues_never_disagree_about_a_sentence() -> None:
    said: dict[str, list[str]] = {}
    for _path, message in _messages():
        assert said.setdefault(_singular(message), _strings(message)) == _strings(message)


def test_no_korean_sentence_uses_an_avoided_word() -> None:
    wrong = [
        (path.name, text)
        for path, message in _messages()
        for text in _strings(message)
        if AVOIDED.search(text)
    ]
    assert wrong == []


def test_no_korean_sentence_leaves_a_particle_open() -> None:
    sources = [*GATEWAY.rglob("*.py"), *GATEWAY.rglob("*.html"), *i18n.catalogue_files()]
    sources += (GATEWAY.parent / "policies").rglob("*.cedar")
    wrong = [path.name for path in sources if OPEN_PARTICLE.search(path.read_text("utf-8"))]
    assert wrong == []


@pytest.mark.parametrize("sentence", ["%(name)s을(를) 찾습니다", "버전 1과(와) 2", "서버(으)로"])
def test_the_watch_for_open_particles_is_awake(sentence: str) -> None:
    assert OPEN_PARTICLE.search(sentence)


@pytest.mark.parametrize("word", ["신청을 반려", "당신의 과제", "협약 약관", "폐기"])
def test_the_watch_for_avoided_words_is_awake(word: str) -> None:
    assert AVOIDED.search(word)
