"""What names, accounts, numbers and periods must look like; every refusal says why.

Each rule returns the value in its one stored form, or raises Problem 422 with `field`.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime
from functools import cache
from typing import NoReturn

from babel import Locale
from email_validator import EmailNotValidError, validate_email

from gateway.errors import Problem, ProblemCode

ACCOUNT = re.compile(r"[a-z0-9][a-z0-9._-]{2,31}")
BUSINESS_NUMBER = re.compile(r"\d{10}", re.ASCII)
# The weights of the National Tax Service's check digit.
_WEIGHTS = (1, 3, 7, 1, 3, 7, 1, 3, 5)
# Groups, pseudo-locales, and codes that Babel does not name in both languages.
_NOT_COUNTRIES = frozenset({"CQ", "EU", "EZ", "QO", "UN", "XA", "XB", "ZZ"})
KOREA = "KR"
NAME_LENGTH = 120
EMAIL_LENGTH = 254
REASON_LENGTH = 500
LOCALES = ("ko", "en")


def refuse(field: str, ko: str, en: str) -> NoReturn:
    """Raise the 422 problem about one field."""
    raise Problem(ProblemCode.VALIDATION_FAILED, ko, en, field=field)


def fold(text: str) -> str:
    """The form in which account names are compared: NFC, case-folded, no outer blanks."""
    return unicodedata.normalize("NFC", text.strip().casefold())


def account(text: str) -> str:
    """An account name: 3 to 32 of a-z, 0-9, dot, underscore, hyphen.

    Plain ASCII, so that no account can be mistaken for another that merely looks like it.
    """
    folded = fold(text)
    if not ACCOUNT.fullmatch(folded):
        refuse(
            "account",
            "아이디는 영문 소문자·숫자로 시작하는 3~32자이며 . _ - 를 쓸 수 있습니다.",
            "An account name has 3 to 32 letters a-z, digits, dots, underscores or hyphens, "
            "and starts with a letter or digit.",
        )
    return folded


def line(field: str, text: str, longest: int) -> str:
    """One line of text in NFC without control characters, 1 to `longest` characters."""
    clean = unicodedata.normalize("NFC", " ".join(text.split()))
    printable = all(unicodedata.category(char)[0] != "C" for char in clean)
    if not clean or len(clean) > longest or not printable:
        refuse(
            field,
            f"1자 이상 {longest}자 이하의 한 줄로 입력해 주십시오.",
            f"Please write one line of 1 to {longest} characters.",
        )
    return clean


def name(text: str) -> str:
    """A person's name as they write it."""
    return line("name", text, NAME_LENGTH)


def reason(text: str) -> str:
    """The reason of a decision about somebody, which that person will read."""
    return line("reason", text, REASON_LENGTH)


def email(text: str) -> str:
    """An e-mail address in its normal form; whether it receives mail is not checked."""
    try:
        found = validate_email(text.strip(), check_deliverability=False)
    except EmailNotValidError:
        refuse("email", "이메일 주소를 확인해 주십시오.", "Please check the e-mail address.")
    return (
        found.normalized
        if len(found.normalized) <= EMAIL_LENGTH
        else refuse("email", "이메일 주소가 너무 깁니다.", "The e-mail address is too long.")
    )


def mailbox(address: str) -> str:
    """The form in which addresses are compared: case-folded, without a tag (`name+tag@host`)."""
    local, _, domain = fold(address).rpartition("@")
    return f"{local.partition('+')[0] or local}@{domain}"


@cache
def countries(language: str) -> dict[str, str]:
    """ISO 3166-1 alpha-2 codes with names in `language`, Korea first, then by name."""
    territories = Locale.parse(language).territories
    known = {
        code: label
        for code, label in territories.items()
        if len(code) == 2 and code.isalpha() and code not in _NOT_COUNTRIES
    }
    return dict(sorted(known.items(), key=lambda item: (item[0] != KOREA, item[1])))


def country(code: str) -> str:
    """An ISO 3166-1 alpha-2 country code."""
    upper = code.strip().upper()
    if upper not in countries("en"):
        refuse(
            "country", "목록에서 국가를 선택해 주십시오.", "Please choose a country of the list."
        )
    return upper


def business_number(text: str) -> str:
    """A Korean business registration number: ten digits with a matching check digit.

    The check digit catches typing errors only: one random number in ten passes, so it never
    verifies an organisation.
    """
    digits = re.sub(r"[\s-]", "", text)
    if not BUSINESS_NUMBER.fullmatch(digits) or check_digit(digits[:9]) != int(digits[9]):
        refuse(
            "business_number",
            "사업자등록번호 10자리를 다시 확인해 주십시오.",
            "Please check the ten digits of the business registration number.",
        )
    return digits


def check_digit(nine: str) -> int:
    """The tenth digit that belongs to the first nine."""
    digits = [int(char) for char in nine]
    total = sum(digit * weight for digit, weight in zip(digits, _WEIGHTS, strict=True))
    total += digits[8] * _WEIGHTS[8] // 10
    return -total % 10


def locale(text: str) -> str:
    """One of the languages the gateway speaks."""
    if text not in LOCALES:
        refuse("locale", "한국어와 영어 중에서 선택해 주십시오.", "Choose Korean or English.")
    return text


def period(starts_at: datetime, ends_at: datetime | None) -> None:
    """A half-open period must end after it starts."""
    if ends_at is not None and ends_at <= starts_at:
        refuse(
            "ends_at",
            "끝은 시작보다 뒤여야 합니다.",
            "The end must be after the start.",
        )
