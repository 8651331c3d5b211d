"""Exports over HTTP: pages and API for owner, steward and strangers, and the way to the bytes."""

from __future__ import annotations

import hashlib
import io
import uuid
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient

from gateway import ids
from gateway.access import grants
from gateway.access.models import Grant
from gateway.catalog.models import Dataset
from gateway.clock import FixedClock
from gateway.exports import upload
from gateway.exports.models import Export, ExportState
from tests import people
from tests import world as worlds
from tests.conftest import START
from tests.integration.exports.conftest import NUMBER, Stage
from tests.integration.exports.making import REASON, package, result, zipped

API = "/api/v1/exports"
DAY = timedelta(days=1)


@pytest.fixture
def mine(stage: Stage, client: FlaskClient) -> dict[str, str]:
    return people.bearer(client, stage.holder)


def body(stage: Stage, *patterns: str) -> dict[str, Any]:
    return {"kind": "package", "grant_id": str(stage.world.grant), "patterns": list(patterns)}


def get(client: FlaskClient, url: str, **headers: str) -> Any:
    target = urlsplit(url).path
    return client.get(target, headers=headers, environ_overrides={"RAW_URI": target})


def released(stage: Stage, client: FlaskClient, mine: dict[str, str]) -> tuple[str, Any]:
    made = package(stage, "clean/*")
    stage.work()
    answer = client.post(f"{API}/{made}/url", json={}, headers=mine)
    assert answer.status_code == 201, answer.text
    return answer.json["url"], made


def test_a_package_is_asked_for_scanned_and_fetched(
    stage: Stage, client: FlaskClient, mine: dict[str, str]
) -> None:
    made = client.post(API, json=body(stage, "clean/*"), headers=mine)
    assert (made.status_code, made.json["state"]) == (201, "submitted")
    stage.work()
    shown = client.get(f"{API}/{made.json['id']}", headers=mine).json
    assert (shown["state"], shown["verdict"]) == ("released", "clean")
    issued = client.post(f"{API}/{shown['id']}/url", json={}, headers=mine).json
    fetched = get(client, issued["url"])
    assert fetched.status_code == 200
    assert hashlib.sha256(fetched.data).hexdigest() == shown["content_sha256"] == issued["sha256"]
    ranged = get(client, issued["url"], Range="bytes=10-19")
    assert (ranged.status_code, ranged.data) == (206, fetched.data[10:20])
    assert ranged.headers["ETag"] == f'"{shown["content_sha256"]}"'


def test_fetching_does_not_count_against_the_quota_again(
    stage: Stage, client: FlaskClient, mine: dict[str, str]
) -> None:
    url, _made = released(stage, client, mine)
    counted = worlds.used_bytes(stage.runtime, stage.world.grant)
    get(client, url).close()
    assert worlds.used_bytes(stage.runtime, stage.world.grant) == counted > 0


def test_a_released_package_dies_with_its_grant_on_the_next_request(
    stage: Stage, client: FlaskClient, mine: dict[str, str]
) -> None:
    url, made = released(stage, client, mine)
    assert get(client, url).status_code == 200
    grants.revoke(stage.runtime, stage.reviewer, stage.world.grant, "약정 위반이 확인되었습니다")
    assert get(client, url).status_code == 403
    again = client.post(f"{API}/{made}/url", json={}, headers=mine)
    assert "GRANT_REVOKED" in {each["code"] for each in again.json["blockers"]}


@pytest.mark.parametrize(
    "change",
    [{"state": ExportState.HELD}, {"state": ExportState.REJECTED}, {"content_sha256": "0" * 64}],
)
def test_an_address_dies_when_the_export_is_no_longer_what_was_released(
    stage: Stage, client: FlaskClient, mine: dict[str, str], change: dict[str, Any]
) -> None:
    url, made = released(stage, client, mine)
    worlds.change(stage.runtime, Export, made, **change)
    assert get(client, url).status_code == 403


def test_an_address_expires(
    stage: Stage, client: FlaskClient, mine: dict[str, str], clock: FixedClock
) -> None:
    url, _made = released(stage, client, mine)
    clock.advance(timedelta(hours=2))
    assert get(client, url).json["code"] == "url_expired"


