"""Korean identifiers. Each rule names its format, its check and where the format is fixed."""

from __future__ import annotations

import re

from gateway.scanning.engines import checks
from gateway.scanning.engines.rules import LEFT, RIGHT, Rule

_HYPHEN = r"(?: ?- ?| )"


def _edged(body: str, flags: int = 0) -> re.Pattern[str]:
    return re.compile(f"{LEFT}(?:{body}){RIGHT}", flags)


def _words(*words: str) -> re.Pattern[str]:
    return re.compile("|".join(words), re.IGNORECASE)


# Resident registration number: YYMMDD-GNNNNNN (주민등록법 시행규칙 제2조). G is 1-4 for Koreans.
# A failed check digit clears nothing: numbers since October 2020 carry none.
_RRN_CUE = _words("주민", "resident", r"(?<![A-Za-z])rrn", r"(?<![A-Za-z])ssn", "생년월일")
RRN = (
    Rule(
        "hyphenated", _edged(rf"\d{{6}}{_HYPHEN}[1-4]\d{{6}}"), 0.85,
        checked=0.95, cued=1.0, denied=0.6, cue=_RRN_CUE, check=checks.rrn_check, valid=checks.born,
    ),
    Rule(
        "implausible year", _edged(rf"\d{{6}}{_HYPHEN}[1-4]\d{{6}}"), 0.5,
        checked=0.6, cued=0.95, cue=_RRN_CUE, check=checks.rrn_check, valid=checks.birth_date,
    ),
    Rule(
        "joined", _edged(r"\d{6}[1-4]\d{6}"), 0.5,
        checked=0.7, cued=1.0, cue=_RRN_CUE, check=checks.rrn_check, valid=checks.born,
    ),
    Rule(
        "any shape at its cue", _edged(rf"\d{{6}}{_HYPHEN}?[0-49]\d{{6}}"), 0.0,
        cued=0.8, cue=_words("주민", r"(?<![A-Za-z])rrn"),
    ),
)  # fmt: skip

# Foreigner registration number: the same shape with G 5-8 (출입국관리법 시행규칙).
_FRN_CUE = _words("외국인", "거소", "foreigner", "alien", r"(?<![A-Za-z])frn", r"(?<![A-Za-z])arc")
FRN = (
    Rule(
        "hyphenated", _edged(rf"\d{{6}}{_HYPHEN}[5-8]\d{{6}}"), 0.85,
        checked=0.95, cued=1.0, denied=0.6, cue=_FRN_CUE, check=checks.frn_check, valid=checks.born,
    ),
    Rule(
        "joined", _edged(r"\d{6}[5-8]\d{6}"), 0.5,
        checked=0.7, cued=1.0, cue=_FRN_CUE, check=checks.frn_check, valid=checks.born,
    ),
    Rule(
        "any shape at its cue", _edged(rf"\d{{6}}{_HYPHEN}?[5-8]\d{{6}}"), 0.0,
        cued=0.8, cue=_words("외국인\\s?등록", "거소", r"(?<![A-Za-z])frn"),
    ),
)  # fmt: skip

# Passport: letter and eight digits, since December 2021 letter, 3 digits, letter, 4 digits.
_PASSPORT_CUE = _words("여권", "passport")
PASSPORT = (
    Rule(
        "since 2021", _edged(r"[MSRODG]\d{3}[A-Z]\d{4}"), 0.6,
        cued=0.95, cue=_PASSPORT_CUE,
    ),
    Rule("old", _edged(r"[MSRODG]\d{8}"), 0.45, cued=0.95, cue=_PASSPORT_CUE),
    Rule("any case at its cue", _edged(r"[A-Z]{1,2}\d{3}[A-Z0-9]\d{4}", re.I), 0.0,
         cued=0.8, cue=_PASSPORT_CUE),
)  # fmt: skip

