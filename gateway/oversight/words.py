"""Entries in words: one sentence for every action, in both languages.

The sentences stand in `sentences.toml` and not in the catalogues, because the API and the command
line give both languages, outside a page's request.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from audit.event import PartyKind
from audit.ocsf import Outcome

if TYPE_CHECKING:
    from gateway.oversight.entries import Seen, Who


class Sentence(NamedTuple):
    """The same sentence in both languages."""

    ko: str
    en: str


def _load() -> dict[str, Sentence]:
    text = Path(__file__).with_name("sentences.toml").read_text("utf-8")
    return {
        action: Sentence(both["ko"], both["en"]) for action, both in tomllib.loads(text).items()
    }


SENTENCES = _load()

# An attempt that was refused must not read as something that happened.
_FRAMES = {
    Outcome.DENY: Sentence("허용되지 않은 시도: {}", "Refused attempt: {}"),
    Outcome.FAILURE: Sentence("실패한 시도: {}", "Failed attempt: {}"),
    Outcome.REVIEW: Sentence("검토로 넘김: {}", "Sent for review: {}"),
}
# Their own sentences say that it was refused, held or failed.
_SAY_IT_THEMSELVES = (
    ".refused",
    ".failed",
    ".rejected",
    ".held",
    ".decided",
    ".folded",
    ".unresolved",
)
_GATE = Sentence("수문", "Sumun")
_VISITOR = Sentence("로그인하지 않은 방문자", "A visitor who is not signed in")
_NOBODY = Sentence("알 수 없는 사용자", "Somebody unknown")
_ERASED = Sentence("파기된 개인정보", "An erased person")
_UNKNOWN = Sentence("{who}: {action}", "{who}: {action}")


def tell(seen: Seen) -> Sentence:
    """What an entry says, as plain text; the caller escapes it."""
    known = SENTENCES.get(seen.action, _UNKNOWN)
    return Sentence(_framed(seen, known.ko, 0), _framed(seen, known.en, 1))


def others(seen: Seen) -> tuple[Who, ...]:
    """The people whose data was handled, without the one who acted unless nobody else is left."""
    acted = None if seen.actor is None else seen.actor.token
    return tuple(who for who in seen.subjects if who.token != acted) or seen.subjects


def _framed(seen: Seen, template: str, language: int) -> str:
    if seen.kind == PartyKind.SYSTEM:
        # The gate itself is not addressed as a person.
        template = template.replace("{who} 님", "{who}")
    sentence = template.format(**_fillings(seen, language))
    frame = _FRAMES.get(seen.outcome)
    if frame is None or seen.action.endswith(_SAY_IT_THEMSELVES):
        return sentence
    return frame[language].format(sentence)


def _fillings(seen: Seen, language: int) -> dict[str, str]:
    return {
        "who": _actor(seen, language),
        "whom": _names(others(seen), language),
        # Whose account a visitor named: somebody's, or only what was typed.
        "tried": _names(seen.subjects, language) if seen.subjects else _actor(seen, language),
        "dataset": _dataset(seen, language),
        "item": seen.item or ("항목", "an item")[language],
        "ref": seen.ref or ("대상", "an object")[language],
        "decision": _DECISIONS[seen.outcome][language],
        "action": seen.action,
    }


_DECISIONS = {
    Outcome.SUCCESS: Sentence("완료", "done"),
    Outcome.ALLOW: Sentence("허용", "allowed"),
    Outcome.DENY: Sentence("이용 불가", "denied"),
    Outcome.REVIEW: Sentence("검토 필요", "needs review"),
    Outcome.FAILURE: Sentence("실패", "failed"),
    Outcome.DELEGATED: Sentence("위임", "delegated"),
}


def _actor(seen: Seen, language: int) -> str:
    if seen.kind == PartyKind.SYSTEM:
        return _GATE[language]
    known = seen.actor is not None and (seen.actor.account or seen.actor.name)
    if seen.kind == PartyKind.ANONYMOUS and not known:
        return _VISITOR[language]
    return _name(seen.actor, language)


def _name(who: Who | None, language: int) -> str:
    if who is None:
        return _NOBODY[language]
    return f"{_ERASED[language]} {who}" if who.erased else str(who)


def _names(people: tuple[Who, ...], language: int) -> str:
    if not people:
        return ("어떤 사람", "a person")[language]
    return ", ".join(_name(one, language) for one in people)


def _dataset(seen: Seen, language: int) -> str:
    if seen.dataset is None:
        return ("데이터셋", "a dataset")[language]
    version = f" {seen.version}" if seen.version else ""
    return (f"데이터셋 {seen.dataset}{version}", f"dataset {seen.dataset}{version}")[language]