def test_with_the_log_unwritable_nothing_is_served(
    stage: Stage, client: FlaskClient, mine: dict[str, str]
) -> None:
    url, _made = released(stage, client, mine)
    connection = stage.runtime.db.connect_raw()
    connection.execute("ALTER TABLE audit_entries RENAME TO audit_entries_gone")
    connection.close()
    answer = get(client, url)
    assert (answer.status_code, answer.json["code"]) == (503, "log_unavailable")


def test_a_held_export_gives_no_address_and_says_where_what_was_found(
    stage: Stage, client: FlaskClient, mine: dict[str, str]
) -> None:
    made = package(stage, "private/*")
    stage.work()
    refused = client.post(f"{API}/{made}/url", json={}, headers=mine)
    assert {each["code"] for each in refused.json["blockers"]} == {"OUTPUT_REVIEW_PENDING"}
    shown = client.get(f"{API}/{made}", headers=mine)
    assert {"entity_type": "KR_RRN"}.items() <= shown.json["findings"][0].items()
    assert shown.json["findings"][0]["location"]["member"] == "private/note.txt"
    assert NUMBER not in shown.text


def test_strangers_find_no_such_export(stage: Stage, app: Flask, client: FlaskClient) -> None:
    made = package(stage, "clean/*")
    stranger = people.bearer(client, people.person(stage.runtime, "stranger"))
    for path in (f"{API}/{made}", f"/exports/{made}"):
        assert client.get(path, headers=stranger).status_code == 404
    assert client.post(f"{API}/{made}/url", json={}, headers=stranger).status_code == 404
    decision = {"decision": "release", "reason": REASON, "content_sha256": "0" * 64}
    answer = client.post(f"{API}/{made}/decision", json=decision, headers=stranger)
    assert answer.status_code == 404
    assert client.get(API, headers=stranger).json["exports"] == []
    assert app.test_client().get(f"{API}/{made}").status_code == 401


def test_the_list_is_paged_newest_first(
    stage: Stage, client: FlaskClient, mine: dict[str, str], clock: FixedClock
) -> None:
    made = []
    for _each in range(3):
        made.append(str(package(stage, "clean/*")))
        clock.advance(timedelta(seconds=1))
    first = client.get(f"{API}?limit=2", headers=mine).json
    rest = client.get(f"{API}?limit=2&cursor={first['next']}", headers=mine).json
    assert [row["id"] for row in first["exports"] + rest["exports"]] == made[::-1]


@pytest.mark.parametrize(
    "changes",
    [{"patterns": []}, {"grant_id": "x"}, {"kind": "result"}, {"extra": 1}, {"patterns": "a"}],
)
def test_bad_requests_are_refused_by_field(
    stage: Stage, client: FlaskClient, mine: dict[str, str], changes: dict[str, Any]
) -> None:
    answer = client.post(API, json=body(stage, "clean/*") | changes, headers=mine)
    assert (answer.status_code, answer.json["code"]) == (422, "validation_failed")


def test_an_idempotency_key_makes_one_package(
    stage: Stage, client: FlaskClient, mine: dict[str, str]
) -> None:
    headers = mine | {"Idempotency-Key": "one"}
    first = client.post(API, json=body(stage, "clean/*"), headers=headers)
    second = client.post(API, json=body(stage, "clean/*"), headers=headers)
    other = client.post(API, json=body(stage, "**"), headers=headers)
    assert first.json["id"] == second.json["id"]
    assert other.status_code == 409


def test_a_result_larger_than_other_bodies_is_taken_in(
    stage: Stage, client: FlaskClient, mine: dict[str, str]
) -> None:
    big = zipped({"table.csv": "a,b\n" + "1,2\n" * 5000, "noise.bin": hash_noise(3 << 20)})
    path = f"{API}/results?grant_id={stage.world.grant}&title=table"
    made = client.post(path, data=big, content_type="application/zip", headers=mine)
    assert made.status_code == 201, made.text
    assert made.json["content_sha256"] == hashlib.sha256(big).hexdigest()
    wrong = client.post(path, data=b"x", content_type="text/plain", headers=mine)
    assert wrong.status_code == 415


