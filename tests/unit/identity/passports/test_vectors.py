"""Our own vectors: what the clearinghouse believes, and everything that it must not."""

from __future__ import annotations

import json
import uuid
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from gateway.clock import FixedClock
from gateway.identity.passports.clearinghouse import Clearinghouse
from gateway.identity.passports.conditions import fits
from gateway.identity.passports.keyring import KeyRing, _Kept
from gateway.identity.passports.refusals import BadVisa, Reason, problem, words
from gateway.identity.passports.tokens import Trust
from gateway.visa_settings import VisaIssuer

FOLDER = Path(__file__).parent / "vectors"


@cache
def vectors(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_text("utf-8"))


def cases(name: str) -> list[Any]:
    return [pytest.param(case, id=case["name"]) for case in vectors(name)]


class SettledRing(KeyRing):
    """Answers with the keys of the vectors, and keeps which addresses it would have called."""

    def __init__(self, clock: FixedClock) -> None:
        super().__init__(clock)
        self.called: list[str] = []

    def _fetched(self, _issuer: VisaIssuer, jku: str, now: datetime) -> _Kept:
        self.called.append(jku)
        return _Kept(tuple(vectors("setting")["jwks"][jku]["keys"]), now)


@pytest.fixture
def now() -> datetime:
    return datetime.fromtimestamp(vectors("setting")["now"], UTC)


@pytest.fixture
def ring(now: datetime) -> SettledRing:
    return SettledRing(FixedClock(now))


@pytest.fixture
def house(ring: SettledRing) -> Clearinghouse:
    setting = vectors("setting")
    issuers = [VisaIssuer.model_validate(table) for table in setting["issuers"]]
    return Clearinghouse(Trust({one.issuer: one for one in issuers}, ring, setting["us"]))


@pytest.fixture
def linked() -> dict[tuple[str, str], uuid.UUID]:
    pairs = vectors("setting")["linked"]
    return {
        (issuer, subject): uuid.UUID(int=place) for place, (issuer, subject) in enumerate(pairs)
    }


@pytest.mark.parametrize("case", [*cases("good"), *cases("forged"), *cases("conditions")])
def test_a_vector_is_judged_as_written(
    case: Any, house: Clearinghouse, ring: SettledRing, linked: Any, now: datetime
) -> None:
    expected = case["expect"]
    if "whole" in expected:
        with pytest.raises(BadVisa) as refused:
            house.cleared(case["tokens"], linked, now)
        assert refused.value.reason == expected["whole"]
    else:
        found = house.cleared(case["tokens"], linked, now)
        reasons = {str(each.reason) for each in found.refused}
        assert len(found.believed) == expected.get("believed", 0)
        assert expected.get("refused") in reasons if "refused" in expected else not reasons
    assert set(ring.called) <= set(vectors("setting")["jwks"])


@pytest.mark.parametrize("case", [case for case in cases("forged") if "jku" in case.id])
def test_no_address_of_the_tokens_own_is_ever_called(
    case: Any, house: Clearinghouse, ring: SettledRing, linked: Any, now: datetime
) -> None:
    with suppress(BadVisa):
        house.cleared(case["tokens"], linked, now)

    assert ring.called == []


def test_there_are_enough_forgeries_and_each_has_a_name_of_its_own() -> None:
    names = [case["name"] for part in ("good", "forged", "conditions") for case in vectors(part)]

    assert len(vectors("forged")) >= 17
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("reason", list(Reason))
def test_every_refusal_says_why_and_what_next_in_both_languages(reason: Reason) -> None:
    ko, en = words(reason)

    assert ko.endswith("십시오.")
    assert en.endswith(".")
    assert problem(reason).status == 422


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("", "", True), ("*", "", True), ("?", "", False), ("a*b*c", "aXbYc", True),
        ("a*b*c", "aXbY", False), ("**", "x", True), ("*?", "x", True), ("?*?", "x", False),
        ("a?c", "abc", True), ("a*a", "a", False), ("*ab", "aab", True), ("한*국", "한 국", True),
    ],
)  # fmt: skip
def test_patterns_match_whole_texts(pattern: str, text: str, expected: bool) -> None:
    assert fits(pattern, text) is expected


def test_a_pattern_of_stars_takes_no_time() -> None:
    assert not fits("*a" * 120 + "b", "a" * 255)
