"""Signed addresses on both databases: issued, served, refused, and every step in the log."""

from __future__ import annotations

import base64
import hashlib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from audit.event import Channel
from gateway.access import grants
from gateway.access.models import Grant
from gateway.agreements.models import Acceptance
from gateway.catalog.models import Dataset, DatasetVersion
from gateway.clock import FixedClock
from gateway.delivery import service
from gateway.delivery.api import EXTENSION
from gateway.delivery.gate import Gate, Slots
from gateway.delivery.service import Wanted
from gateway.errors import Problem, ProblemCode
from gateway.identity.models import Membership, Organisation, Person
from gateway.journal import Actor, PartyKind, Place
from gateway.keys import Purpose
from gateway.runtime import Runtime
from gateway.storage.store import object_key
from tests import world as made
from tests.world import World

PATH = "음성/화자 1.txt"
DATA = "가나다라마바사 ".encode() * 30_000
DIGEST = hashlib.sha256(DATA).hexdigest()
TAG = f'"{DIGEST}"'
FORGERIES_BEFORE_LIMIT = 10


@pytest.fixture
def world(runtime: Runtime) -> World:
    world = made.build(runtime)
    made.put_files(runtime, world, {PATH: DATA, "b.txt": b"b", "empty.txt": b""})
    return world


@pytest.fixture
def app(runtime: Runtime) -> Flask:
    return made.small_app(runtime)


@pytest.fixture
def gate(app: Flask) -> Gate:
    found: Gate = app.extensions[EXTENSION]
    return found


def holder(world: World) -> Actor:
    return Actor(PartyKind.PERSON, Place(channel=Channel.API), world.person)


def steward(world: World) -> Actor:
    return Actor(PartyKind.PERSON, Place(channel=Channel.API), world.other)


def issue(gate: Gate, world: World, path: str = PATH, **wanted: Any) -> str:
    issued = service.issue_item(gate, holder(world), Wanted("voices", path, **wanted))
    return issued.url.removeprefix("http://localhost:8400")


def get(client: FlaskClient, url: str, method: str = "GET", **headers: str) -> TestResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    # Buffered: only then does the client read to the end and close, as a server does.
    return client.open(url, method=method, headers=named, buffered=True)


def code(response: TestResponse) -> str:
    assert response.json is not None
    return str(response.json["code"])


def test_an_address_serves_the_file_with_everything_a_client_needs(
    gate: Gate, world: World, client: FlaskClient
) -> None:
    answer = get(client, issue(gate, world))
    assert (answer.status_code, answer.data) == (200, DATA)
    assert answer.headers["ETag"] == TAG
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Content-Type"] == "text/plain"
    assert answer.headers["Content-Length"] == str(len(DATA))
    assert answer.headers["Last-Modified"] == "Mon, 02 Nov 2026 01:00:00 GMT"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    digest = base64.b64encode(hashlib.sha256(DATA).digest()).decode()
    assert answer.headers["Repr-Digest"] == f"sha-256=:{digest}:"
    name = "filename=\"__ 1.txt\"; filename*=UTF-8''%ED%99%94%EC%9E%90%201.txt"
    assert answer.headers["Content-Disposition"] == f"attachment; {name}"


def test_ranges_resume_and_conditions_hold(gate: Gate, world: World, client: FlaskClient) -> None:
    url = issue(gate, world)
    part = get(client, url, Range="bytes=1000-", If_Range=TAG)
    assert (part.status_code, part.data) == (206, DATA[1000:])
    assert part.headers["Content-Range"] == f"bytes 1000-{len(DATA) - 1}/{len(DATA)}"
    assert get(client, url, Range="bytes=0-", If_Range='"other"').status_code == 200
    assert get(client, url, If_None_Match=TAG).status_code == 304
    assert code(get(client, url, If_Match='"other"')) == "precondition_failed"
    beyond = get(client, url, Range=f"bytes={len(DATA)}-")
    assert (beyond.status_code, beyond.headers["Content-Range"]) == (416, f"bytes */{len(DATA)}")


