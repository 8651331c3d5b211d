"""Why an export could not be finished, in words, with what to do next."""

from __future__ import annotations

from enum import StrEnum


class Failure(StrEnum):
    """The codes of a failed export."""

    NOT_ALLOWED = "not_allowed"
    CONTENT_LOST = "content_lost"
    UNAVAILABLE = "unavailable"
    DIED = "died"


SENTENCES: dict[Failure, tuple[str, str]] = {
    Failure.NOT_ALLOWED: (
        "처리하는 동안 이용 권한의 조건이 바뀌어 만들지 않았습니다. 이용 권한을 확인한 뒤 다시"
        " 신청해 주십시오.",
        "The grant no longer allowed it when it was to be put together. Look at your grant, then"
        " ask again.",
    ),
    Failure.CONTENT_LOST: (
        "저장된 파일 가운데 읽을 수 없거나 기록과 다른 파일이 있습니다. 운영자에게 이 반출의 번호를"
        " 알려 주십시오.",
        "A stored file cannot be read or differs from its record. Tell the operator the number of"
        " this export.",
    ),
    Failure.UNAVAILABLE: (
        "저장소나 검사기를 여러 번 시도했으나 사용할 수 없었습니다. 잠시 뒤 다시 신청해 주십시오.",
        "The store or the scanner could not be used, in several attempts. Ask again later.",
    ),
    Failure.DIED: (
        "처리하던 작업이 여러 번 중단되었습니다. 더 작게 나누어 다시 신청하고, 반복되면 운영자에게"
        " 알려 주십시오.",
        "The work on it broke off several times. Ask again for less at a time; if it happens"
        " again, tell the operator.",
    ),
}
