"""Why an export is held, in words."""

from __future__ import annotations

from enum import StrEnum

from gateway.scanning.model import Verdict

PASSING = frozenset({Verdict.CLEAN, Verdict.EXPECTED})


class Held(StrEnum):
    """The reasons for which an export waits for a steward; the first that holds is told first."""

    FINDINGS = "findings"
    AT_A_SEAT = "at_a_seat"
    SAFE_ZONE = "safe_zone"


SENTENCES: dict[Held, tuple[str, str]] = {
    Held.FINDINGS: (
        "데이터셋의 포함 개인정보 명세에 없는 것이 검출되어 데이터 관리 담당자가 확인합니다."
        " 종류와 위치는 아래에 있으며, 값 자체는 어디에도 표시하지 않습니다.",
        "The scan found something that the dataset does not declare. A data steward looks at it."
        " The kinds and places are listed below; the values themselves are shown nowhere.",
    ),
    Held.AT_A_SEAT: (
        "안심존 좌석에서, 또는 안심존 이용 중에 제출한 결과물입니다. 어느 이용 권한으로 제출했든"
        " 안심존 데이터의 데이터 관리 담당자가 나가기 전에 검토합니다.",
        "It was handed in from a seat of a safe zone, or during a session there. Whatever grant it"
        " names, a data steward of the safe zone's data reviews it before it leaves.",
    ),
    Held.SAFE_ZONE: (
        "명세에 없는 것은 검출되지 않았습니다. 안심존에서 나온 결과물은 나가기 전에 항상 데이터"
        " 관리 담당자가 검토합니다.",
        "Nothing undeclared was found. Results from a safe zone are always reviewed by a data"
        " steward before they leave.",
    ),
}


def reasons(verdict: str | None, at_a_seat: bool) -> tuple[Held, ...]:
    """Why a held export is held. A result that waits although nothing was found is of a zone."""
    found = (Held.FINDINGS,) if verdict not in PASSING else ()
    zone = (Held.AT_A_SEAT,) if at_a_seat else ()
    return found + zone or (Held.SAFE_ZONE,)