def hash_noise(size: int) -> bytes:
    blocks = (hashlib.sha256(str(n).encode()).digest() for n in range(size // 32))
    return b"".join(blocks)


def test_a_visitor_cannot_send_large_bodies(stage: Stage, client: FlaskClient) -> None:
    path = f"{API}/results?grant_id={stage.world.grant}"
    answer = client.post(path, data=bytes(2 << 20), content_type="application/zip")
    assert answer.status_code == 401
    part = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.zip"\r\n\r\n'
    form = part + bytes(2 << 20) + b"\r\n--x--\r\n"
    answer = client.post(
        "/exports/results", data=form, content_type="multipart/form-data; boundary=x"
    )
    assert (answer.status_code, "413" in answer.status) == (413, True)


FILE = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.zip"\r\n\r\n'


def send_large_form(browser: FlaskClient, query: str) -> Any:
    """A form of 2 MiB without a token: 413 when it is not read, 400 when it is."""
    form = FILE + bytes(2 << 20) + b"\r\n--x--\r\n"
    kind = "multipart/form-data; boundary=x"
    return browser.post(f"/exports/results{query}", data=form, content_type=kind)


def test_large_forms_are_read_for_the_holder_of_the_grant_they_name(
    stage: Stage, app: Flask
) -> None:
    holder, other = app.test_client(), app.test_client()
    people.sign_in(holder, stage.holder)
    people.sign_in(other, stage.steward)
    mine = f"?grant_id={stage.world.grant}"
    foreign = "?grant_id=00000000-0000-7000-8000-000000000000"

    got = [send_large_form(holder, query).status_code for query in (mine, foreign, "?grant_id=x")]

    assert got == [400, 413, 413]
    assert send_large_form(holder, "").status_code == 413
    assert send_large_form(other, mine).status_code == 413


@pytest.mark.parametrize(
    "change",
    [
        {"ended_at": START},
        {"suspended": True},
        {"starts_at": START - 2 * DAY, "ends_at": START - DAY},
    ],
    ids=["ended", "suspended", "expired"],
)
def test_a_grant_that_is_not_open_raises_no_limit(
    stage: Stage, app: Flask, change: dict[str, Any]
) -> None:
    browser = app.test_client()
    people.sign_in(browser, stage.holder)
    worlds.change(stage.runtime, Grant, stage.world.grant, **change)

    answer = send_large_form(browser, f"?grant_id={stage.world.grant}")

    assert answer.status_code == 413


def test_a_third_upload_of_one_person_waits_until_one_of_two_is_done(
    stage: Stage, app: Flask, client: FlaskClient, mine: dict[str, str]
) -> None:
    path = f"{API}/results?grant_id={stage.world.grant}"
    slots = app.extensions[upload.EXTENSION]
    first, second = (slots.take(str(stage.holder.id)) for _ in range(2))

    def send() -> Any:
        body = zipped({"t.csv": "a,b\n"})
        return client.post(path, data=body, content_type="application/zip", headers=mine)

    busy = send()
    first()
    done = [send().status_code for _ in range(3)]

    assert (busy.status_code, busy.json["code"]) == (503, "busy")
    assert int(busy.headers["Retry-After"]) > 0
    assert done == [201, 201, 201]
    second()


def test_the_form_names_its_grant_in_its_address(stage: Stage, app: Flask) -> None:
    browser = app.test_client()
    people.sign_in(browser, stage.holder)

    page = browser.get("/exports").text

    assert f'action="/exports/results?grant_id={stage.world.grant}"' in page


def test_with_two_grants_the_person_first_chooses_one(stage: Stage, app: Flask) -> None:
    browser = app.test_client()
    people.sign_in(browser, stage.holder)
    with stage.runtime.db.write() as session:
        values = {
            column.key: getattr(session.get_one(Grant, stage.world.grant), column.key)
            for column in Grant.__table__.columns
        }
        other = values | {"id": ids.new(stage.runtime.clock), "project_id": uuid.uuid4()}
        session.add(Grant(**other))

    unchosen = browser.get("/exports").text
    chosen = browser.get(f"/exports?grant_id={other['id']}").text

    assert 'action="/exports/results' not in unchosen
    assert f'action="/exports/results?grant_id={other["id"]}"' in chosen


def test_the_pages_lead_from_the_form_to_the_bytes(stage: Stage, app: Flask) -> None:
    browser = app.test_client()
    people.sign_in(browser, stage.holder)
    page = browser.get("/exports?lang=en")
    assert "You have no exports yet" in page.text
    fields = {"grant_id": str(stage.world.grant), "patterns": "clean/*\n마음/"}
    made = people.post(browser, "/exports/packages", **fields)
    assert made.status_code == 303, made.text
    assert browser.get(made.location).status_code == 200
    stage.work()
    ready = browser.get(made.location)
    assert "Ready to be fetched" in ready.text
    fetch = people.post(browser, f"{made.location}/url")
    assert fetch.status_code == 303
    assert get(browser, fetch.location).status_code == 200


def test_a_form_that_cannot_be_right_comes_back_with_the_persons_own_words(
    stage: Stage, app: Flask
) -> None:
    browser = app.test_client()
    people.sign_in(browser, stage.holder)
    fields = {"grant_id": str(stage.world.grant), "patterns": "../etc", "title": "내 묶음"}
    answer = people.post(browser, "/exports/packages", **fields)
    assert answer.status_code == 422
    assert "../etc" in answer.text
    assert "내 묶음" in answer.text


def test_single_files_are_packed_for_the_person(stage: Stage, app: Flask) -> None:
    browser = app.test_client()
    people.sign_in(browser, stage.holder)
    files = [(io.BytesIO("표 하나\n".encode()), "표.txt"), (io.BytesIO(b"a,b\n1,2\n"), "t.csv")]
    made = people.post(
        browser, "/exports/results", grant_id=str(stage.world.grant), title="표", files=files
    )
    assert made.status_code == 303, made.text
    stage.work()
    assert "Ready to be fetched" in browser.get(made.location + "?lang=en").text


@pytest.mark.parametrize("language", ["ko", "en"])
def test_a_steward_reviews_masked_findings_and_decides(
    stage: Stage, app: Flask, language: str
) -> None:
    worlds.change(stage.runtime, Dataset, stage.world.dataset, delivery="safe_zone")
    made = result(stage, {"r.txt": f"주민등록번호 {NUMBER} 포함"})
    stage.work()
    browser = app.test_client()
    people.sign_in(browser, stage.steward)
    before = stage.runtime.journal.log.size()
    queue = browser.get(f"/review/exports?lang={language}")
    page = browser.get(f"/exports/{made}?lang={language}")
    for shown in (queue, page):
        assert shown.status_code == 200
        assert "●" in shown.text
        assert NUMBER not in shown.text
    assert stage.runtime.journal.log.size() >= before + 2
    digest = stage.export(made).content_sha256
    short = people.post(
        browser, f"/exports/{made}/decision", decision="release", reason="짧음",
        content_sha256=digest,
    )  # fmt: skip
    assert short.status_code == 422
    done = people.post(
        browser, f"/exports/{made}/decision", decision="release", reason=REASON,
        content_sha256=digest,
    )  # fmt: skip
    assert done.status_code == 303, done.text
    assert stage.export(made).state == ExportState.RELEASED


@pytest.mark.parametrize("language", ["ko", "en"])
def test_the_owner_sees_kind_and_place_and_never_the_value(
    stage: Stage, app: Flask, language: str
) -> None:
    made = package(stage, "private/*", "opaque/*")
    stage.work()
    browser = app.test_client()
    people.sign_in(browser, stage.holder)
    page = browser.get(f"/exports/{made}?lang={language}")
    assert "private/note.txt" in page.text
    assert NUMBER not in page.text
    assert browser.get("/review/exports").status_code == 403
