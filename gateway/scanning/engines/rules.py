"""One Presidio recognizer driven by rules: a bounded pattern, a check, cue and deny words.

Patterns are linear in the text: every quantifier is bounded and edges are look-arounds on ASCII
letters and digits. `\\b` is not used, because it takes a Korean particle for part of the number.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from presidio_analyzer import LocalRecognizer, RecognizerResult

# Ends a cell or a record inside a block; neither patterns nor cue words reach across it.
RECORD_END = "\x1e"
CUE_REACH = 40
AFTER_REACH = 16

LEFT = r"(?<![0-9A-Za-z])(?<![0-9][-.])"
RIGHT = r"(?![0-9A-Za-z])(?![-.][0-9])"

# Numbers of things, not of people. The nearer of a cue word and a deny word wins.
NOT_A_PERSON = re.compile(
    r"주문|송장|운송장|배송|접수\s?번호|관리\s?번호|문서\s?번호|상품|제품|품번|모델|시리얼|일련|"
    r"바코드|버전|거래\s?번호|승인\s?번호|예약|티켓|타임스탬프|금액|합계|가격|코드|"
    r"(?<![A-Za-z])(?:isbn|issn|doi|order|tracking|invoice|serial|sku|ean|barcode|part|model|"
    r"version|ver|release|build|timestamp|epoch|ticket|amount|price|total|commit|sha|ts)"
    r"(?![A-Za-z])",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Rule:
    """A pattern and how sure it is. Scores are 0..1; below the threshold nothing is reported.

    `score` holds without any hint, `checked` when `check` passes, `cued` when a cue word of
    `cue` stands before (or closely after) the value, `denied` when a deny word is nearer.
    `valid` drops what cannot be the thing at all. The value is group `v`, or the whole match.
    """

    name: str
    pattern: re.Pattern[str]
    score: float
    checked: float = 0.0
    cued: float = 0.0
    denied: float = 0.0
    cue: re.Pattern[str] | None = None
    deny: re.Pattern[str] | None = NOT_A_PERSON
    check: Callable[[str], bool] | None = None
    valid: Callable[[str], bool] | None = None


def _last_end(pattern: re.Pattern[str] | None, text: str) -> int:
    end = -1
    for match in pattern.finditer(text) if pattern else ():
        end = match.end()
    return end


def overlapping(pattern: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    """Yield matches that may overlap, so that the result does not hang on where a block begins."""
    match = pattern.search(text)
    while match:
        yield match
        match = pattern.search(text, match.start() + 1)


class RuleRecognizer(LocalRecognizer):
    """A Presidio recognizer for one entity type, made of `Rule`s."""

    name: str

    def __init__(self, entity: str, name: str, rules: tuple[Rule, ...], language: str) -> None:
        self.rules = rules
        super().__init__([entity], name=name, supported_language=language)

    def load(self) -> None:
        """Nothing to load: the patterns are compiled with the module."""

    def analyze(
        self, text: str, entities: list[str], nlp_artifacts: object = None
    ) -> list[RecognizerResult]:
        """Return scored spans of this entity in `text`; the best score for each span."""
        best: dict[tuple[int, int], float] = {}
        for rule in self.rules:
            for start, end, score in self._apply(rule, text):
                best[start, end] = max(score, best.get((start, end), 0.0))
        return [self._result(start, end, score) for (start, end), score in best.items() if score]

    def _apply(self, rule: Rule, text: str) -> Iterator[tuple[int, int, float]]:
        group = "v" if "v" in rule.pattern.groupindex else 0
        for match in overlapping(rule.pattern, text):
            start, end = self.trim(text, *match.span(group))
            if end > start and not (rule.valid and not rule.valid(text[start:end])):
                yield start, end, score_of(rule, text, start, end)

    def trim(self, text: str, start: int, end: int) -> tuple[int, int]:
        """Shorten a match where a pattern alone cannot; an empty span drops it."""
        return start, end

    def _result(self, start: int, end: int, score: float) -> RecognizerResult:
        origin = {
            RecognizerResult.RECOGNIZER_NAME_KEY: self.name,
            RecognizerResult.RECOGNIZER_IDENTIFIER_KEY: self.id,
        }
        return RecognizerResult(
            self.supported_entities[0], start, end, score, recognition_metadata=origin
        )


def score_of(rule: Rule, text: str, start: int, end: int) -> float:
    """Score one match by its check and by the words around it."""
    before = text[max(0, start - CUE_REACH) : start].rpartition(RECORD_END)[2]
    cue_at, deny_at = _last_end(rule.cue, before), _last_end(rule.deny, before)
    if deny_at > cue_at:
        return rule.denied
    score = rule.score
    if rule.check and rule.check(text[start:end]):
        score = max(score, rule.checked)
    after = text[end : end + AFTER_REACH].partition(RECORD_END)[0].partition("\n")[0]
    cued = cue_at >= 0 or (rule.cue is not None and rule.cue.search(after) is not None)
    return max(score, rule.cued) if cued else score
