"""What is found, with Korean particles attached, and what is left alone."""

from __future__ import annotations

import itertools
import random
import time

import pytest

from gateway.scanning.engines.analyzer import analyze, engine, recognizers
from gateway.scanning.engines.checks import brn_check, corp_check, iban_length, luhn, rrn_check

BOTH = frozenset({"ko", "en"})

FOUND = [
    ("카드 4111-1111-1111-1111로 결제", "4111-1111-1111-1111", "CREDIT_CARD"),
    ("192.168.0.10에서 접속", "192.168.0.10", "IP_ADDRESS"),
    ("메일은hong@example.com으로", "hong@example.com", "EMAIL_ADDRESS"),
    ("00:1A:2B:3C:4D:5E를 확인", "00:1A:2B:3C:4D:5E", "MAC_ADDRESS"),
    ("주소 fe80::1ff:fe23:4567:890a에", "fe80::1ff:fe23:4567:890a", "IP_ADDRESS"),
    ("주민번호는 900101-1234568입니다", "900101-1234568", "KR_RRN"),
    ("외국인 900101-5234567은", "900101-5234567", "KR_FRN"),
    ("여권 M12345678을", "M12345678", "KR_PASSPORT"),
    ("M123A4567로 출국", "M123A4567", "KR_PASSPORT"),
    ("면허 11-12-345678-90이며", "11-12-345678-90", "KR_DRIVER_LICENSE"),
    ("면허번호 서울 12-345678-90", "서울 12-345678-90", "KR_DRIVER_LICENSE"),
    ("사업자등록번호 123-45-67890은", "123-45-67890", "KR_BRN"),
    ("법인등록번호 110111-0012345는", "110111-0012345", "KR_CORP_REG"),
    ("010-1234-5678로 전화", "010-1234-5678", "KR_PHONE_NUMBER"),
    ("01012345678로", "01012345678", "KR_PHONE_NUMBER"),
    ("02)123-4567에", "02)123-4567", "KR_PHONE_NUMBER"),
    ("대표 1588-1234로", "1588-1234", "KR_PHONE_NUMBER"),
    ("+82-10-1234-5678로", "+82-10-1234-5678", "KR_PHONE_NUMBER"),
    ("국민은행 123456-12-123456으로 입금", "123456-12-123456", "KR_BANK_ACCOUNT"),
    ("계좌번호: 11012345678901로", "11012345678901", "KR_BANK_ACCOUNT"),
    ("12가3456을 견인", "12가3456", "KR_VEHICLE_PLATE"),
    ("서울12나3456이", "서울12나3456", "KR_VEHICLE_PLATE"),
    ("서울특별시 강남구 테헤란로 123, 4층에", "서울특별시 강남구 테헤란로 123, 4층", "KR_ADDRESS"),
    ("성남시 분당구 삼평동 123-4번지에", "성남시 분당구 삼평동 123-4번지", "KR_ADDRESS"),
    ("건강보험증 번호 1-1234567890", "1-1234567890", "KR_HEALTH_INSURANCE"),
    ("환자명: 홍길동(남)", "홍길동", "PERSON"),
    ("이름은 김철수입니다", "김철수", "PERSON"),
    ("Name: Jane Roe,", "Jane Roe", "PERSON"),
    ("SSN 123-45-6789", "123-45-6789", "US_SSN"),
    ("GB82 WEST 1234 5698 7654 32 AND", "GB82 WEST 1234 5698 7654 32", "IBAN_CODE"),
    ("+1 212-555-0199로", "+1 212-555-0199", "PHONE_NUMBER"),
    ("AKIAIOSFODNN7EXAMPLE을", "AKIAIOSFODNN7EXAMPLE", "SECRET"),
    ("-----BEGIN RSA PRIVATE KEY-----", "-----BEGIN RSA PRIVATE KEY-----", "SECRET"),
    ("https://user:hunter2@example.com/", "user:hunter2", "SECRET"),
]


@pytest.mark.parametrize(("text", "value", "kind"), FOUND, ids=[row[2] for row in FOUND])
def test_a_value_is_found_exactly_though_a_particle_follows(
    text: str, value: str, kind: str
) -> None:
    hits = analyze(text, BOTH)

    assert (value, kind) in [(text[h.start : h.end], h.entity_type) for h in hits]


@pytest.mark.parametrize(
    "text",
    [
        "version 1.2.3.4로 올렸습니다",
        "주문번호 12345678901234를 확인",
        "송장 4111111111111111",
        "ISBN 978-89-01-12345-6",
        "2024-01-02 10:20:30에",
        "금액 1,234,567원",
        "1592-1598년 임진왜란",
        "12조 3456억원",
        "icon@2x.png 파일",
        "타임스탬프 1612041234567",
        "앞으로 3명이 더",
        "이름: 없음",
        "3.141592653589793",
        "제3장 1.2.3.4 절",
        "127.0.0.1",
        "비밀번호: 여덟 글자 이상",
    ],
)
def test_what_only_looks_like_personal_data_is_left_alone(text: str) -> None:
    assert analyze(text, BOTH) == []


def test_a_failed_check_digit_does_not_clear_a_resident_number() -> None:
    valid, failed = "900101-1234568", "900101-1234567"

    scores = [analyze(number, BOTH)[0].score_permille for number in (valid, failed)]

    assert rrn_check(valid)
    assert not rrn_check(failed)
    assert scores[0] > scores[1] >= 850


def test_checks_agree_with_published_examples() -> None:
    assert luhn("4111 1111 1111 1111")
    assert brn_check("124-81-00998")
    assert corp_check("130111-0006246")
    assert iban_length("DE89370400440532013000AB") == 22


def test_korean_kinds_are_sought_only_when_korean_is_asked_for() -> None:
    text = "010-1234-5678 hong@example.com"

    kinds = {hit.entity_type for hit in analyze(text, frozenset({"en"}))}

    assert kinds == {"EMAIL_ADDRESS"}


def test_presidio_itself_runs_every_recognizer() -> None:
    names = {recognizer.name for recognizer in engine(BOTH).registry.recognizers}

    assert names == {recognizer.name for recognizer in recognizers(BOTH)}
    assert len(names) >= 20


@pytest.mark.parametrize(
    "unit",
    ["1", "1-", "a@", "a.", "가", "서울 ", "12:", "AB12 ", "+1 ", "eyJ", "password:", "이름: ",
     "서울시 가로 ", "1.", "성명:\t\t\t", "-----BEGIN ", "010-", "3333-"],
)  # fmt: skip
def test_adversarial_text_takes_time_in_proportion_to_its_length(unit: str) -> None:
    def spent(length: int) -> float:
        text = (unit * length)[:length]
        begun = time.process_time()
        analyze(text, BOTH)
        return time.process_time() - begun

    short, long = min(spent(4_000) for _ in range(3)), spent(32_000)

    assert long < 40 * max(short, 0.005)


def test_random_noise_never_breaks_the_recognizers() -> None:
    source = random.Random(7)
    letters = "0123456789-.:@ +가로동길구호a()[]A\n=이름성명주민카드"

    for _ in range(200):
        text = "".join(source.choices(letters, k=400))
        hits = analyze(text, BOTH)
        assert all(a.end <= b.start for a, b in itertools.pairwise(hits))
