"""Every route answers everybody as `routes.toml` says, on both databases, and never with a 5xx.

A line of the table names a method and a rule, and the status for each column in the order of
`house.COLUMNS`. A word after the rule tells another object of the same route apart.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from gateway.errors import PROBLEMS, ProblemCode
from gateway.identity.refusals import ROLE_NAMES
from tests.contract.house import COLUMNS, STRANGER, WORKER, House
from tests.contract.trials import DEFAULT, TRIALS

TABLE_FILE = Path(__file__).with_name("routes.toml")
TABLE: dict[str, str] = tomllib.loads(TABLE_FILE.read_text())
UNTRIED = {"HEAD", "OPTIONS"}
FORBIDDEN = 403
FORBIDDEN_TITLE = PROBLEMS[ProblemCode.FORBIDDEN].title_ko
WHO = re.compile(
    "|".join(
        [
            *(ko for ko, _en in ROLE_NAMES.values()),
            "기관의 관리자",
            "신청인",
            "본인",
            "좌석",
            "초대받은",
        ]
    )
)
# Read by programs: JSON and a bearer, or the token of the session that a browser has.
PROGRAMS = ("/api/", "/access/v1/")
# After these the person has no session any more and signs in anew.
ENDS_SESSION = {
    "POST /sign-out",
    "POST /oauth2/authorize/again",
    "DELETE /api/v1/session",
    "POST /account/identities/<uuid:identity_id>/end",
    "DELETE /api/v1/identities/<uuid:identity_id>",
    "POST /account/sessions/end-others",
}


def routes(app: Flask) -> set[str]:
    """Every method and rule of the application."""
    return {
        f"{method} {rule.rule}"
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - UNTRIED
    }


def without_variant(line: str) -> str:
    return " ".join(line.split()[:2])


def ask(house: House, line: str, who: str, elsewhere: dict[str, Any] | None = None) -> int:
    """Send what `line` stands for as `who`, or the same about another object; the status."""
    return answer(house, line, who, elsewhere).status_code


def answer(
    house: House, line: str, who: str, elsewhere: dict[str, Any] | None = None
) -> TestResponse:
    """The same; the whole answer."""
    trial, (method, rule) = TRIALS.get(line, DEFAULT), line.split()[:2]
    params = trial.params(house)
    address, body = filled(rule, elsewhere or params), trial.body(house, params)
    sent: dict[str, Any] = {"method": method, "query_string": trial.query(house, params)}
    # Read to its end and closed, as a browser would: some answers are open files.
    sent["buffered"] = True
    if trial.raw is not None:
        sent |= {"data": trial.raw, "content_type": "application/zip"}
    elif rule.startswith(PROGRAMS) and method != "GET":
        sent["json"] = body
    elif method != "GET":
        sent["data"] = body | {"csrf_token": house.tokens[who]}
    if not rule.startswith(PROGRAMS):
        return house.browsers[who].open(address, **sent)
    client = house.app.test_client(use_cookies=False)
    return client.open(address, headers=house.bearers[who], **sent)


def filled(rule: str, params: dict[str, Any]) -> str:
    """The address of a rule with its parameters."""
    for name, value in params.items():
        parts = [part for part in rule.split("<") if part.partition(">")[0].split(":")[-1] == name]
        for part in parts:
            rule = rule.replace("<" + part.partition(">")[0] + ">", str(value))
    return rule


def says_nothing(given: TestResponse) -> bool:
    """Whether a refusal for want of a role names neither a role, nor a manager, nor whom to ask."""
    if given.status_code != FORBIDDEN:
        return False
    if given.is_json:
        said = str(given.json.get("detail", ""))
        return given.json.get("code") == "forbidden" and not WHO.search(said)
    page = given.text
    said = "".join(re.findall(r'<p class="lead">(.+?)</p>', page))
    return FORBIDDEN_TITLE in page and not WHO.search(said)


def test_every_route_is_in_the_table_and_no_line_is_stale(house: House) -> None:
    assert {without_variant(line) for line in TABLE} == routes(house.app)
    assert set(TRIALS) <= set(TABLE)


def test_each_line_has_an_answer_for_everybody() -> None:
    lengths = {line: len(answers.split()) for line, answers in TABLE.items()}

    assert set(lengths.values()) == {len(COLUMNS)}


def test_a_stranger_gets_nothing_but_what_is_public_and_is_asked_to_sign_in(house: House) -> None:
    api = {
        line: answers.split()[0]
        for line, answers in TABLE.items()
        if line.split()[1].startswith(PROGRAMS)
    }
    public = {line for line, status in api.items() if status != "401"}
    assert public == {
        "GET /api/v1/agreements",
        "GET /api/v1/agreements/<code>",
        "POST /api/v1/crowd-workers",
        "GET /api/v1/datasets",
        "GET /api/v1/datasets/<slug>",
        "GET /api/v1/datasets/<slug>/can-i",
        "GET /api/v1/datasets/<slug>/versions/<label>/items",
        "GET /api/v1/datasets/<slug>/versions/<label>/items held",
    }


@pytest.mark.parametrize("area", sorted({line.split()[1].split("/")[1] for line in TABLE}))
def test_every_route_answers_everybody_as_the_table_says(house: House, area: str) -> None:
    answered, unsaid = {}, list[str]()
    for line in (each for each in TABLE if each.split()[1].split("/")[1] == area):
        statuses = []
        for who in COLUMNS:
            given = answer(house, line, who)
            statuses.append(str(given.status_code))
            unsaid += [f"{line} as {who}"] if says_nothing(given) else []
            if line in ENDS_SESSION:
                house.enter(who)
        answered[line] = " ".join(statuses)
    assert answered == {line: TABLE[line] for line in answered}
    assert unsaid == []


# A tile's path is a coordinate, and the form names its datasets itself.
NO_OBJECT = {
    "GET /log/tile/<path:rest>",
    "GET /log/tile/<path:rest> entries",
    "POST /apply/<slug>",
}
# Only an organisation's own token gets as far as an object there.
TOKEN_FIRST = "/scim/v2/"
NOWHERE = {"uuid": "00000000-0000-7000-8000-000000000000", "int": "987654321"}


def test_what_does_not_exist_is_refused_to_everybody(house: House) -> None:
    answered = {}
    named = {each for each in TABLE if "<" in each and TOKEN_FIRST not in each}
    for line in named - NO_OBJECT:
        params = {
            kind.rpartition(":")[2]: NOWHERE.get(kind.rpartition(":")[0], "nothing-here")
            for kind in re.findall("<([^>]+)>", line)
        }
        answered[line] = {ask(house, line, who, params) for who in COLUMNS if who != STRANGER}
    assert {line: found for line, found in answered.items() if not found <= {403, 404}} == {}


def test_no_line_expects_a_server_error() -> None:
    assert not any(status.startswith("5") for row in TABLE.values() for status in row.split())


# What an account for crowd work may open at all; each is of one's own, or public for everybody.
OF_A_WORKER = (
    "/account", "/api/v1/me", "/api/v1/session", "/api/v1/access-log", "/tasks", "/api/v1/tasks/",
    "/policies/<code> of crowd work", "/sign-", "/recover/", "/terms", "/privacy", "/static/",
    "/healthz", "/readyz", "/docs", "/openapi.json", "/d/",
)  # fmt: skip


def test_a_crowd_worker_opens_nothing_but_the_own_account_agreement_and_task() -> None:
    column = COLUMNS.index(WORKER)
    opened = {line.partition(" ")[2] for line, row in TABLE.items() if row.split()[column] != "403"}
    assert {each for each in opened if not each.startswith(OF_A_WORKER)} == {"/"}
    assert TABLE["GET /"].split()[column] == "303"


def test_each_list_that_a_crowd_worker_asks_for_says_why_not_and_what_would_change_it(
    house: House,
) -> None:
    lists = (
        "/api/v1/datasets", "/api/v1/datasets/voices/versions/1.0/items", "/api/v1/applications",
        "/api/v1/grants", "/api/v1/tasks", "/api/v1/zones", "/api/v1/agreements",
    )  # fmt: skip
    client = house.app.test_client(use_cookies=False)
    for path in lists:
        refusal = client.get(f"{path}?lang=en", headers=house.bearers[WORKER]).json
        assert refusal["code"] == "crowd_work_only", path
        assert "ask the operator to close this account" in refusal["next"], path
    for path in ("/datasets", "/orgs", "/projects", "/policies", "/applications", "/zones"):
        page = house.browsers[WORKER].get(f"{path}?lang=ko")
        assert page.status_code == 403, path
        assert "크라우드 작업 계정으로는 볼 수 없습니다" in page.text, path
        assert "운영자에게 이 계정을 닫아 달라고" in page.text, path
