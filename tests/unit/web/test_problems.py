from __future__ import annotations

from typing import Any

import pytest


def test_a_program_gets_rfc_9457_with_every_blocker(client: Any) -> None:
    answer = client.get("/api/v1/deny", headers={"Accept-Language": "en"})

    assert answer.status_code == 403
    assert answer.content_type == "application/problem+json"
    assert answer.json["code"] == "access_denied"
    assert answer.json["blockers"][0]["code"] == "GRANT_EXPIRED"
    assert answer.json["request_id"] == answer.headers["X-Request-Id"]


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("ko", ["이용 불가", "이용 기간이 끝났습니다.", "기간 연장을 신청해 주십시오.", "신청인"]),
        ("en", ["Access denied", "The grant has expired.", "Apply for a renewal.", "Applicant"]),
    ],
)
def test_a_person_gets_a_page_with_reason_remedy_and_who(
    client: Any, language: str, words: list[str]
) -> None:
    page = client.get(f"/deny?lang={language}").text

    assert all(word in page for word in words)
    assert f'<html lang="{language}">' in page


def test_a_browser_path_answers_json_to_whoever_prefers_it(client: Any) -> None:
    answer = client.get("/deny", headers={"Accept": "application/json"})

    assert answer.json["code"] == "access_denied"


def test_an_unknown_page_is_a_page_and_an_unknown_route_is_json(client: Any) -> None:
    assert "찾을 수 없습니다" in client.get("/nowhere").text
    assert client.get("/api/v1/nowhere").json["code"] == "not_found"
    assert client.get("/d/token/file").json["code"] == "not_found"


def test_a_wrong_method_names_the_right_ones(client: Any) -> None:
    answer = client.delete("/api/v1/order")

    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]


def test_retry_after_reaches_the_header(client: Any) -> None:
    answer = client.get("/api/v1/slow")

    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "17"


def test_an_unexpected_error_shows_a_request_number_and_nothing_inside(
    client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    answer = client.get("/boom")

    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert answer.headers["X-Request-Id"] in answer.text
    assert "a secret inside" in caplog.text


def test_markup_in_an_address_is_escaped(client: Any) -> None:
    page = client.get("/nowhere?x=<script>alert(1)</script>").text

    assert "<script" not in page
