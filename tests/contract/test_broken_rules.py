"""Where nobody can use the rules in force: every route that decides says so, and none breaks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from sqlalchemy import update

from gateway.journal import Actor
from gateway.policy import loading
from gateway.policy import service_releases as releases
from gateway.policy.models import PolicyRelease
from policies import rules
from tests.contract.house import House
from tests.contract.test_routes import ENDS_SESSION, TABLE, ask

ASKING = ("stranger", "owner", "steward", "operator")
UNAVAILABLE = "503"
QUESTION = {
    "subject": {"type": "person", "id": "holder"},
    "resource": {"type": "dataset", "id": "voices"},
    "action": {"name": "download"},
}
# One route of each kind that asks the rules: pages, answers for programs, and every way out.
DECIDING = {
    "GET /access",
    "GET /api/v1/datasets/<slug>/can-i",
    "GET /api/v1/grants",
    "GET /apply/<slug>",
    "GET /d/<everything:rest>",
    "GET /datasets/<slug>",
    "GET /policies",
    "GET /policies/who",
    "GET /policies/what-if",
    "POST /access/<uuid:grant_id>/url",
    "POST /access/v1/evaluation",
    "POST /access/v1/evaluations",
    "POST /access/v1/search/action",
    "POST /access/v1/search/resource",
    "POST /access/v1/search/subject",
    "POST /api/v1/applications/<uuid:application_id>/submit",
    "POST /api/v1/exports",
    "POST /api/v1/exports/<uuid:export_id>/decision",
    "POST /api/v1/exports/<uuid:export_id>/url",
    "POST /api/v1/exports/results",
    "POST /api/v1/review/<uuid:item_id>/votes",
    "POST /api/v1/urls",
    "POST /api/v1/zone-imports",
    "POST /api/v1/zone-sessions",
}
# Its trial starts the program, which refuses the record; the page itself decides nothing.
STARTS = {line for line in TABLE if line.startswith("GET /policies/releases/")}


@pytest.fixture(scope="module")
def broken(house: House) -> Iterator[House]:
    """The house, whose rules in force were changed on record: each request is like the first of
    a process. What stands between requests is made with the rules as they were."""
    releases.sync_program(house.runtime)
    person = "10-person.cedar"
    files = rules.texts()
    own = files | {person: files[person].replace("You are suspended.", "Suspended.")}
    sha256 = releases.propose(house.runtime, Actor.operator(), own).sha256
    releases.put_in_force(house.runtime, Actor.operator(), sha256)
    engine = loading.engine_for(house.runtime.db, sha256)
    with house.runtime.db.write() as session:
        changed = update(PolicyRelease).where(PolicyRelease.sha256 == sha256)
        session.execute(changed.values(files=files))
    served: Callable[..., Iterable[bytes]] = house.app.wsgi_app

    def like_the_first(environ: Any, start: Any) -> Iterable[bytes]:
        loading._engines.clear()
        try:
            return served(environ, start)
        finally:
            loading._engines[sha256] = engine

    house.app.wsgi_app = like_the_first  # type: ignore[method-assign]
    yield house
    loading._engines.clear()


def statuses(house: House, line: str) -> list[str]:
    """What everybody of ASKING is answered."""
    found = []
    for who in ASKING:
        found.append(str(ask(house, line, who)))
        if line in ENDS_SESSION:
            house.enter(who)
    return found


def test_every_route_that_decides_says_so_and_none_breaks(broken: House) -> None:
    answered = {line: statuses(broken, line) for line in TABLE if line not in STARTS}

    unavailable = {line for line, found in answered.items() if UNAVAILABLE in found}

    assert {line: found for line, found in answered.items() if "500" in found} == {}
    assert DECIDING - unavailable == set()


def test_programs_and_people_read_that_the_rules_cannot_be_used(broken: House) -> None:
    program = broken.app.test_client(use_cookies=False)

    asked = program.post("/access/v1/evaluation", json=QUESTION, headers=broken.bearers["owner"])
    korean, english = (
        broken.browsers["owner"].get(f"/datasets/voices?lang={language}")
        for language in ("ko", "en")
    )

    assert (asked.status_code, asked.mimetype) == (503, "application/problem+json")
    assert asked.json["code"] == "policy_unavailable"
    assert (korean.status_code, english.status_code) == (503, 503)
    assert "접근 규칙을 쓸 수 없어 제공을 멈췄습니다" in korean.text
    assert "The access rules cannot be used, so nothing is served" in english.text
