"""The client of the tax service against a server that speaks its format, well and badly."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from gateway.config import load
from gateway.identity.tax_service import TaxService
from gateway.identity.verifier import BusinessState, Match
from gateway.security.outbound import Outbound
from tests.parts import tax_service as stub

NUMBER, OTHER_NUMBER = "1234567891", "2208189990"
OPENED, NAME = date(2019, 3, 4), "홍길동"


@pytest.fixture
def register() -> Iterator[stub.Register]:
    with stub.serving() as found:
        found.right = (NUMBER, "20190304", NAME)
        yield found


@pytest.fixture
def service(register: stub.Register) -> TaxService:
    """The stub is at a private address, so an operator names its network."""
    environment = {
        "SUMUN_TAX_SERVICE_URL": register.url,
        "SUMUN_TAX_SERVICE_KEY": stub.KEY,
        "SUMUN_OUTBOUND_NETWORKS": "127.0.0.0/8",
    }
    return TaxService.of(load(environment))


def test_states_and_registrations_are_told_apart(
    service: TaxService, register: stub.Register
) -> None:
    register.states = {"1": "01", "2": "02", "3": "03", "4": "04"}

    found = service.states(["1", "2", "3", "4", "5"])

    assert list(found.values()) == ["operating", "suspended", "closed", "unknown", "unknown"]
    assert service.matches(NUMBER, OPENED, NAME) is Match.SAME
    assert service.matches(NUMBER, OPENED, "남의이름") is Match.DIFFERENT


def test_no_call_asks_about_more_than_a_hundred(
    service: TaxService, register: stub.Register
) -> None:
    numbers = [f"{number:010}" for number in range(250)]
    register.states = dict.fromkeys(numbers, "01")

    assert set(service.states(numbers).values()) == {BusinessState.OPERATING}
    assert register.calls == [100, 100, 50]


def rows(*data: Any) -> bytes:
    return json.dumps({"status_code": "OK", "data": list(data)}).encode()


CLOSED = {"b_no": NUMBER, "b_stt_cd": "03", "valid": "01"}
UNCLEAR = {
    "http error": (500, rows(CLOSED)),
    "refused key": (401, rows(CLOSED)),
    "redirect": (302, rows(CLOSED)),
    "created": (201, rows(CLOSED)),
    "no JSON": (200, b"<html>"),
    "no UTF-8": (200, b'{"data": "\xff"}'),
    "a list": (200, b"[]"),
    "no data": (200, b"{}"),
    "data is no list": (200, b'{"data": "03"}'),
    "rows are no objects": (200, rows("03")),
    "null rows": (200, rows(None)),
    "number is a list": (200, rows({"b_no": [NUMBER], "b_stt_cd": "03", "valid": "01"})),
    "another number": (200, rows({"b_no": OTHER_NUMBER, "b_stt_cd": "03", "valid": "01"})),
    "the same twice": (200, rows(CLOSED, CLOSED)),
    "one too many": (200, rows(CLOSED, {"b_no": OTHER_NUMBER})),
    "code is a number": (200, rows({"b_no": NUMBER, "b_stt_cd": 3, "valid": 1})),
    "unknown code": (200, rows({"b_no": NUMBER, "b_stt_cd": "3", "valid": "1"})),
    "no code": (200, rows({"b_no": NUMBER})),
    "too deep": (200, b"[" * 100_000),
    "too long": (200, b" " * (2 << 20)),
    "empty": (200, b""),
}


@pytest.mark.parametrize("answer", UNCLEAR.values(), ids=UNCLEAR)
def test_whatever_is_unclear_verifies_nothing_and_closes_nothing(
    service: TaxService,
    register: stub.Register,
    answer: tuple[int, bytes],
    capfd: pytest.CaptureFixture[str],
) -> None:
    register.answer = answer

    assert service.states([NUMBER]) == {NUMBER: BusinessState.UNKNOWN}
    assert service.matches(NUMBER, OPENED, NAME) is Match.UNKNOWN
    told = "".join(capfd.readouterr())
    assert stub.KEY not in told
    assert "serviceKey" not in told


def test_a_silent_or_private_service_is_unknown(register: stub.Register) -> None:
    register.silent = True
    private = TaxService(register.url, stub.KEY, Outbound(()))
    allowed = load({"SUMUN_OUTBOUND_NETWORKS": "127.0.0.0/8"}).outbound_networks
    silent = TaxService(register.url, stub.KEY, Outbound(allowed, seconds=0.3))

    assert private.states([NUMBER]) == {NUMBER: BusinessState.UNKNOWN}
    assert silent.states([NUMBER]) == {NUMBER: BusinessState.UNKNOWN}
    assert silent.matches(NUMBER, OPENED, NAME) is Match.UNKNOWN


def test_the_key_is_never_shown() -> None:
    settings = load({"SUMUN_TAX_SERVICE_KEY": stub.KEY})

    assert stub.KEY not in repr(settings)
    assert stub.KEY not in settings.model_dump_json()
