"""Pages and API: the researcher's way to a seat, and the desk of the staff."""

from __future__ import annotations

import uuid

import pytest
from flask import Flask
from flask.testing import FlaskClient

from gateway.app import create_app
from gateway.catalog.models import Dataset
from gateway.identity import passwords
from gateway.identity.models import Person, Role
from gateway.journal import Act
from gateway.zones import service_imports, service_sessions, service_zones
from gateway.zones.service_imports import Verdict
from tests import people
from tests import world as worlds
from tests.integration.zones.conftest import (
    DIGEST,
    HOUR,
    OPERATOR,
    OTHER_ZONE,
    REASON,
    SEAT_ADDRESS,
    SLUG,
    Stage,
    booked,
    register,
    tie,
)
from tests.integration.zones.test_imports import asked, row
from tests.people import post


@pytest.fixture
def app(stage: Stage) -> Flask:
    hashed = passwords.HASHER.hash(passwords.normal(people.PASSWORD))
    worlds.change(stage.runtime, Person, stage.holder.id, password_hash=hashed)
    app = create_app(stage.runtime)
    app.testing = True
    return app


@pytest.fixture
def mine(app: Flask, stage: Stage) -> FlaskClient:
    return entered(app, stage.holder)


@pytest.fixture
def desk(app: Flask, stage: Stage) -> FlaskClient:
    return entered(app, stage.staff)


def entered(app: Flask, person: Person) -> FlaskClient:
    client = app.test_client()
    client.environ_base["REMOTE_ADDR"] = SEAT_ADDRESS
    people.sign_in(client, person)
    return client


def booking(stage: Stage, **changes: str) -> dict[str, str]:
    # 10:00 in Seoul is the moment at which the clock of these tests stands.
    return {
        "grant_id": str(stage.world.grant), "day": "2026-11-02", "start": "14:00", "hours": "2",
    } | changes  # fmt: skip


@pytest.mark.parametrize(("language", "words"), [("ko", "내 예약과 이용"), ("en", "My bookings")])
def test_the_pages_of_zones_speak_both_languages(
    stage: Stage, mine: FlaskClient, language: str, words: str
) -> None:
    stage.book()

    index = mine.get(f"/zones?lang={language}")
    zone = mine.get(f"/zones/{SLUG}?lang={language}")

    assert (index.status_code, zone.status_code) == (200, 200)
    assert words in index.text
    assert f"/zones/{SLUG}" in index.text


def test_a_seat_is_booked_on_the_page_in_local_time(stage: Stage, mine: FlaskClient) -> None:
    answer = post(mine, f"/zones/{SLUG}/bookings", **booking(stage, seat="2"))

    ((seat, starts),) = booked(stage)
    assert (answer.status_code, answer.location) == (303, "/zones")
    assert (seat, starts) == (2, stage.clock.now() + 4 * HOUR)


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"hours": "13"}, 422),
        ({"start": "25:00"}, 422),
        ({"day": "9999-12-31", "start": "23:00"}, 422),
        ({"day": "0001-01-01"}, 422),
        ({"seat": "7"}, 422),
        ({"grant_id": ""}, 422),
        ({"start": "11:00"}, 409),
    ],
)
def test_what_is_wrong_with_a_booking_is_said_beside_what_was_typed(
    stage: Stage, mine: FlaskClient, changes: dict[str, str], status: int
) -> None:
    stage.book(hours=1, seat=1)

    answer = post(mine, f"/zones/{SLUG}/bookings", **booking(stage, seat="1") | changes)

    assert answer.status_code == status
    assert 'id="errors"' in answer.text
    assert changes.get("day", "2026-11-02") in answer.text
    assert len(booked(stage)) == 1


def test_a_day_shows_taken_seats_without_names(stage: Stage, app: Flask, mine: FlaskClient) -> None:
    stage.book(hours=1)
    guest, _grant = stage.another("guest")

    page = entered(app, guest).get(f"/zones/{SLUG}?day=2026-11-02&lang=en")

    assert "Taken seats" in page.text
    assert "11:00" in page.text
    assert stage.holder.name not in page.text


def test_staff_see_who_comes_open_and_end_and_their_look_is_recorded(
    stage: Stage, desk: FlaskClient
) -> None:
    made = stage.book()

    page = desk.get("/zone-desk?lang=en")
    opened = post(desk, f"/zone-desk/sessions/{made}/open")
    inside = desk.get("/zone-desk?lang=en")
    ended = post(desk, f"/zone-desk/sessions/{made}/close")

    assert stage.holder.name in page.text
    assert "Open the session" in page.text
    assert "End the session" in inside.text
    assert (opened.status_code, ended.status_code) == (303, 303)
    assert stage.row(made).end_reason == "closed"
    assert len(stage.said(Act.PERSON_VIEWED)) >= 2


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", "You belong to this research project"), ("ko", "지도하는 연구과제")],
)
def test_the_desk_offers_nothing_for_the_own_research_project(
    stage: Stage, mine: FlaskClient, desk: FlaskClient, language: str, words: str
) -> None:
    fields = {"grant_id": str(stage.world.grant), "name": "model.bin", "bytes": "12",
              "sha256": DIGEST, "reason": REASON}  # fmt: skip
    post(mine, f"/zones/{SLUG}/imports", **fields)
    made = stage.book()
    tie(stage, stage.staff, "supervisor")

    page = desk.get(f"/zone-desk?lang={language}").text
    opened = post(desk, f"/zone-desk/sessions/{made}/open")

    assert words in page
    assert (f"sessions/{made}/open" in page, f"sessions/{made}/cancel" in page) == (False, True)
    assert 'value="approve"' not in page
    assert opened.status_code == 403


