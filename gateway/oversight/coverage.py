"""What the log does not cover, in plain words: it stands on the page and in every report."""

from __future__ import annotations

from gateway.oversight.words import Sentence

NOT_COVERED = (
    Sentence(
        "제공한 뒤의 데이터가 어떻게 쓰였는지는 기록에 없습니다. 누가 받았는지만 기록합니다.",
        "What happens to data after it was served. The log says who got it.",
    ),
    Sentence(
        "수문을 거치지 않고 서버의 데이터베이스나 파일을 직접 읽은 일은 기록에 없습니다. "
        "기록을 고친 일은 검증으로 드러납니다.",
        "Reading the database or files on the host without going through the gateway. "
        "Changes to the log itself are found by verification.",
    ),
    Sentence(
        "외부 확인자나 체크포인트를 보관한 사람이 없으면, 기록 전체를 같은 키로 다시 쓴 일은 "
        "드러나지 않습니다.",
        "A log rewritten as a whole with its own key, as long as no witness and nobody else has "
        "kept a checkpoint.",
    ),
    Sentence(
        "시각은 서버의 시계를 따릅니다. 순서는 기록 번호로 정해집니다.",
        "The true time: moments are those of the host's clock; the order is that of the indexes.",
    ),
    Sentence(
        "공개 페이지와 데이터셋 목록을 본 일은 기록에 없습니다.",
        "Reading public pages and the catalogue.",
    ),
    Sentence(
        "형식이 잘못된 요청은 여러 건을 한 건으로 묶어 기록할 수 있습니다.",
        "Malformed requests one by one: one entry may stand for many.",
    ),
    Sentence(
        "프런트 서버나 저장소가 대신 보낸 데이터는 그 서버가 알려 온 만큼만 기록합니다.",
        "Bytes that a front server or the object store sent: the log has what they reported.",
    ),
)
