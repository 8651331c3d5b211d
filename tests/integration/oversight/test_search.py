"""Searching the log: who may, what is found, and what the search leaves behind."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from audit.dbapi import Dialect, Sql
from audit.event import Domain
from audit.search import Filters
from gateway.clock import FixedClock
from gateway.identity.models import Person
from gateway.journal import Act, Outcome
from gateway.oversight.reading import reading
from gateway.runtime import Runtime
from tests.integration.oversight.conftest import Browser
from tests.logs import numbered
from tests.people import make_person, sign_in

Write = Callable[..., int]
PATHS = [
    "/audit", "/audit/0", "/audit/0/proof", "/audit/0/leaf", "/audit/entries.csv",
    "/audit/checkpoints", "/api/v1/audit/entries", "/api/v1/audit/entries/0",
    "/api/v1/audit/entries/0/proof", "/log/tile/entries/000.p/1",
]  # fmt: skip


def actions(runtime: Runtime, **filters: Any) -> list[str]:
    """The actions of matching entries, newest first."""
    with reading(runtime) as opened:
        return [row.columns.action for row in opened.log.search(Filters(**filters), limit=500)]


def items(auditor: Browser, **query: Any) -> list[dict[str, Any]]:
    answer = auditor.client.get("/api/v1/audit/entries", query_string=query)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json["items"]
    return found


@pytest.mark.parametrize("path", PATHS)
def test_a_stranger_is_asked_to_sign_in(app: Flask, path: str) -> None:
    answer = app.test_client().get(path)
    expected = 303 if path.startswith("/audit") else 401
    assert answer.status_code == expected


@pytest.mark.parametrize("path", PATHS)
def test_members_and_stewards_are_refused_with_an_event(
    runtime: Runtime, member: Browser, steward: Browser, path: str
) -> None:
    for browser in (member, steward):
        before = len(actions(runtime, outcome=Outcome.DENY, action="access.decided"))
        assert browser.client.get(path).status_code == 403
        after = len(actions(runtime, outcome=Outcome.DENY, action="access.decided"))
        assert after == before + 1


def test_every_condition_narrows_the_search(
    auditor: Browser, member: Browser, runtime: Runtime, write: Write
) -> None:
    index = write(member.person)
    other = make_person(runtime, "other")
    write(other, dataset="images", item="b.png", ref="grant:x")
    write(other, Act.DOWNLOAD_REFUSED, outcome=Outcome.DENY, item="c.png", ref="url:1")

    for query in (
        {"person": "member", "action": "download."},
        {"dataset": "voices", "item": "음성/a.wav"},
        {"ref": "grant:00000000-0000-0000-0000-000000000007"},
        {"person": str(member.person.id), "outcome": "allow", "dataset": "voices"},
        {"version": "1.0", "dataset": "voices", "outcome": "allow", "person": "member"},
    ):
        assert [one["index"] for one in items(auditor, **query)] == [index], query
    assert {one["outcome"] for one in items(auditor, outcome="deny")} == {"deny"}
    assert [one["action"] for one in items(auditor, action="download.refused")] == [
        "download.refused"
    ]


def test_a_korean_path_is_found_in_either_normal_form(
    auditor: Browser, member: Browser, write: Write
) -> None:
    import unicodedata

    index = write(member.person, item="의료/환자 영상.dcm")
    decomposed = unicodedata.normalize("NFD", "의료/환자 영상.dcm")
    assert [one["index"] for one in items(auditor, item=decomposed, action="download.")] == [index]


def test_days_are_those_of_the_gateways_zone(
    auditor: Browser, member: Browser, clock: FixedClock, write: Write
) -> None:
    clock.advance(timedelta(hours=14))  # 2026-11-03 00:00 in Seoul
    sign_in(auditor.client, auditor.person)
    index = write(member.person)
    only = {"action": "download."}
    assert items(auditor, until="2026-11-02", **only) == []
    assert [one["index"] for one in items(auditor, since="2026-11-03", **only)] == [index]
    assert [one["index"] for one in items(auditor, until="2026-11-03", **only)] == [index]
    assert items(auditor, until="2026-11-03T00:00", **only) == []
    assert items(auditor, since="2026-11-02T15:00:00.001Z", **only) == []


def test_the_person_whose_data_was_handled_is_found_too(
    auditor: Browser, member: Browser, runtime: Runtime, write: Write
) -> None:
    steward = make_person(runtime, "someone", name="담당")
    index = write(steward, Act.PERSON_VIEWED, subjects=[member.person.id], item=None, dataset=None,
                  version=None)  # fmt: skip
    found = items(auditor, person="member", action="person.viewed")
    assert [one["index"] for one in found] == [index]
    assert found[0]["subjects"][0]["account"] == "member"
    assert "담당 (someone)" in found[0]["sentence"]["ko"]


def test_paging_goes_to_the_end_and_back(auditor: Browser, member: Browser, write: Write) -> None:
    written = [write(member.person) for _ in range(23)]
    query: dict[str, Any] = {"dataset": "voices", "limit": 5, "person": "member"}
    walked, page = [], None
    cursor, back = "", ""
    while cursor is not None:
        page = auditor.client.get("/api/v1/audit/entries", query_string=query | {"cursor": cursor})
        walked += [one["index"] for one in page.json["items"]]
        cursor, back = page.json["next"], page.json["previous"] or back
    assert walked == written[::-1]
    returned = [one["index"] for one in page.json["items"]]
    while back:
        page = auditor.client.get("/api/v1/audit/entries", query_string=query | {"cursor": back})
        returned = [one["index"] for one in page.json["items"]] + returned
        back = page.json["previous"]
    assert returned == written[::-1]


def test_a_cursor_of_another_search_is_refused(
    auditor: Browser, member: Browser, write: Write
) -> None:
    for _ in range(3):
        write(member.person)
    first = auditor.client.get("/api/v1/audit/entries?dataset=voices&limit=1").json
    answer = auditor.client.get(f"/api/v1/audit/entries?limit=1&cursor={first['next']}")
    assert answer.status_code == 400
    assert answer.json["code"] == "bad_request"


@pytest.mark.parametrize(
    "query",
    ["person=nobody.here", "organisation=없는 기관", "since=yesterday", "until=2026-13-01",
     "dataset=<script>", "outcome=maybe", "action=;drop", "nonsense=1", "since=9999-99-99",
     "event_id=7", "item=%00", "since=0001-01-01", "ref=%EA%B9%80"],
)  # fmt: skip
def test_what_cannot_be_understood_is_named(auditor: Browser, query: str) -> None:
    answer = auditor.client.get(f"/api/v1/audit/entries?{query}")
    assert answer.status_code == 422
    page = auditor.client.get(f"/audit?{query}&lang=en")
    assert page.status_code == 200
    assert "This search cannot be answered" in page.text


def test_each_search_is_an_event_with_the_person_as_subject(
    auditor: Browser, member: Browser, runtime: Runtime
) -> None:
    items(auditor, person="member", outcome="deny")
    found = items(auditor, action="log.searched", person="member")
    assert len(found) == 1
    assert found[0]["actor"]["account"] == "auditor.one"
    assert found[0]["subjects"][0]["account"] == "member"
    assert found[0]["detail"]["filters"] == ["outcome", "person"]
    assert "member" not in str(found[0]["detail"])


def test_asking_about_a_file_is_not_an_access_to_it(
    auditor: Browser, member: Browser, write: Write
) -> None:
    index = write(member.person, item="비밀/환자.txt")
    for _ in range(2):
        found = items(auditor, dataset="voices", item="비밀/환자.txt")
        assert [one["index"] for one in found] == [index]


def test_the_page_shows_the_five_legal_columns_a_chart_and_links(
    auditor: Browser, member: Browser, write: Write
) -> None:
    index = write(member.person)
    page = auditor.client.get("/audit?lang=ko").text
    for column in ("계정", "일시", "접속지", "처리한 정보주체", "수행업무"):
        assert column in page
    assert f'href="/audit/{index}"' in page
    assert "<rect" in page
    assert "127.0.0.1" in page


def test_an_empty_result_says_so(auditor: Browser) -> None:
    page = auditor.client.get("/audit?dataset=no-such-set&lang=en").text
    assert "Nothing in the log matches" in page


def test_markup_in_sealed_fields_is_shown_and_never_run(
    auditor: Browser, runtime: Runtime, write: Write
) -> None:
    attacker = make_person(runtime, "attacker", name="<script>alert(1)</script>")
    index = write(attacker, item="<img src=x onerror=alert(2)>.txt")
    for path in ("/audit", f"/audit/{index}"):
        page = auditor.client.get(path).text
        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert "&lt;script&gt;alert(1)" in page


def test_csv_has_the_same_rows_and_runs_no_formula(
    auditor: Browser, runtime: Runtime, write: Write
) -> None:
    attacker = make_person(runtime, "formula", name="=cmd|' /C calc'!A0")
    for number in range(3):
        write(attacker, item=f"+item{number}")
    answer = auditor.client.get("/audit/entries.csv?person=formula&action=download.")
    assert answer.text.startswith("\ufeff")
    rows = list(csv.DictReader(io.StringIO(answer.text.lstrip("\ufeff"))))
    assert [row["item"] for row in rows] == ["'+item2", "'+item1", "'+item0"]
    assert all(row["name"] == "'=cmd|' /C calc'!A0" for row in rows)
    assert rows[0]["time"].endswith("+09:00")
    assert actions(runtime, action="log.exported") == ["log.exported"]


def test_csv_pages_through_everything(auditor: Browser, member: Browser, write: Write) -> None:
    written = [write(member.person) for _ in range(205)]
    answer = auditor.client.get("/audit/entries.csv?dataset=voices")
    rows = list(csv.DictReader(io.StringIO(answer.text.lstrip("\ufeff"))))
    assert [int(row["index"]) for row in rows] == written[::-1]


def test_an_erased_person_is_shown_as_erased_and_the_proof_still_holds(
    auditor: Browser, member: Browser, runtime: Runtime, write: Write
) -> None:
    index = write(member.person)
    _destroy(runtime, member.person)

    page = auditor.client.get(f"/audit/{index}?lang=ko").text
    assert "이회원" not in page
    assert "파기된 개인정보" in page
    assert "증명됨" in page
    assert "이회원" not in auditor.client.get("/audit?dataset=voices").text


def _destroy(runtime: Runtime, person: Person) -> None:
    """Destroy a person's key, as an erasure does."""
    with runtime.db.write() as session:
        connection = session.connection().connection.dbapi_connection
        assert connection is not None
        sql = Sql(connection, Dialect(runtime.db.dialect))
        assert runtime.vault.destroy(sql, str(person.id), 1)


