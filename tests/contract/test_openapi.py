"""The OpenAPI document is valid, covers the API, and no fuzzed request breaks the server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from openapi_spec_validator import OpenAPIV31SpecValidator
from werkzeug.test import TestResponse

from gateway.app import MAX_BODY_BYTES
from gateway.errors import ProblemCode
from tests.contract.house import OWNER, House
from tests.contract.test_routes import ENDS_SESSION, PROGRAMS, TABLE, filled
from tests.contract.trials import DEFAULT, TRIALS

FUZZ_EXAMPLES = 8
METHODS = {"get", "post", "put", "delete", "patch"}
PROBLEM = "application/problem+json"
CODES = set(ProblemCode)
DESCRIBED = (*PROGRAMS, "/.well-known/authzen-configuration")
# Its body is a file, not JSON.
UPLOAD = "POST /api/v1/exports/results"
# Answered before any body is read: whoever calls is not signed in, or owns the wrong object.
STEWARDS_ONLY = re.compile(r"/(decision|votes|revoke|suspend)$|/approvals\b")


@pytest.fixture
def document(house: House) -> dict[str, Any]:
    found: dict[str, Any] = house.app.test_client().get("/openapi.json").get_json()
    return found


def test_the_document_is_valid_openapi_3_1(document: dict[str, Any]) -> None:
    OpenAPIV31SpecValidator(document).validate()

    assert document["openapi"].startswith("3.1")


def test_every_json_route_is_described_with_its_refusals(document: dict[str, Any]) -> None:
    described = {
        f"{method.upper()} {path}": operation
        for path, each in document["paths"].items()
        for method, operation in each.items()
        if method in METHODS
    }
    routes = {_templated(line) for line in TABLE if line.split()[1].startswith(DESCRIBED)}

    assert set(described) == routes
    assert all(operation["summary"] and operation["tags"] for operation in described.values())
    assert all({"401", "422"} <= set(each["responses"]) for each in described.values())


def test_what_needs_no_session_is_described_as_public(document: dict[str, Any]) -> None:
    public = {
        f"{method.upper()} {path}"
        for path, each in document["paths"].items()
        for method, operation in each.items()
        if method in METHODS and operation.get("security", document.get("security")) in ([], [{}])
    }
    open_to_all = {
        _templated(line)
        for line, answers in TABLE.items()
        if line.split()[1].startswith(DESCRIBED) and answers.split()[0] == "200"
    }

    assert public == open_to_all | {"POST /api/v1/session", "POST /api/v1/crowd-workers"}


def _templated(line: str) -> str:
    method, rule = line.split()[:2]
    return f"{method} " + re.sub(r"<(?:[^:>]+:)?([^>]+)>", r"{\1}", rule)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("who", ["stranger", "owner", "steward", "committee", "auditor"])
def test_no_fuzzed_request_breaks_the_server_or_its_word(house: House, who: str) -> None:
    schema = schemathesis.openapi.from_wsgi("/openapi.json", house.app)
    wrong: list[object] = []
    for operation in (found.ok() for found in schema.get_all_operations()):
        wrong += _fuzzed(house, who, operation)

    assert wrong == []


def _fuzzed(house: House, who: str, operation: Any) -> list[object]:
    wrong: list[object] = []

    @settings(
        max_examples=FUZZ_EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def one(case: Any) -> None:
        answer = case.call(headers=house.bearers[who])
        said = answer.headers.get("content-type", [""])[0]
        broken = answer.status_code >= 500 or (
            answer.status_code >= 400
            and (not said.startswith(PROBLEM) or answer.json().get("code") not in CODES)
        )
        documented = str(answer.status_code) in operation.definition.raw["responses"]
        if broken or not documented:
            wrong.append((case.method, case.formatted_path, answer.status_code, said))

    one()
    if f"{operation.method.upper()} {operation.path}" in ENDS_SESSION:
        house.enter(who)
    return wrong


def taking_json(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Every route with a JSON body, with somebody who may send it."""
    for line in (each for each in TABLE if "/api/" in each and each != UPLOAD):
        method, path = _templated(line).split()
        if "requestBody" in document["paths"][path][method.lower()]:
            yield line, "steward" if STEWARDS_ONLY.search(line) else OWNER


def send(house: House, line: str, who: str, data: bytes, media: str) -> TestResponse:
    """Send a raw body."""
    who = "committee" if line.endswith("/votes") else "auditor" if "/audit/" in line else who
    method, rule = line.split()[:2]
    address = filled(rule, TRIALS.get(line, DEFAULT).params(house))
    client = house.app.test_client(use_cookies=False)
    return client.open(
        address, method=method, data=data, content_type=media, headers=house.bearers[who]
    )


BAD_BODIES = [
    ("malformed", b'{"a": ', "application/json", 400, ProblemCode.BAD_REQUEST),
    ("not an object", b"[1, 2]", "application/json", 400, ProblemCode.BAD_REQUEST),
    ("repeated name", b'{"a": 1, "a": 2}', "application/json", 400, ProblemCode.BAD_REQUEST),
    ("not UTF-8", b'{"a": "\xff"}', "application/json", 400, ProblemCode.BAD_REQUEST),
    ("deep", b"[" * 16_000, "application/json", 400, ProblemCode.BAD_REQUEST),
    ("wrong type", b"<a/>", "application/xml", 415, ProblemCode.UNSUPPORTED_MEDIA_TYPE),
    ("unknown field", b'{"unheard_of": 1}', "application/json", 422, ProblemCode.VALIDATION_FAILED),
    (
        "oversized",
        b'{"a": "' + b"x" * MAX_BODY_BYTES + b'"}',
        "application/json",
        413,
        ProblemCode.TOO_LARGE,
    ),
]


@pytest.mark.parametrize(
    ("data", "media", "status", "code"),
    [each[1:] for each in BAD_BODIES],
    ids=[each[0] for each in BAD_BODIES],
)
def test_a_bad_body_is_refused_by_every_route_that_takes_one(
    house: House, document: dict[str, Any], data: bytes, media: str, status: int, code: ProblemCode
) -> None:
    answered = {}
    for line, who in taking_json(document):
        answer = send(house, line, who, data, media)
        answered[line] = (answer.status_code, answer.mimetype, (answer.json or {}).get("code"))

    assert len(answered) > 10
    expected = (status, PROBLEM, code)
    assert {line: got for line, got in answered.items() if got != expected} == {}


LISTS = ("grants", "datasets", "access-log", "exports", "applications")


@pytest.mark.parametrize("query", ["limit=x", "limit=0", "limit=-1", "cursor=forged"])
def test_every_list_refuses_a_bad_page(house: House, query: str) -> None:
    client = house.app.test_client(use_cookies=False)
    answered = {}
    for name in LISTS:
        answer = client.get(f"/api/v1/{name}?{query}", headers=house.bearers[OWNER])
        answered[name] = (answer.status_code in {400, 422}, answer.mimetype)

    assert set(answered.values()) == {(True, PROBLEM)}, answered
