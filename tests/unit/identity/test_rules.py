"""What names, numbers and passwords must look like."""

from __future__ import annotations

import argon2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Problem, ProblemCode
from gateway.identity import passwords, rules

DIGITS = st.text("0123456789", min_size=9, max_size=9)


@given(DIGITS)
def test_a_number_with_its_check_digit_is_accepted_in_any_spelling(nine: str) -> None:
    number = nine + str(rules.check_digit(nine))

    spelled = f" {number[:3]}-{number[3:5]}-{number[5:]} "

    assert rules.business_number(spelled) == number


@given(DIGITS, st.integers(0, 9), st.integers(1, 9))
def test_every_single_wrong_digit_is_caught(nine: str, place: int, shift: int) -> None:
    number = nine + str(rules.check_digit(nine))
    wrong = str((int(number[place]) + shift) % 10)

    with pytest.raises(Problem) as refused:
        rules.business_number(number[:place] + wrong + number[place + 1 :])

    assert refused.value.extra["field"] == "business_number"


@pytest.mark.parametrize("real", ["124-81-00998", "120-81-47521", "220-81-62517"])
def test_numbers_of_real_companies_pass(real: str) -> None:
    assert rules.business_number(real) == real.replace("-", "")


@given(st.text(max_size=30).filter(lambda text: not any(char.isdecimal() for char in text)))
def test_a_text_without_digits_is_refused_as_a_field_and_nothing_else(text: str) -> None:
    with pytest.raises(Problem) as refused:
        rules.business_number(text)

    assert refused.value.code is ProblemCode.VALIDATION_FAILED


@pytest.mark.parametrize(
    ("typed", "stored"), [("MinJi", "minji"), (" kim.minji ", "kim.minji"), ("\u212aim7", "kim7")]
)
def test_an_account_has_one_stored_form(typed: str, stored: str) -> None:
    assert rules.account(typed) == stored


@pytest.mark.parametrize(
    "typed", ["", "ab", "a" * 33, ".dot", "김민지", "a b c", "а-cyrillic", "operator:0", "a\x00bc"]
)
def test_an_account_that_could_be_mistaken_is_refused(typed: str) -> None:
    with pytest.raises(Problem) as refused:
        rules.account(typed)

    assert refused.value.extra["field"] == "account"


@pytest.mark.parametrize("text", ["", "   ", "a\x07b", "x" * 121, "\u202eevil"])
def test_a_name_is_one_visible_line(text: str) -> None:
    with pytest.raises(Problem):
        rules.name(text)


def test_names_are_stored_composed() -> None:
    assert rules.name("김민지") == "김민지"


@pytest.mark.parametrize("code", ["ZZ", "EU", "kor", "", "1", "00"])
def test_what_is_no_country_is_refused(code: str) -> None:
    with pytest.raises(Problem):
        rules.country(code)


def test_countries_begin_with_korea_in_both_languages() -> None:
    assert next(iter(rules.countries("ko").items())) == ("KR", "대한민국")
    assert next(iter(rules.countries("en").items())) == ("KR", "South Korea")
    assert rules.countries("ko").keys() == rules.countries("en").keys()


@pytest.mark.parametrize(
    "password",
    [
        "short",
        "x" * 201,
        "1234567890",
        "Password123",
        "aaaaaaaaaaaa",
        "my-minji-word",
        "ＭＩＮＪＩ 비밀 문장",
    ],
)
def test_a_weak_password_is_refused(password: str) -> None:
    with pytest.raises(Problem) as refused:
        passwords.check_rules(password, "minji")

    assert refused.value.extra["field"] == "password"


@pytest.mark.parametrize(
    "password", ["correct horse battery", "비가 오는 날의 수문 앞", "a7-b" * 50]
)
def test_a_long_sentence_of_any_characters_is_fit(password: str) -> None:
    passwords.check_rules(password, "minji")


def test_passwords_cost_what_owasp_asks() -> None:
    stored = passwords.Hasher().hash("correct horse battery")

    found = argon2.extract_parameters(stored)

    assert (found.type, found.memory_cost, found.time_cost, found.parallelism) == (
        argon2.Type.ID,
        19 * 1024,
        2,
        1,
    )


def test_an_unknown_account_is_verified_against_something_and_never_matches() -> None:
    hasher = passwords.Hasher(memory_kib=64, passes=1)

    assert hasher.matches(None, "whatever it is") is False
    assert hasher.matches("not a hash", "whatever it is") is False


def test_the_same_keys_match_in_any_composition() -> None:
    hasher = passwords.Hasher(memory_kib=64, passes=1)

    assert hasher.matches(hasher.hash("한글로 쓴 비밀 문장"), "한글로 쓴 비밀 문장")


def test_a_full_hasher_says_busy_instead_of_piling_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "WAIT_SECONDS", 0.01)
    hasher = passwords.Hasher(memory_kib=64, passes=1, at_once=1)

    with hasher._slot(), pytest.raises(Problem) as refused:
        hasher.hash("correct horse battery")

    assert refused.value.code is ProblemCode.BUSY
