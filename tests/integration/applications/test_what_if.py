"""What if? An answer for words that nobody has stated, which leaves no trace."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from gateway.agreements import service as agreements
from gateway.applications.models import ResearchProject
from gateway.runtime import Runtime
from policies.vocabulary import Match
from tests import applying
from tests.applying import Cast
from tests.logs import numbered
from tests.people import sign_in

CAN_I = "/api/v1/datasets/patients/can-i"
PAGE = "/datasets/patients"


@pytest.fixture
def client(app: Flask, runtime: Runtime, cast: Cast) -> FlaskClient:
    """The researcher's browser; there is a dataset with data use terms."""
    agreements.sync_files(runtime)
    applying.add_dataset(
        runtime, "patients", content="health", duo=["DUO:0000006", "DUO:0000046", "DUO:0000029"]
    )
    client = app.test_client()
    sign_in(client, cast.researcher)
    return client


def asked(client: FlaskClient, query: str) -> Any:
    answer = client.get(f"{CAN_I}{query}")
    assert answer.status_code == 200, answer.text
    return answer.json


def codes(answer: Any) -> set[str]:
    return {each["code"] for each in answer["blockers"]}


def test_words_change_the_answer_and_nothing_else(client: FlaskClient, runtime: Runtime) -> None:
    before = numbered(runtime)

    now = asked(client, "")
    well = asked(
        client,
        "?purpose=academic_research&uses=analysis&study_kinds=health&non_commercial=true",
    )
    badly = asked(client, "?purpose=education&uses=reidentification&uses=evaluation")

    assert now["data_use"] is None
    assert (well["data_use"]["match"], well["data_use"]["duties"]) == (Match.APPROVE, ["RTN"])
    assert well["confirmed"]
    assert {"REIDENTIFICATION", "DUO_MISMATCH"} <= codes(badly) - codes(now)
    assert numbered(runtime) == before
    with runtime.db.read() as session:
        assert session.scalar(select(func.count()).select_from(ResearchProject)) == 0


def test_a_grant_that_is_held_does_not_answer_for_other_words(
    client: FlaskClient, runtime: Runtime, cast: Cast
) -> None:
    applying.submitted(runtime, cast.researcher, "open-text")

    answer = client.get("/api/v1/datasets/open-text/can-i?purpose=statistics").json

    assert answer is not None
    assert "GRANT_MISSING" in codes(answer)


@pytest.mark.parametrize(
    "query", ["?purpose=fun", "?uses=anything", "?study_months=0", "?surprise=1", "?diseases=x"]
)
def test_words_that_do_not_exist_are_named(client: FlaskClient, query: str) -> None:
    answer = client.get(f"{CAN_I}{query}")

    assert answer.status_code == 422
    assert answer.mimetype == "application/problem+json"


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ("Does not fit the terms", "Never allowed.", "Duties that come with the data")),
        (
            "ko",
            (
                "이용 조건에 맞지 않음",
                "어떤 데이터셋에서도 허용되지 않습니다.",
                "데이터에 따르는 의무",
            ),
        ),
    ],
)
def test_the_page_asks_and_answers_in_both_languages(
    client: FlaskClient, runtime: Runtime, language: str, words: tuple[str, ...]
) -> None:
    before = numbered(runtime)

    page = client.get(
        f"{PAGE}?lang={language}&purpose=academic_research&uses=reidentification&study_kinds=health"
    )

    assert page.status_code == 200
    for word in (*words, "REIDENTIFICATION", "DUO_MISMATCH"):
        assert word in page.text
    assert 'value="reidentification" checked' in page.text
    assert numbered(runtime) == before


def test_a_visitor_may_ask_as_well(app: Flask, client: FlaskClient) -> None:
    visitor = app.test_client()

    page = visitor.get(f"{PAGE}?lang=en&uses=analysis")

    assert page.status_code == 200
    assert "NOT_SIGNED_IN" in page.text
    assert "With these answers" in page.text


def test_a_mistyped_question_is_shown_again(client: FlaskClient) -> None:
    page = client.get(f"{PAGE}?lang=en&purpose=academic_research&study_months=none")

    assert page.status_code == 200
    assert "Please enter a whole number." in page.text
    assert "With these answers" not in page.text


def test_before_anything_is_asked_the_panel_only_offers_to(client: FlaskClient) -> None:
    page = client.get(f"{PAGE}?lang=en").text

    assert "What if my purpose and uses were" in page
    assert "With these answers" not in page
