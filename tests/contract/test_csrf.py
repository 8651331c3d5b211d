"""No form of any page can be sent from elsewhere."""

from __future__ import annotations

import re

from gateway.errors import PROBLEMS, ProblemCode
from tests.contract.house import COLUMNS, STRANGER, House
from tests.contract.test_routes import TABLE, filled
from tests.contract.trials import DEFAULT, TRIALS

TITLE = PROBLEMS[ProblemCode.CSRF_FAILED].title_ko
SAFE = {"GET", "HEAD", "OPTIONS"}


def test_every_posted_form_without_a_token_is_refused_to_everybody(house: House) -> None:
    answered = {}
    for line in (each for each in TABLE if each.split()[0] not in SAFE and "/api/" not in each):
        method, rule = line.split()[:2]
        trial = TRIALS.get(line, DEFAULT)
        params = trial.params(house)
        for who in COLUMNS:
            answer = house.browsers[who].open(
                filled(rule, params), method=method, data=trial.body(house, params)
            )
            answered[line, who] = (answer.status_code, TITLE in answer.text)
    assert {key: found for key, found in answered.items() if found != (400, True)} == {}


def test_a_token_of_another_session_is_refused(house: House) -> None:
    answer = house.browsers["applicant"].post(
        "/account", data={"csrf_token": house.tokens["owner"]}
    )

    assert answer.status_code == 400


def test_the_api_takes_no_cookie_without_a_token(house: House) -> None:
    answered = {}
    for line in (each for each in TABLE if each.split()[0] not in SAFE and "/api/" in each):
        method, rule = line.split()[:2]
        address = re.sub("<[^>]+>", "00000000-0000-7000-8000-000000000000", rule)
        answer = house.browsers["steward"].open(address, method=method, json={})
        answered[line] = (answer.status_code, (answer.json or {}).get("code"))
    assert {line: got for line, got in answered.items() if got != (400, "csrf_failed")} == {}


def test_every_form_of_every_page_carries_a_token(house: House) -> None:
    without = []
    for line in (each for each in TABLE if each.startswith("GET ") and "/api/" not in each):
        trial = TRIALS.get(line, DEFAULT)
        address = filled(line.split()[1], trial.params(house))
        for who in (STRANGER, "owner", "steward", "committee", "auditor", "operator"):
            page = house.browsers[who].get(address)
            if page.mimetype == "text/html":
                forms = re.findall(r"<form\b[^>]*method=.?post.*?</form>", page.text, re.S | re.I)
                without += [(line, who) for form in forms if 'name="csrf_token"' not in form]
    assert without == []