def test_what_an_erased_person_did_is_listed_by_the_token_that_is_left(
    auditor: Browser, member: Browser, runtime: Runtime, write: Write
) -> None:
    index = write(member.person)
    token = runtime.vault.token(Domain.PERSON, str(member.person.id))
    _destroy(runtime, member.person)

    entry = auditor.client.get(f"/audit/{index}?lang=en").text
    shown = auditor.client.get(f"/audit/person?person={token}&lang=en").text

    assert f'href="/audit/person?person={token}"' in entry
    assert f"All that #{token[:8]} did" in shown
    assert f'href="/audit/{index}"' in shown
    assert "By dataset" in shown
    assert index in [one["index"] for one in items(auditor, person=token)]


def test_a_look_up_by_token_is_recorded_with_the_token_in_the_open(
    auditor: Browser, member: Browser, runtime: Runtime, write: Write
) -> None:
    token = runtime.vault.token(Domain.PERSON, "operator:4711")
    assert items(auditor, person=token) == []

    (asked,) = items(auditor, action="log.searched")

    assert asked["detail"]["person"] == token


def test_the_token_of_somebody_with_an_account_stands_for_them(
    auditor: Browser, member: Browser, runtime: Runtime, write: Write
) -> None:
    index = write(member.person)
    token = runtime.vault.token(Domain.PERSON, str(member.person.id))

    assert index in [one["index"] for one in items(auditor, person=token)]

    (asked,) = items(auditor, action="log.searched", person="member")
    assert asked["subjects"][0]["account"] == "member"
    assert "person" not in asked["detail"]


def test_a_damaged_entry_is_shown_as_damaged(
    auditor: Browser, member: Browser, runtime: Runtime, write: Write
) -> None:
    from tests.integration.oversight.damage import drop_triggers, run

    index = write(member.person)
    drop_triggers(runtime.db)
    run(runtime.db, "UPDATE audit_entries SET leaf = ? WHERE idx = ?", b"not a leaf", index)
    listed = auditor.client.get("/audit?lang=en")
    shown = auditor.client.get(f"/audit/{index}?lang=en")
    assert "Damaged" in listed.text
    assert "Not proved" in shown.text
    assert auditor.client.get(f"/audit/{index}/proof").status_code == 409


def test_unwritable_log_means_no_answer(
    auditor: Browser, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    from audit.errors import LogUnavailable
    from audit.sequencer import Log

    def refuse(*_: Any) -> int:
        raise LogUnavailable("disk full")

    numbered(runtime)
    monkeypatch.setattr(Log, "append", refuse)
    for path in ("/audit", "/audit/0", "/audit/entries.csv", "/api/v1/audit/entries"):
        answer = auditor.client.get(path)
        assert answer.status_code == 503
        assert not re.search(r"auditor\.one.*download", answer.text)