# Driving licence: region 11-28, year, serial, check: 2-2-6-2; before that 서울 12-123456-12.
_LICENCE_CUE = _words("면허", "driver'?s? licen[cs]e", "driving licen[cs]e")
_REGIONS = "서울|부산|대구|인천|광주|대전|울산|경기|강원|충북|충남|전북|전남|경북|경남|제주"
DRIVER_LICENSE = (
    Rule(
        "hyphenated", _edged(r"(?:1[1-9]|2[0-8])([- ])\d{2}\1\d{6}\1\d{2}"), 0.8,
        cued=1.0, denied=0.3, cue=_LICENCE_CUE,
    ),
    Rule("joined", _edged(r"(?:1[1-9]|2[0-8])\d{10}"), 0.0, cued=0.9, cue=_LICENCE_CUE),
    Rule("with region", re.compile(rf"(?:{_REGIONS})[ -]?\d{{2}}-\d{{6}}-\d{{2}}{RIGHT}"), 0.8,
         cued=0.95, cue=_LICENCE_CUE),
    Rule("old", _edged(r"\d{2}-\d{6}-\d{2}"), 0.0, cued=0.9, cue=_LICENCE_CUE),
)  # fmt: skip

# Business registration number: 3-2-5 with check digit (국세청).
_BRN_CUE = _words("사업자", "business reg", r"(?<![A-Za-z])brn")
BRN = (
    Rule("hyphenated", _edged(r"\d{3}-\d{2}-\d{5}"), 0.4,
         checked=0.75, cued=0.95, cue=_BRN_CUE, check=checks.brn_check),
    Rule("joined", _edged(r"\d{10}"), 0.0, cued=0.85, cue=_BRN_CUE),
)  # fmt: skip

# Corporate registration number: 6-7 digits, weights 1,2 alternating (상업등기규칙).
_CORP_CUE = _words("법인\\s?등록", "법인\\s?번호", "등기번호", "corporate reg")
CORP_REG = (
    Rule("hyphenated", _edged(r"\d{6}-[0-8]\d{6}"), 0.2,
         checked=0.65, cued=1.0, cue=_CORP_CUE, check=checks.corp_check),
    Rule("joined", _edged(r"\d{13}"), 0.0, cued=1.0, cue=_CORP_CUE),
)  # fmt: skip

# Telephone numbers (전기통신번호관리세칙): mobile 01x, area 02-064, 070, 050x, 15xx-18xx, +82.
_PHONE_CUE = _words("전화", "연락처", "휴대", "핸드폰", "팩스", "번호는", "문의", "콜센터",
                    "대표번호", r"(?<![A-Za-z])(?:tel|phone|mobile|fax|cell|call|hp)")  # fmt: skip
_MOBILE = r"01[016789]"
_AREA = r"0(?:2|3[1-3]|4[1-4]|5[1-5]|6[1-4]|70|50\d)"
_SERVICE = (
    r"(?:15(?:22|33|44|55|66|70|77|88|90|99)|16(?:00|11|22|33|41|42|44|55|60|61|66|68|70|77|80|88|"
    r"89|93|99)|18(?:00|11|33|44|45|51|55|66|70|77|78|99))"
)
_GAP = r"(?: ?[-.] ?| )"
PHONE = (
    Rule("mobile", _edged(rf"{_MOBILE}{_GAP}\d{{3,4}}{_GAP}\d{{4}}"), 0.9,
         cued=1.0, denied=0.6, cue=_PHONE_CUE),
    Rule("mobile in brackets", re.compile(rf"\({_MOBILE}\) ?\d{{3,4}}[- .]?\d{{4}}{RIGHT}"), 0.85),
    Rule("mobile joined", _edged(rf"{_MOBILE}[- ]?\d{{7,8}}|{_MOBILE}\d{{3,4}}[- ]\d{{4}}"), 0.65,
         cued=0.95, cue=_PHONE_CUE),
    Rule("landline", _edged(rf"{_AREA}{_GAP}\d{{3,4}}{_GAP}\d{{4}}"), 0.75,
         cued=0.95, cue=_PHONE_CUE),
    Rule("landline in brackets",
         re.compile(rf"(?<![0-9A-Za-z])\(?{_AREA}\) ?\d{{3,4}}[- .]?\d{{4}}{RIGHT}"), 0.75,
         cued=0.95, cue=_PHONE_CUE),
    Rule("landline joined", _edged(rf"{_AREA}\d{{7,8}}"), 0.2, cued=0.8, cue=_PHONE_CUE),
    Rule("service number", _edged(rf"{_SERVICE}-(?!1[5-9]\d\d|20[0-4]\d)\d{{4}}"), 0.6,
         cued=0.9, cue=_PHONE_CUE),
    Rule("service number at its cue", _edged(rf"{_SERVICE}[- .]?\d{{4}}"), 0.0,
         cued=0.7, cue=_PHONE_CUE),
    Rule("international",
         re.compile(r"(?<![0-9A-Za-z+])\+82[- .]?(?:\(0\)|0)?[- .]?\d{1,3}[- .]?\d{3,4}[- .]?\d{4}"
                    + RIGHT), 0.9, cued=1.0, denied=0.6, cue=_PHONE_CUE),
    Rule("international without plus", _edged(r"82-(?:10|2|3\d|4\d|5\d|6\d|70)-\d{3,4}-\d{4}"),
         0.7, cued=0.9, cue=_PHONE_CUE),
)  # fmt: skip

