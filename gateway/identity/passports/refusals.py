"""Why a visa or a passport was not believed: codes for the log, words for people."""

from __future__ import annotations

from enum import StrEnum

from gateway.errors import Problem, ProblemCode


class Reason(StrEnum):
    """The reasons, as the audit log keeps them."""

    MALFORMED = "malformed"
    TOO_LARGE = "too_large"
    TYP = "typ_wrong"
    ALGORITHM = "algorithm_not_allowed"
    OWN_KEY = "brings_its_own_key"
    ISSUER = "issuer_not_trusted"
    JKU = "jku_not_trusted"
    KEYS = "keys_unusable"
    KEY = "key_unknown"
    SIGNATURE = "signature_wrong"
    EXPIRED = "expired"
    NOT_YET = "not_yet_valid"
    AUDIENCE = "audience_wrong"
    SUBJECT = "subject_not_linked"
    TYPE = "type_not_accepted"
    SOURCE = "source_not_trusted"
    BY = "authority_not_accepted"
    CONDITIONS = "conditions_not_met"
    TOO_OLD = "too_old"
    ENDED = "ended_here"


class BadVisa(Exception):
    """A visa or passport that does not hold. The message is for operators."""

    def __init__(self, reason: Reason, why: str = "") -> None:
        super().__init__(f"{reason}: {why}" if why else str(reason))
        self.reason = reason


_AGAIN = (
    "발급 기관에서 새로 받아 다시 가져와 주십시오.",
    "Get a new one from its issuer and bring that.",
)
_UNTRUSTED = (
    "여기서 신뢰하는 발급 기관의 것이 아닙니다. 필요하면 운영자에게 등록을 요청해 주십시오.",
    "It is not of an issuer that this data dam trusts. Ask the operator to add the issuer.",
)
_NOT_MEANT = (
    "이 데이터 댐에서 받는 종류의 비자가 아닙니다. 무엇을 받는지 운영자에게 물어봐 주십시오.",
    "It is not of a kind that is taken here. Ask the operator what is.",
)
_UNCHECKED = (
    "발급 기관의 것인지 확인할 수 없습니다. 발급 기관에서 새로 받아 주십시오.",
    "It could not be verified as its issuer's. Get a new one from the issuer.",
)
_LONG = (
    "너무 큽니다. 비자를 나누어 가져와 주십시오.",
    "It is too large. Bring fewer visas at a time.",
)
_WORDS: dict[Reason, tuple[str, str]] = {
    Reason.MALFORMED: ("형식이 올바르지 않습니다. " + _AGAIN[0], "It is malformed. " + _AGAIN[1]),
    Reason.TOO_LARGE: _LONG,
    Reason.ISSUER: _UNTRUSTED,
    Reason.SOURCE: _UNTRUSTED,
    Reason.JKU: _UNTRUSTED,
    Reason.TYPE: _NOT_MEANT,
    Reason.BY: _NOT_MEANT,
    Reason.KEYS: (
        "발급 기관의 공개 키를 지금 읽을 수 없습니다. 잠시 뒤 다시 시도해 주십시오.",
        "The issuer's keys cannot be read at present. Try again later.",
    ),
    Reason.EXPIRED: ("유효 기간이 지났습니다. " + _AGAIN[0], "It has expired. " + _AGAIN[1]),
    Reason.TOO_OLD: ("확인된 지 너무 오래되었습니다. " + _AGAIN[0], "It is too old. " + _AGAIN[1]),
    Reason.NOT_YET: (
        "아직 유효하지 않습니다. 유효해진 뒤 다시 가져와 주십시오.",
        "It is not valid yet. Bring it again when it is.",
    ),
    Reason.AUDIENCE: (
        "다른 곳에 내도록 발급된 것입니다. 이 데이터 댐을 위해 새로 받아 주십시오.",
        "It was issued for somewhere else. Get one for this data dam.",
    ),
    Reason.SUBJECT: (
        "이 계정에 연결된 외부 계정의 비자가 아닙니다. "
        "먼저 계정 화면에서 그 외부 계정을 연결해 주십시오.",
        "It is not of an outside account that is linked to this one. Link that account first.",
    ),
    Reason.CONDITIONS: (
        "비자에 걸린 조건을 만족하는 다른 비자가 없습니다. 그 비자와 함께 가져와 주십시오.",
        "No other visa meets its conditions. Bring it together with the visas it asks for.",
    ),
    Reason.ENDED: (
        "여기서 이미 효력이 끝난 확인입니다. 발급 기관에서 새로 확인받아 주십시오.",
        "What it says was ended here already. Have its issuer assert it anew.",
    ),
}


def words(reason: Reason) -> tuple[str, str]:
    """What the person reads and does next, in Korean and English."""
    return _WORDS.get(reason, _UNCHECKED)


def problem(reason: Reason) -> Problem:
    """The refusal of a whole passport."""
    ko, en = words(reason)
    return Problem(ProblemCode.PASSPORT_REFUSED, ko, en, reason=str(reason))