def test_staff_see_their_own_zones_only(stage: Stage, app: Flask) -> None:
    register(stage.runtime, OTHER_ZONE)
    other = people.make_person(stage.runtime, "other.staff")
    people.grant(stage.runtime, other, Role.ZONE_STAFF, OTHER_ZONE)
    stage.book()
    asked(stage)

    page = entered(app, other).get("/zone-desk?lang=en")

    assert page.status_code == 200
    assert stage.holder.name not in page.text


def test_the_desk_is_for_staff(mine: FlaskClient) -> None:
    assert mine.get("/zone-desk").status_code == 403


def test_a_person_cancels_and_leaves(stage: Stage, mine: FlaskClient) -> None:
    now, later = stage.opened(length=1), stage.book(hours=2)

    left = post(mine, f"/zones/sessions/{now}/leave")
    cancelled = post(mine, f"/zones/sessions/{later}/cancel")

    assert (left.status_code, cancelled.status_code) == (303, 303)
    assert [stage.row(one).end_reason for one in (now, later)] == ["closed", "cancelled"]


def test_an_open_session_leads_to_the_files(stage: Stage, mine: FlaskClient) -> None:
    stage.opened()

    page = mine.get("/zones")

    assert f"/zones/{SLUG}/files/voices/1.0" in page.text
    assert mine.get(f"/zones/{SLUG}/files/voices/1.0").status_code == 200


def test_an_import_goes_from_the_form_to_the_desk(
    stage: Stage, mine: FlaskClient, desk: FlaskClient
) -> None:
    fields = {"grant_id": str(stage.world.grant), "name": "model.bin", "bytes": "12",
              "sha256": DIGEST, "reason": REASON}  # fmt: skip
    wrong = post(mine, f"/zones/{SLUG}/imports", **fields | {"sha256": "xyz"})
    asked_for = post(mine, f"/zones/{SLUG}/imports", **fields)
    made = _only_import(stage)
    short = post(desk, f"/zone-desk/imports/{made}/decision", decision="approve", note="ok")
    approved = post(desk, f"/zone-desk/imports/{made}/decision", decision="approve", note=REASON)
    other = post(desk, f"/zone-desk/imports/{made}/bring-in", sha256="cd" * 32)
    carried = post(desk, f"/zone-desk/imports/{made}/bring-in", sha256=DIGEST)

    answers = (wrong, asked_for, short, approved, other, carried)
    assert [answer.status_code for answer in answers] == [422, 303, 422, 303, 409, 303]
    assert "model.bin" in wrong.text
    assert "cd" * 32 in other.text
    assert row(stage, made).brought_in_at == stage.clock.now()
    assert "반입 완료" in mine.get("/zones").text


def test_the_dataset_page_leads_to_a_seat(stage: Stage, mine: FlaskClient) -> None:
    page = mine.get("/datasets/voices?lang=en").text

    assert f'href="/zones/{SLUG}"' in page
    assert "SAFE_ZONE_NO_DOWNLOAD" not in page
    assert "SAFE_ZONE_ONLY" in page
    assert "sumun download" not in page


def test_a_dataset_without_a_zone_says_whom_to_ask(stage: Stage, mine: FlaskClient) -> None:
    service_zones.unassign(stage.runtime, OPERATOR, SLUG, "voices")

    page = mine.get("/datasets/voices?lang=en").text

    assert "no zone is open for them yet" in page


def test_a_dataset_that_is_downloaded_has_no_such_panel(stage: Stage, mine: FlaskClient) -> None:
    worlds.change(stage.runtime, Dataset, stage.world.dataset, delivery="download")

    assert "Where it is worked on" not in mine.get("/datasets/voices?lang=en").text


def test_my_access_leads_to_a_seat_and_tells_of_an_open_session(
    stage: Stage, mine: FlaskClient
) -> None:
    before = mine.get("/access?lang=en").text
    stage.opened()
    inside = mine.get("/access?lang=en").text

    assert f"/zones/{SLUG}?grant={stage.world.grant}" in before
    assert "In session" not in before
    assert "In session" in inside
    assert "sumun download" not in before + inside