# Bank accounts: every bank its own grouping of 10-14 digits; without a cue only well-known ones.
_BANK_CUE = _words(
    "계좌", "입금", "송금", "이체", "예금주", "통장", "환불", "은행", "뱅크", "농협", "수협",
    "신협", "새마을금고", "우체국",
    "(?:국민|신한|우리|하나|기업|제일|씨티|산업|카카오|토스|케이)\\s",
    r"(?<![A-Za-z])(?:account|bank|acct)", r"(?<![A-Za-z])(?:KB|NH|IBK|SC|KEB|DGB|BNK)",
)  # fmt: skip


def _account_length(value: str) -> bool:
    return 10 <= len(checks.digits(value)) <= 16


BANK_ACCOUNT = (
    Rule("known grouping",
         _edged(r"\d{6}-\d{2}-\d{6}|\d{3}-\d{4}-\d{4}-\d{2}|\d{3}-\d{6}-\d{2}-\d{3}"
                r"|3333-\d{2}-\d{7}"), 0.45, cued=0.9, cue=_BANK_CUE),
    Rule("groups at a cue", _edged(r"\d{2,6}(?:[- ]\d{1,8}){1,3}"), 0.0,
         cued=0.85, cue=_BANK_CUE, valid=_account_length),
    Rule("joined at a cue", _edged(r"\d{10,14}"), 0.0, cued=0.7, cue=_BANK_CUE),
)  # fmt: skip

# Number plates (자동차 등록번호판 등의 기준에 관한 고시): permitted syllables only.
_PLATE_SYLLABLE = (
    "[가나다라마거너더러머버서어저고노도로모보소오조구누두루무부수우주바사아자배하허호국합육공해]"
)
_PLATE_CUE = _words("차량", "번호판", "자동차", "주차", "차번", "plate", "승용", "운전")
_NOT_COUNTED = r"(?!\s?(?:억|만|천|원|명|년|개|건|회|%|달러|엔|톤|여|km|m))"
PLATE = (
    Rule("joined", re.compile(
        rf"(?<![0-9A-Za-z.,])\d{{2,3}}{_PLATE_SYLLABLE}\d{{4}}(?![0-9A-Za-z]){_NOT_COUNTED}"), 0.75,
        cued=0.95, denied=0.3, cue=_PLATE_CUE),
    Rule("spaced", re.compile(
        rf"(?<![0-9A-Za-z.,])\d{{2,3}} ?{_PLATE_SYLLABLE} \d{{4}}(?![0-9A-Za-z]){_NOT_COUNTED}"),
        0.45, cued=0.9, cue=_PLATE_CUE),
    Rule("regional", re.compile(
        rf"(?:{_REGIONS}) ?\d{{1,2}} ?{_PLATE_SYLLABLE} ?\d{{4}}(?![0-9A-Za-z]){_NOT_COUNTED}"),
        0.85, cued=0.95, cue=_PLATE_CUE),
)  # fmt: skip

# Health-insurance card number: eleven digits; no check is published, so only at its cue.
HEALTH_INSURANCE = (
    Rule("at its cue", _edged(r"\d-?\d{10}"), 0.0, cued=0.85,
         cue=_words("건강\\s?보험", "보험증", "건보", "의료보험", "health insurance")),
)  # fmt: skip
