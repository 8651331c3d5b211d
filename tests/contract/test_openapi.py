"""The OpenAPI document is valid, covers the API, and no fuzzed request breaks the server."""

from __future__ import annotations

import pytest
import schemathesis
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests import people

FUZZ_EXAMPLES = 6


def document(client: FlaskClient) -> dict:
    return client.get("/openapi.json").get_json()


def test_the_document_is_valid_openapi_3_1(client: FlaskClient):
    described = document(client)

    OpenAPIV31SpecValidator(described).validate()
    assert described["openapi"].startswith("3.1")


def test_every_json_route_is_described(app: Flask, client: FlaskClient):
    described = document(client)["paths"]
    rules = {
        rule.rule.replace("<uuid:", "{").replace("<int:", "{").replace("<", "{").replace(">", "}")
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api/")
    }

    assert rules - set(described) == set()


@pytest.mark.parametrize("dialect", ["sqlite"])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("who", ["stranger", "applicant", "steward"])
def test_no_fuzzed_request_is_answered_with_a_server_error(app: Flask, runtime, who: str):
    headers = {} if who == "stranger" else signed_in(app, runtime, who)
    schema = schemathesis.openapi.from_wsgi("/openapi.json", app)

    failures = []
    for operation in (found.ok() for found in schema.get_all_operations()):

        @settings(
            max_examples=FUZZ_EXAMPLES,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def one(case):
            answer = case.call(headers=headers)
            if answer.status_code >= 500:
                failures.append((case.method, case.path, answer.status_code))

        one()
    assert failures == []


def signed_in(app: Flask, runtime, who: str) -> dict[str, str]:
    person = people.make_person(runtime, who)
    if who == "steward":
        people.grant(runtime, person, people.Role.STEWARD)
    return people.bearer(app.test_client(), person)