def test_head_tells_the_size_and_sends_nothing(
    gate: Gate, world: World, client: FlaskClient
) -> None:
    answer = get(client, issue(gate, world), "HEAD")
    assert (answer.status_code, answer.data) == (200, b"")
    assert answer.headers["Content-Length"] == str(len(DATA))


def test_an_empty_file_is_a_file(gate: Gate, world: World, client: FlaskClient) -> None:
    answer = get(client, issue(gate, world, "empty.txt"))
    assert (answer.status_code, answer.data, answer.content_length) == (200, b"", 0)


def test_other_methods_are_not_allowed(gate: Gate, world: World, client: FlaskClient) -> None:
    url = issue(gate, world)
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
        answer = get(client, url, method, Authorization="Bearer x")
        assert answer.status_code == 405, method


def test_intent_and_completion_stand_in_the_log(
    runtime: Runtime, gate: Gate, world: World, client: FlaskClient
) -> None:
    url = issue(gate, world)
    before = runtime.journal.log.size()
    get(client, url, Range="bytes=0-99")
    assert runtime.journal.log.size() == before + 2


def forgeries(url: str) -> list[str]:
    token, path = url.removeprefix("/d/").split("/", 1)
    middle = len(token) // 2
    swapped = "A" if token[middle] != "A" else "B"
    return [
        f"/d/{token[:middle]}{swapped}{token[middle + 1 :]}/{path}",
        f"/d/{token}/b.txt",
        f"/d/{token}/{path}?x=1",
        f"/d/{token}//{path}",
        f"/d/{token}/x/%2E%2E/{path}",
        f"/d/{token}/{path}/",
        f"/d/{token[:-1]}/{path}",
        f"/d//{path}",
    ]


@pytest.mark.parametrize("index", range(8))
def test_a_tampered_or_confused_address_is_refused_and_recorded(
    runtime: Runtime, gate: Gate, world: World, client: FlaskClient, index: int
) -> None:
    url = forgeries(issue(gate, world))[index]
    before = runtime.journal.log.size()
    answer = get(client, url)
    assert (answer.status_code, code(answer)) == (403, "url_invalid")
    assert runtime.journal.log.size() == before + 1


def test_an_address_of_another_home_is_forged(
    runtime: Runtime, gate: Gate, world: World, client: FlaskClient
) -> None:
    url = issue(gate, world)
    runtime.keys.add(Purpose.URL)
    assert get(client, url).status_code == 200, "the older of two keys is still live"
    runtime.keys.add(Purpose.URL)
    assert code(get(client, url)) == "url_invalid"


def test_forgers_are_limited_before_any_cryptography_and_their_count_is_kept(
    runtime: Runtime, gate: Gate, world: World, client: FlaskClient, clock: FixedClock
) -> None:
    url = issue(gate, world)
    before = runtime.journal.log.size()
    statuses = [get(client, "/d/x/y").status_code for _ in range(FORGERIES_BEFORE_LIMIT + 20)]
    assert statuses == [403] * FORGERIES_BEFORE_LIMIT + [429] * 20
    limited = get(client, url)
    assert (limited.status_code, int(limited.headers["Retry-After"])) == (429, 60)
    assert runtime.journal.log.size() == before + FORGERIES_BEFORE_LIMIT - 1
    clock.advance(timedelta(minutes=2))
    assert runtime.folding.fold() == 1
    assert get(client, url).status_code == 200


def test_an_address_expires(
    gate: Gate, world: World, client: FlaskClient, clock: FixedClock
) -> None:
    url = issue(gate, world, ttl_seconds=60)
    clock.advance(timedelta(seconds=60) - timedelta(milliseconds=1))
    assert get(client, url).status_code == 200
    clock.advance(timedelta(milliseconds=1))
    answer = get(client, url)
    assert (answer.status_code, code(answer)) == (403, "url_expired")