def test_the_api_knows_that_a_session_is_open(stage: Stage, app: Flask) -> None:
    client, headers = bearing(app, stage.holder)
    before = client.get("/api/v1/grants", headers=headers).json["grants"][0]
    stage.opened()
    inside = client.get("/api/v1/grants", headers=headers).json["grants"][0]
    can = client.get("/api/v1/datasets/voices/can-i", headers=headers).json

    assert (before["open"], [one["code"] for one in before["blockers"]]) == (
        False, ["SAFE_ZONE_ONLY"],
    )  # fmt: skip
    assert (inside["open"], can["outcome"]) == (True, "allow")


def bearing(app: Flask, person: Person) -> tuple[FlaskClient, dict[str, str]]:
    client = app.test_client(use_cookies=False)
    return client, people.bearer(client, person)


def test_the_api_books_lists_and_cancels(stage: Stage, app: Flask) -> None:
    client, headers = bearing(app, stage.holder)
    starts = stage.clock.now() + HOUR
    body = {"zone": SLUG, "grant_id": str(stage.world.grant), "starts_at": starts.isoformat(),
            "ends_at": (starts + HOUR).isoformat()}  # fmt: skip
    sent = {"headers": headers | {"Idempotency-Key": "once"}, "json": body}

    zones = client.get("/api/v1/zones", headers=headers).json["zones"]
    made = [client.post("/api/v1/zone-sessions", **sent) for _ in range(2)]
    listed = client.get("/api/v1/zone-sessions", headers=headers).json["sessions"]
    url = f"/api/v1/zone-sessions/{made[0].json['id']}/cancel"
    cancelled = client.post(url, headers=headers)

    assert zones == [{"slug": SLUG, "name_ko": "서울 안심존", "name_en": "Seoul safe zone",
                      "place": "서울 3층", "seats": 2, "datasets": ["voices"]}]  # fmt: skip
    assert [answer.status_code for answer in made] == [201, 201]
    assert [one["state"] for one in listed] == ["booked"]
    assert cancelled.status_code == 204
    assert len(booked(stage)) == 1


def test_the_api_of_the_desk(stage: Stage, app: Flask) -> None:
    client, staff = bearing(app, stage.staff)
    _client, owner = bearing(app, stage.holder)
    made, parcel = stage.book(), asked(stage)
    url, carry = f"/api/v1/zone-sessions/{made}", f"/api/v1/zone-imports/{parcel}"

    day = client.get(f"/api/v1/zones/{SLUG}/day", headers=staff)
    answers = [
        client.post(f"{url}/open", headers=owner),
        client.post(f"{url}/open", headers=staff),
        client.post(f"{url}/close", headers=staff),
        client.post(
            f"{carry}/decision", headers=staff, json={"decision": "approve", "note": REASON}
        ),
        client.post(f"{carry}/bring-in", headers=staff, json={"sha256": DIGEST}),
    ]
    imports = client.get("/api/v1/zone-imports", headers=owner).json["imports"]

    assert [one["account"] for one in day.json["sessions"]] == [stage.holder.account]
    assert [answer.status_code for answer in answers] == [404, 204, 204, 204, 403]
    assert [one["state"] for one in imports] == ["approved"]
    assert client.get(f"/api/v1/zones/{SLUG}/day", headers=owner).status_code == 403


def test_lists_are_paged(stage: Stage, app: Flask) -> None:
    client, headers = bearing(app, stage.holder)
    for number in range(3):
        stage.book(hours=number, length=1)
        asked(stage)

    for name in ("zone-sessions", "zone-imports"):
        key = name.partition("-")[2]
        first = client.get(f"/api/v1/{name}?limit=2", headers=headers).json
        rest = client.get(f"/api/v1/{name}?limit=2&cursor={first['next']}", headers=headers).json
        ids = [one["id"] for one in (*first[key], *rest[key])]
        assert len(ids) == len(set(ids)) == 3


def test_a_note_of_the_staff_reaches_the_person(stage: Stage, mine: FlaskClient) -> None:
    note = "라이선스를 확인할 수 없습니다."
    service_imports.decide(stage.runtime, stage.desk, asked(stage), Verdict(False, note))

    assert note in mine.get("/zones").text


def test_a_missed_booking_says_so(stage: Stage, mine: FlaskClient) -> None:
    stage.book(length=1)
    service_sessions.close_session(stage.runtime, stage.me, _elsewhere(stage))
    stage.clock.advance(2 * HOUR)

    page = mine.get("/zones?lang=en").text

    assert "Not used" in page
    assert "Session over" in page


def _elsewhere(stage: Stage) -> uuid.UUID:
    """A session that was opened after the first booking's time."""
    made = stage.book(hours=1, length=1)
    stage.clock.advance(HOUR)
    service_sessions.open_session(stage.runtime, stage.desk, made)
    return made


def _only_import(stage: Stage) -> uuid.UUID:
    from sqlalchemy import select

    from gateway.zones.models import ZoneImport

    with stage.runtime.db.read() as session:
        return session.scalars(select(ZoneImport.id)).one()
