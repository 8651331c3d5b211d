"""Korean addresses: road names (도로명주소법) and lots (지번). A building number is required."""

from __future__ import annotations

import re

from gateway.scanning.engines.rules import Rule

_PROVINCE = (
    r"(?:서울|부산|대구|인천|광주|대전|울산|세종|경기|강원|충북|충남|전북|전남|경북|경남|제주|"
    r"충청[북남]|전라[북남]|경상[북남])(?:특별자치시|특별자치도|특별시|광역시|도|시)?"
)
_CITY = r"[가-힣]{1,5}(?:시|군|구)"
_TOWN = r"[가-힣]{1,6}(?:읍|면)"
_ROAD = r"[가-힣][가-힣0-9·.]{0,11}(?:(?<!으)로|길)(?: ?[0-9]{1,4}[가-힣]?번?길)?"
_NUMBER = r"(?:지하 ?)?[0-9]{1,5}(?:-[0-9]{1,4})?(?![0-9])"
_LOT = r"[가-힣][가-힣0-9]{0,6}(?:동|리|가)"
# What follows the building number: annex, floor, unit, and the legal district in brackets.
_DETAIL = (
    r"(?:,? ?[0-9]{1,4}동)?(?:,? ?[0-9]{1,2}층)?(?:,? ?[0-9]{1,5}호)?(?: ?\([가-힣0-9, ]{1,24}\))?"
)
_START = r"(?<![가-힣A-Za-z0-9])"
# A counter after the number makes it a quantity, not a building.
_NOT_COUNTED = (
    r"(?! ?(?:명|개|건|년|월|일|시|분|초|원|만|억|천|위|점|회|차|세|살|배|%|km|m|킬로|번째))"
)
_CUE = re.compile(r"주소|거주|사는|배송지|소재|자택|본적|address", re.IGNORECASE)

ADDRESS = (
    Rule("road name with province", re.compile(
        rf"{_START}{_PROVINCE} (?:{_CITY} ){{0,2}}(?:{_TOWN} )?{_ROAD} ?{_NUMBER}"
        rf"{_NOT_COUNTED}{_DETAIL}"), 0.85, cued=0.95, cue=_CUE, deny=None),
    Rule("road name with city", re.compile(
        rf"{_START}{_CITY} (?:{_CITY} )?(?:{_TOWN} )?{_ROAD} ?{_NUMBER}{_NOT_COUNTED}{_DETAIL}"),
        0.7, cued=0.95, cue=_CUE, deny=None),
    Rule("road name with unit", re.compile(
        rf"{_START}{_ROAD} ?{_NUMBER},? ?(?:[0-9]{{1,4}}동 ?)?[0-9]{{1,5}}호"), 0.6,
        cued=0.9, cue=_CUE, deny=None),
    Rule("road name at its cue", re.compile(
        rf"{_START}(?:{_TOWN} )?{_ROAD} ?{_NUMBER}{_NOT_COUNTED}{_DETAIL}"), 0.0,
        cued=0.7, cue=_CUE, deny=None),
    Rule("lot with province", re.compile(
        rf"{_START}{_PROVINCE} (?:{_CITY} ){{0,2}}(?:{_TOWN} )?{_LOT} (?:산 ?)?{_NUMBER}(?:번지)?"
        rf"{_NOT_COUNTED}{_DETAIL}"), 0.85, cued=0.95, cue=_CUE, deny=None),
    Rule("lot with city", re.compile(
        rf"{_START}{_CITY} (?:{_CITY} )?(?:{_TOWN} )?{_LOT} (?:산 ?)?{_NUMBER}(?:번지)?"
        rf"{_NOT_COUNTED}{_DETAIL}"), 0.65, cued=0.95, cue=_CUE, deny=None),
    Rule("lot at its cue", re.compile(
        rf"{_START}{_LOT} (?:산 ?)?{_NUMBER}(?:번지)?{_NOT_COUNTED}{_DETAIL}"), 0.0,
        cued=0.65, cue=_CUE, deny=None),
)  # fmt: skip
