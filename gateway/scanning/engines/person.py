"""Names by cue words only: `성명: 홍길동`, `Name: Jane Roe`. Without a cue it takes a model."""

from __future__ import annotations

import re

from gateway.scanning.engines.rules import Rule

# The surnames of more than 99 % of the population (통계청, 2015 census), two syllables first.
_SURNAMES = (
    "(?:남궁|황보|제갈|선우|독고|사공|서문|동방|"
    "[김이박최정강조윤장임한오서신권황안송전홍유고문양손배백허남심노하곽성차주우구민류나진지엄채원천방"
    "공현함변염여추도소석선설마길연위표명기반왕금옥육인맹제모탁국어은편용예경봉사부가복태목형계피두감"
    "음빈동온호범좌팽승간상시갈단견당])"
)
_FIELDS = (
    "(?:성명|이름|성함|환자\\s?명|환자|예금주|보호자|담당자|신청인|신청자|수령인|수취인|수신인|고객명|"
    "회원명|작성자|대표자|대표이사|주치의|담당의|의사|피보험자|가입자|계약자|응답자|참여자|학생명|직원명|"
    "받는\\s?사람|보내는\\s?사람)"
)
_NOT_NAMES = (
    "(?!없음|미정|미상|미기재|공란|해당|성명|이름|전화|주소|연락|비공개|익명|정보|기타|가명|모두)"
)
_AFTER = (
    "(?=(?:입니다|이고|이며|이라|이에|이다|님|씨|은|는|이|가|을|를|의|에게|께|으로|로|과|와)?"
    "(?![가-힣A-Za-z0-9]))"
)
_NAME = rf"(?P<v>{_NOT_NAMES}{_SURNAMES}[가-힣]{{1,2}}?){_AFTER}"

KOREAN = (
    Rule("field with a colon", re.compile(
        rf"{_FIELDS}[ \t]?(?:\([^()\n\x1e]{{0,12}}\))?[ \t]?[:：=|][ \t]{{0,4}}{_NAME}"), 0.8,
        deny=None),
    Rule("field and particle", re.compile(
        rf"(?:성명|이름|성함|환자명|예금주)(?:은|는|이)?[ \t]{{1,4}}{_NAME}"), 0.55, deny=None),
    Rule("field on the line above", re.compile(
        rf"(?:성명|환자명|예금주)[ \t]?[:：]?\r?\n[ \t]{{0,8}}{_NAME}(?=[ \t\r\n\x1e]|$)"), 0.5,
        deny=None),
)  # fmt: skip

_ENGLISH_FIELD = (
    r"(?<![A-Za-z0-9_-])(?i:(?:full|patient|customer|first|last|given|family|contact|member|"
    r"employee|student)[ _]?name|name|patient|surname|my name is)"
)
ENGLISH = (
    Rule("field with a colon", re.compile(
        rf"{_ENGLISH_FIELD}(?:(?<=is)|[\"']?[ \t]?[:=])[ \t]{{0,4}}[\"']?(?:(?:Mr|Mrs|Ms|Dr)\.? )?"
        r"(?P<v>[A-Z][a-z'’]{1,24}(?:[ -][A-Z][a-z'’]{0,24}\.?){0,3})(?![A-Za-z])"), 0.6,
        deny=None),
)  # fmt: skip
