"""Every action has a sentence in both languages, in the words of the glossary."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from audit.ocsf import Outcome
from gateway.journal import Act
from gateway.oversight.entries import Legibility, Seen, Who
from gateway.oversight.words import SENTENCES, tell

NAMES = {"who", "whom", "dataset", "item", "ref", "decision", "action"}
AVOIDED = re.compile(
    r"반려|거절|거부|폐기|비식별|증인|임대|배송|신고|귀하|당신|(?<!구축)(?<!연구)과제|(?<!이용)약관"
)
HANGUL = re.compile(r"[가-힣]")


def seen(**changed: Any) -> Seen:
    given: dict[str, Any] = {
        "index": 7, "event_id": "e", "at": datetime(2026, 11, 2, tzinfo=UTC),
        "action": "download.authorized", "outcome": Outcome.ALLOW, "legibility": Legibility.OPEN,
        "actor": Who("ab" * 16, "kim", "김수문"), "kind": "person", "address": None,
        "user_agent": None, "channel": None, "subjects": (), "task": "t", "reason": None,
        "organisation": None, "dataset": "voices", "version": "1.0", "item": "a.wav", "ref": None,
    }  # fmt: skip
    return Seen(**(given | changed))


def test_every_action_has_both_sentences_and_no_sentence_outlives_its_action() -> None:
    assert set(SENTENCES) == {str(act) for act in Act}
    for action, sentence in SENTENCES.items():
        assert HANGUL.search(sentence.ko), action
        assert sentence.en, action
        assert not HANGUL.search(sentence.en), action
        assert not AVOIDED.search(sentence.ko), action


@pytest.mark.parametrize("outcome", list(Outcome))
@pytest.mark.parametrize("act", list(Act))
def test_every_sentence_can_be_told_with_everything_missing(act: Act, outcome: Outcome) -> None:
    told = tell(
        seen(action=str(act), outcome=outcome, actor=None, dataset=None, item=None, ref=None)
    )
    for text in told:
        assert "{" not in text
        assert "None" not in text


def test_a_refused_attempt_does_not_read_as_done() -> None:
    told = tell(seen(action="grant.revoked", outcome=Outcome.DENY))
    assert told.en.startswith("Refused attempt: ")
    assert told.ko.startswith("허용되지 않은 시도: ")


def test_nobody_gives_a_role_to_themselves_in_words() -> None:
    giver, receiver = Who("ab" * 16, "kim", "김수문"), Who("cd" * 16, "lee", "이보람")

    told = tell(seen(action="role.granted", actor=giver, subjects=(giver, receiver)))
    own = tell(seen(action="role.granted", actor=giver, subjects=(giver,)))

    assert told.ko.count("김수문") == 1
    assert "이보람" in told.ko
    assert own.ko.count("김수문") == 2


def test_a_transfer_without_an_end_is_no_attempt_that_failed() -> None:
    told = tell(seen(action="download.unresolved", outcome=Outcome.FAILURE, kind="system"))
    assert not told.en.startswith("Failed attempt")
    assert not told.ko.startswith("실패한 시도")


def test_an_erased_person_has_no_name() -> None:
    told = tell(seen(actor=Who("ab" * 16, erased=True)))
    assert "파기된 개인정보" in told.ko
    assert "An erased person" in told.en


def test_an_unknown_action_is_still_told() -> None:
    assert tell(seen(action="subject.unknown")).en == "김수문 (kim): subject.unknown"


def test_braces_in_names_are_text() -> None:
    told = tell(seen(actor=Who("ab" * 16, "{who}", "{0.__class__}")))
    assert "{0.__class__} ({who})" in told.en


def test_a_dataset_is_never_told_as_the_property_of_who_used_it() -> None:
    owned = [action for action, both in SENTENCES.items() if "{who} 님의 {dataset}" in both.ko]

    assert owned == []
    assert tell(seen()).ko.startswith("김수문 (kim) 님에게 데이터셋 voices 1.0의")
    assert tell(seen()).en == "김수문 (kim) was allowed to download a.wav from dataset voices 1.0."
