from __future__ import annotations

from typing import Any

import pytest


def test_json_and_a_form_make_the_same_model(client: Any) -> None:
    by_json = client.post("/api/v1/order", json={"title": "흉부 CT", "tags": ["a", "b"]})
    by_form = client.post("/api/v1/order", data={"title": "흉부 CT", "tags": ["a", "b"]})

    assert by_json.json == by_form.json == {"title": "흉부 CT", "copies": 1, "tags": ["a", "b"]}


def test_an_empty_field_of_a_form_counts_as_absent(client: Any) -> None:
    answer = client.post("/api/v1/order", data={"title": "abc", "copies": "", "csrf_token": "x"})

    assert answer.json["copies"] == 1


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b"null",
        b"\xff",
        b'{"title": "abc", "title": "def"}',
        b'{"title": NaN}',
        b'{"title": "a\\u0000bc"}',
        b'{"title": "\\ud800bc"}',
        b"[" * 5_000,
    ],
)
def test_a_body_that_cannot_be_read_is_400(client: Any, body: bytes) -> None:
    answer = client.post("/api/v1/order", data=body, content_type="application/json")

    assert answer.status_code == 400
    assert answer.json["code"] == "bad_request"


def test_another_media_type_is_415(client: Any) -> None:
    answer = client.post("/api/v1/order", data=b"<a/>", content_type="application/xml")

    assert answer.status_code == 415


def test_an_oversized_body_is_413(client: Any) -> None:
    answer = client.post("/api/v1/order", json={"title": "x" * 20_000})

    assert answer.status_code == 413
    assert answer.json["code"] == "too_large"


def test_every_wrong_field_is_named_in_the_readers_language(client: Any) -> None:
    body = {"title": "a", "copies": 0, "colour": "red"}
    korean = client.post("/api/v1/order?lang=ko", json=body)
    english = client.post("/api/v1/order?lang=en", json=body)

    assert korean.status_code == english.status_code == 422
    assert {each["field"] for each in korean.json["errors"]} == {"title", "copies", "colour"}
    assert korean.json["errors"][0]["message"] == "3자 이상 입력해 주십시오."
    assert english.json["errors"][0]["message"] == "Please write at least 3 characters."


def test_a_models_own_validator_speaks_both_languages(client: Any) -> None:
    korean = client.post("/api/v1/order?lang=ko", json={"title": "ABC"})
    english = client.post("/api/v1/order?lang=en", json={"title": "ABC"})

    assert korean.json["errors"][0]["message"] == "대문자로만 쓸 수 없습니다."
    assert english.json["errors"][0]["message"] == "Please do not shout."


def test_a_field_given_twice_is_refused_unless_the_model_wants_a_list(client: Any) -> None:
    answer = client.post("/api/v1/order", data={"title": ["abc", "def"]})

    assert answer.status_code == 422
    assert answer.json["errors"][0]["field"] == "title"


def test_a_form_comes_back_with_what_the_person_typed(client: Any) -> None:
    answer = client.post("/again", data={"title": "a", "copies": "many", "tags": "x"})

    assert set(answer.json["errors"]) == {"title", "copies"}
    assert answer.json["raw"] == {"title": "a", "copies": "many", "tags": ["x"]}