def test_an_address_never_outlives_its_grant_or_the_dataset_s_limit(
    runtime: Runtime, gate: Gate, world: World
) -> None:
    now = runtime.clock.now()
    long = service.issue_item(gate, holder(world), Wanted("voices", PATH, ttl_seconds=10**6))
    assert long.expires_at == now + timedelta(seconds=3600)
    made.change(runtime, Grant, world.grant, ends_at=now + timedelta(seconds=90))
    short = service.issue_item(gate, holder(world), Wanted("voices", PATH))
    assert short.expires_at == now + timedelta(seconds=90)


KILLED: list[tuple[str, type[Any], str, dict[str, Any]]] = [
    ("SUSPENDED", Person, "person", {"status": "suspended"}),
    ("ACCOUNT_INACTIVE", Person, "person", {"status": "closed"}),
    ("ORGANISATION_SUSPENDED", Organisation, "organisation", {"status": "suspended"}),
    ("DATASET_WITHDRAWN", DatasetVersion, "version", {"state": "withdrawn"}),
    ("SAFE_ZONE_ONLY SAFE_ZONE_NO_DOWNLOAD", Dataset, "dataset", {"delivery": "safe_zone"}),
]
ENDED: list[tuple[str, type[Any], str, str]] = [
    ("MEMBERSHIP_ENDED", Membership, "membership", "ended_at"),
    ("DATASET_WITHDRAWN", Dataset, "dataset", "withdrawn_at"),
    ("ACCEPTANCE_NOT_LIVE", Acceptance, "acceptance", "ended_at"),
]


def blockers(answer: TestResponse) -> list[str]:
    assert answer.status_code == 403
    assert answer.json is not None
    return [blocker["code"] for blocker in answer.json["blockers"]]


@pytest.mark.parametrize(("expected", "kind", "name", "values"), KILLED)
def test_a_change_kills_the_address_on_the_next_request(
    runtime: Runtime,
    gate: Gate,
    world: World,
    client: FlaskClient,
    expected: str,
    kind: type[Any],
    name: str,
    values: dict[str, Any],
) -> None:
    url = issue(gate, world)
    assert get(client, url, Range="bytes=0-9").status_code == 206
    made.change(runtime, kind, getattr(world, name), **values)
    before = runtime.journal.log.size()
    assert blockers(get(client, url, Range="bytes=10-")) == expected.split()
    assert runtime.journal.log.size() == before + 1


@pytest.mark.parametrize(("expected", "kind", "name", "column"), ENDED)
def test_what_ends_takes_its_addresses_along(
    runtime: Runtime,
    gate: Gate,
    world: World,
    client: FlaskClient,
    expected: str,
    kind: type[Any],
    name: str,
    column: str,
) -> None:
    url = issue(gate, world)
    made.change(runtime, kind, getattr(world, name), **{column: runtime.clock.now()})
    assert blockers(get(client, url)) == [expected]


def test_a_revoked_grant_kills_the_url_on_the_next_request(
    runtime: Runtime, gate: Gate, world: World, client: FlaskClient
) -> None:
    url = issue(gate, world)
    grants.revoke(runtime, steward(world), world.grant, "약정 위반이 확인되었습니다")
    assert blockers(get(client, url)) == ["GRANT_REVOKED"]


def test_a_suspension_kills_what_was_issued_before_it_for_good(
    runtime: Runtime, gate: Gate, world: World, client: FlaskClient
) -> None:
    url = issue(gate, world)
    grants.suspend(runtime, steward(world), world.grant, "확인이 필요하여 멈춥니다")
    assert blockers(get(client, url)) == ["GRANT_SUSPENDED"]
    grants.resume(runtime, steward(world), world.grant)
    assert code(get(client, url)) == "url_expired"
    assert get(client, issue(gate, world)).status_code == 200


