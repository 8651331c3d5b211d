"""Why an answer in a provider's name was not believed: codes for the log, words for people."""

from __future__ import annotations

from enum import StrEnum

from gateway.errors import Problem, ProblemCode


class Refusal(StrEnum):
    """The reasons, as the audit log keeps them."""

    STATE = "state_unknown"
    PROVIDER_ERROR = "provider_error"
    CANCELLED = "cancelled"
    ANSWER = "answer_malformed"
    ISSUER = "issuer_wrong"
    ISSUER_MISSING = "issuer_missing"
    METADATA = "metadata_wrong"
    KEYS = "keys_unusable"
    UNREACHABLE = "provider_unreachable"
    TOKEN_ANSWER = "token_answer_wrong"
    NO_ID_TOKEN = "id_token_missing"
    MALFORMED = "id_token_malformed"
    ALGORITHM = "algorithm_not_allowed"
    KEY = "key_unknown"
    SIGNATURE = "signature_wrong"
    AUDIENCE = "audience_wrong"
    AUTHORIZED_PARTY = "authorized_party_wrong"
    EXPIRED = "expired"
    TIMES = "times_wrong"
    NONCE = "nonce_wrong"
    ACCESS_TOKEN_HASH = "access_token_hash_wrong"
    SUBJECT = "subject_wrong"
    USERINFO = "userinfo_wrong"
    OTHER_PERSON = "other_person"
    UNSIGNED_FOR_STAFF = "unsigned_for_staff"
    LINKED_ELSEWHERE = "linked_elsewhere"


class Refused(Exception):
    """An answer that is not believed. The message is for operators, and holds no secret."""

    def __init__(self, reason: Refusal, why: str = "") -> None:
        super().__init__(f"{reason}: {why}" if why else str(reason))
        self.reason = reason


_WORDS = {
    Refusal.STATE: (
        "이 로그인 절차는 이미 끝났거나 10분이 지났거나 다른 브라우저에서 시작되었습니다.",
        "This sign-in was already finished, is older than ten minutes, or was begun in another "
        "browser.",
    ),
    Refusal.CANCELLED: (
        "외부 계정 로그인이 취소되었습니다.",
        "The sign-in with the outside account was cancelled.",
    ),
    Refusal.OTHER_PERSON: (
        "연결을 시작한 로그인 상태가 그 사이에 바뀌었습니다.",
        "You are no longer signed in as the person who began to link.",
    ),
    Refusal.UNSIGNED_FOR_STAFF: (
        "담당 역할이 있는 계정은 서명된 신원 확인을 주지 않는 외부 계정으로 로그인할 수 없습니다.",
        "People with a staff role cannot sign in through a provider whose answers are not signed.",
    ),
    Refusal.LINKED_ELSEWHERE: (
        "이 외부 계정은 이미 다른 계정에 연결되어 있거나, 같은 기관의 외부 계정이 이미 연결되어 "
        "있습니다.",
        "This outside account is linked to another account already, or yours has one of the same "
        "provider.",
    ),
}
_GENERAL = (
    "외부 계정 제공 기관의 답변을 확인할 수 없어 로그인하지 않았습니다({reason}).",
    "The provider's answer could not be verified, so nobody was signed in ({reason}).",
)
_UNAVAILABLE = frozenset({Refusal.UNREACHABLE, Refusal.METADATA, Refusal.KEYS})


def problem(reason: Refusal) -> Problem:
    """What the person reads."""
    if reason in _UNAVAILABLE:
        return Problem(ProblemCode.PROVIDER_UNAVAILABLE, reason=str(reason))
    ko, en = _WORDS.get(reason, _GENERAL)
    return Problem(
        ProblemCode.PROVIDER_REFUSED,
        ko.format(reason=reason),
        en.format(reason=reason),
        reason=str(reason),
    )