def test_when_the_log_cannot_be_written_not_one_byte_leaves(
    runtime: Runtime, gate: Gate, world: World, client: FlaskClient
) -> None:
    url = issue(gate, world)
    connection = runtime.db.connect_raw()
    connection.execute("ALTER TABLE audit_entries RENAME TO audit_entries_gone")
    connection.close()
    answer = get(client, url)
    assert (answer.status_code, code(answer)) == (503, "log_unavailable")
    assert DATA[:20] not in answer.data
    with pytest.raises(Problem) as caught:
        issue(gate, world)
    assert caught.value.code is ProblemCode.LOG_UNAVAILABLE


def test_bytes_count_against_the_quota_and_the_last_of_it_is_kept(
    runtime: Runtime, gate: Gate, world: World, client: FlaskClient
) -> None:
    made.change(runtime, Grant, world.grant, quota_bytes=len(DATA) + 10)
    url = issue(gate, world)
    get(client, url)
    assert made.used_bytes(runtime, world.grant) == len(DATA)
    assert blockers(get(client, url)) == ["QUOTA_EXCEEDED"]
    assert get(client, url, Range="bytes=0-9").status_code == 206
    assert made.used_bytes(runtime, world.grant) == len(DATA) + 10


def test_a_full_house_says_when_to_come_back(
    gate: Gate, world: World, client: FlaskClient, app: Flask
) -> None:
    url = issue(gate, world)
    full = Gate(gate.runtime, gate.keys, Slots(1))
    app.extensions[EXTENSION] = full
    release = full.slots.take("somebody")
    answer = get(client, url)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    release()
    release()
    assert [get(client, url).status_code for _ in range(3)] == [200] * 3


def test_one_holder_cannot_take_every_slot() -> None:
    slots = Slots(limit=3, each=2)
    first, _second = slots.take("greedy"), slots.take("greedy")
    with pytest.raises(Problem) as refused:
        slots.take("greedy")
    slots.take("somebody else")
    first()

    assert refused.value.code is ProblemCode.BUSY
    slots.take("greedy")


def test_an_object_that_is_gone_is_a_503_and_frees_its_slot(
    gate: Gate, world: World, client: FlaskClient, runtime: Runtime
) -> None:
    made.change(runtime, Grant, world.grant, quota_bytes=len(DATA))
    url = issue(gate, world)
    assert runtime.store.root is not None
    lost = Path(runtime.store.root / object_key(DIGEST))
    lost.rename(lost.with_suffix(".gone"))
    assert code(get(client, url)) == "storage_unavailable"
    assert made.used_bytes(runtime, world.grant) == 0
    lost.with_suffix(".gone").rename(lost)
    assert get(client, url).status_code == 200


@pytest.mark.parametrize("path", ["missing.txt", "음성"])
def test_a_file_that_is_not_in_the_version_has_no_address(
    gate: Gate, world: World, path: str
) -> None:
    with pytest.raises(Problem) as caught:
        issue(gate, world, path)
    assert caught.value.code is ProblemCode.NOT_FOUND


@pytest.mark.parametrize("path", ["../b.txt", "/b.txt", "a//b", "b.txt/", "b\x00.txt", "a\\b"])
def test_a_path_that_is_not_canonical_is_named_as_the_field_at_fault(
    gate: Gate, world: World, path: str
) -> None:
    with pytest.raises(Problem) as caught:
        issue(gate, world, path)
    assert (caught.value.code, caught.value.extra["field"]) == (
        ProblemCode.VALIDATION_FAILED,
        "path",
    )


def test_nobody_gets_an_address_under_somebody_elses_grant(gate: Gate, world: World) -> None:
    other = Actor(PartyKind.PERSON, Place(channel=Channel.API), world.other)
    for grant_id, expected in ((world.grant, "not_found"), (None, "access_denied")):
        with pytest.raises(Problem) as caught:
            service.issue_item(gate, other, Wanted("voices", PATH, grant_id=grant_id))
        assert caught.value.code == expected


def test_the_api_wants_a_signed_in_person(world: World, client: FlaskClient) -> None:
    answer = client.post("/api/v1/urls", json={"dataset": "voices", "path": PATH})
    assert (answer.status_code, code(answer)) == (401, "not_signed_in")
