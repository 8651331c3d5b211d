"""What is handed in from a safe zone is reviewed by stewards of its data, under any grant."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from audit.search import Filters
from gateway import ids
from gateway.access.models import Grant
from gateway.catalog.models import Dataset
from gateway.clock import FixedClock
from gateway.errors import Problem, ProblemCode
from gateway.evidence.reading import snapshot
from gateway.exports import service_reading
from gateway.exports.models import ExportState
from gateway.exports.service import ResultWanted, Sink, submit_result
from gateway.exports.service_decision import Verdicts, decide
from gateway.identity.models import Person, Role
from gateway.journal import Act, Actor
from gateway.web.paging import Window
from gateway.zones import service_bookings, service_sessions, service_zones
from gateway.zones.service_bookings import Wanted
from gateway.zones.service_zones import NewZone
from tests import people
from tests import world as worlds
from tests.integration.exports.conftest import FILES, NUMBER, Stage
from tests.integration.exports.making import REASON, events, filling, zipped

OPERATOR = Actor.operator()
ZONE, NETWORK, SEAT = "seoul-1", "10.20.0.0/24", "10.20.0.7"
HOURS = timedelta(hours=2)
BYTES: dict[str, bytes | str] = {"r.txt": FILES["마음/글.txt"]}


@dataclass(frozen=True, slots=True)
class Zoned:
    """`voices` is worked on in a zone; the holder has a grant for `open-text` as well."""

    stage: Stage
    clock: FixedClock
    staff: Actor
    grant: uuid.UUID
    ordinary: Person

    @property
    def seat(self) -> Actor:
        """The holder at a seat of the zone."""
        return self.at(SEAT)

    def at(self, address: str) -> Actor:
        me = self.stage.me
        return replace(me, place=replace(me.place, address=address))

    def opened(self) -> uuid.UUID:
        """A session of the holder with the zone's data."""
        runtime, stage = self.stage.runtime, self.stage
        now = runtime.clock.now()
        wanted = Wanted(ZONE, stage.world.grant, now, now + HOURS)
        made = service_bookings.book(runtime, stage.me, wanted)
        service_sessions.open_session(runtime, self.staff, made)
        return made

    def handed_in(self, me: Actor, grant: uuid.UUID | None = None) -> uuid.UUID:
        """A result under the ordinary grant, scanned."""
        wanted = ResultWanted(grant or self.grant, "결과")
        made = submit_result(self.stage.runtime, me, wanted, filling(zipped(BYTES)))
        self.stage.work()
        return made

    def queue(self, *scopes: str) -> list[uuid.UUID]:
        """What waits for a steward of these datasets."""
        with self.stage.runtime.db.read() as session:
            rows = service_reading.waiting(session, Window(50, "all"), frozenset(scopes))
        return [row.seen.export.id for row in rows]

    def state(self, made: uuid.UUID) -> str:
        return self.stage.export(made).state


@pytest.fixture
def zoned(stage: Stage, clock: FixedClock) -> Zoned:
    runtime, world = stage.runtime, stage.world
    worlds.change(runtime, Dataset, world.dataset, delivery="safe_zone")
    new = NewZone(ZONE, "서울", "Seoul", "3층", 2, [NETWORK])
    service_zones.register(runtime, OPERATOR, new)
    service_zones.assign(runtime, OPERATOR, ZONE, "voices")
    staff = people.make_person(runtime, "zone.staff")
    people.grant(runtime, staff, Role.ZONE_STAFF, ZONE)
    ordinary = people.make_person(runtime, "open.steward")
    people.grant(runtime, ordinary, Role.STEWARD, "open-text")
    other = dataset(stage, "open-text")
    return Zoned(stage, clock, people.acting_as(staff), granted(stage, other), ordinary)


def dataset(stage: Stage, slug: str, delivery: str = "download") -> uuid.UUID:
    """One more dataset on the terms of `voices`."""
    copied = {"id": ids.new(stage.runtime.clock), "slug": slug, "delivery": delivery}
    with stage.runtime.db.write() as session:
        like = session.get_one(Dataset, stage.world.dataset)
        columns = {each.name: getattr(like, each.name) for each in Dataset.__table__.columns}
        session.add(Dataset(**(columns | copied)))
    return copied["id"]


def granted(stage: Stage, dataset_id: uuid.UUID) -> uuid.UUID:
    """A grant like the holder's for another dataset."""
    copied = {"id": ids.new(stage.runtime.clock), "dataset_id": dataset_id}
    with stage.runtime.db.write() as session:
        like = session.get_one(Grant, stage.world.grant)
        columns = {each.name: getattr(like, each.name) for each in Grant.__table__.columns}
        session.add(Grant(**(columns | copied)))
    return copied["id"]


def entered(app: Flask, person: Person) -> FlaskClient:
    """A browser outside the zone, at which `person` has signed in."""
    client = app.test_client()
    people.sign_in(client, person)
    return client


def refusal(act: Callable[[], object]) -> Problem:
    with pytest.raises(Problem) as caught:
        act()
    return caught.value


def verdict(zoned: Zoned, made: uuid.UUID, approve: bool = True) -> Verdicts:
    return Verdicts(approve, REASON, zoned.stage.export(made).content_sha256 or "")


def test_from_a_seat_a_result_is_held_though_its_grant_is_an_ordinary_one(zoned: Zoned) -> None:
    zoned.opened()

    made = zoned.handed_in(zoned.seat)

    seen = zoned.stage.seen(made)
    assert (seen.state, seen.scan and seen.scan.verdict) == (ExportState.HELD, "clean")
    assert [each.slug for each in seen.origins] == ["voices"]
    assert seen.held_because == ("at_a_seat",)


def test_during_a_session_a_result_is_held_wherever_it_comes_from(zoned: Zoned) -> None:
    zoned.opened()
    assert zoned.state(zoned.handed_in(zoned.at("203.0.113.9"))) == ExportState.HELD


def test_in_the_zone_a_result_is_held_though_no_session_is_open(zoned: Zoned) -> None:
    assert zoned.state(zoned.handed_in(zoned.seat)) == ExportState.HELD


def test_a_session_that_ends_while_the_bytes_come_in_still_counts(zoned: Zoned) -> None:
    runtime, opened = zoned.stage.runtime, zoned.opened()

    def fill(sink: Sink) -> None:
        zoned.clock.advance(timedelta(minutes=1))
        service_sessions.close_session(runtime, zoned.staff, opened)
        sink.write(zipped(BYTES))

    wanted = ResultWanted(zoned.grant, "결과")
    made = submit_result(runtime, zoned.at("203.0.113.9"), wanted, fill)
    zoned.stage.work()

    assert zoned.state(made) == ExportState.HELD


@pytest.mark.parametrize("before", ["none", "closed", "time up"])
def test_away_from_the_zone_an_ordinary_result_is_released_at_once(
    zoned: Zoned, before: str
) -> None:
    if before != "none":
        opened = zoned.opened()
    zoned.clock.advance(timedelta(minutes=1) if before == "closed" else HOURS)
    if before == "closed":
        service_sessions.close_session(zoned.stage.runtime, zoned.staff, opened)

    made = zoned.handed_in(zoned.at("203.0.113.9"))

    assert zoned.state(made) == ExportState.RELEASED
    assert zoned.stage.seen(made).origins == []


def test_only_a_steward_of_the_safe_zones_data_sees_and_decides(zoned: Zoned) -> None:
    zoned.opened()
    made, runtime = zoned.handed_in(zoned.seat), zoned.stage.runtime
    ordinary = people.acting_as(zoned.ordinary)

    refused = refusal(lambda: decide(runtime, ordinary, made, verdict(zoned, made)))
    queues = [zoned.queue("open-text"), zoned.queue("voices"), zoned.queue("*")]
    decide(runtime, zoned.stage.reviewer, made, verdict(zoned, made))

    assert refused.code is ProblemCode.NOT_FOUND
    assert queues == [[], [made], [made]]
    assert zoned.state(made) == ExportState.RELEASED


def test_a_rejected_result_stays_closed(zoned: Zoned) -> None:
    made = zoned.handed_in(zoned.seat)

    decide(zoned.stage.runtime, zoned.stage.reviewer, made, verdict(zoned, made, approve=False))

    assert zoned.state(made) == ExportState.REJECTED


def test_data_of_two_safe_zones_needs_a_steward_of_both(zoned: Zoned) -> None:
    stage = zoned.stage
    second = granted(stage, dataset(stage, "faces", delivery="safe_zone"))
    both = people.make_person(stage.runtime, "both.steward")
    for slug in ("voices", "faces"):
        people.grant(stage.runtime, both, Role.STEWARD, slug)
    zoned.opened()
    made = zoned.handed_in(zoned.seat, second)

    problem = refusal(lambda: decide(stage.runtime, stage.reviewer, made, verdict(zoned, made)))
    queues = [zoned.queue("voices"), zoned.queue("faces"), zoned.queue("voices", "faces")]
    decide(stage.runtime, people.acting_as(both), made, verdict(zoned, made))

    assert problem.code is ProblemCode.NOT_FOUND
    assert queues == [[], [], [made]]
    assert zoned.state(made) == ExportState.RELEASED


def test_a_seat_without_a_session_may_hold_everything_of_its_zone(zoned: Zoned) -> None:
    stage = zoned.stage
    dataset(stage, "faces", delivery="safe_zone")
    service_zones.assign(stage.runtime, OPERATOR, ZONE, "faces")

    waiting = zoned.stage.seen(zoned.handed_in(zoned.seat))
    zoned.opened()
    sitting = zoned.stage.seen(zoned.handed_in(zoned.seat))

    assert [each.slug for each in waiting.origins] == ["faces", "voices"]
    assert [each.slug for each in sitting.origins] == ["voices"]


def test_the_own_safe_zone_grant_is_reviewed_as_before(zoned: Zoned) -> None:
    zoned.opened()
    made = zoned.handed_in(zoned.seat, zoned.stage.world.grant)

    decide(zoned.stage.runtime, zoned.stage.reviewer, made, verdict(zoned, made))

    assert zoned.state(made) == ExportState.RELEASED


def test_findings_are_told_beside_the_seat(zoned: Zoned) -> None:
    wanted = ResultWanted(zoned.grant, "결과")
    data = zipped({"r.txt": f"주민등록번호 {NUMBER}\n"})
    made = submit_result(zoned.stage.runtime, zoned.seat, wanted, filling(data))
    zoned.stage.work()

    assert zoned.stage.seen(made).held_because == ("findings", "at_a_seat")


def test_the_log_names_the_data_that_was_in_reach(zoned: Zoned) -> None:
    zoned.handed_in(zoned.seat)

    events(zoned.stage)
    with snapshot(zoned.stage.runtime, main=True) as (_sql, reader):
        found = reader.search(Filters(action=str(Act.EXPORT_HELD)))
        said = [reader.leaf(each) for each in found]

    assert [each.reason for each in said] == ["OUTPUT_REVIEW_PENDING"]
    assert [each.detail["safe_zone_data"] for each in said] == [["voices"]]


@pytest.mark.parametrize(
    ("language", "words"),
    [("ko", "안심존 좌석에서"), ("en", "handed in from a seat of a safe zone")],
)
def test_the_page_says_why_in_both_languages(
    zoned: Zoned, app: Flask, language: str, words: str
) -> None:
    made = zoned.handed_in(zoned.seat)

    own = entered(app, zoned.stage.holder).get(f"/exports/{made}?lang={language}").text
    review = entered(app, zoned.stage.steward).get(f"/exports/{made}?lang={language}").text

    assert words in own
    assert words in review


def test_the_api_says_why_in_both_languages(zoned: Zoned, app: Flask) -> None:
    made = zoned.handed_in(zoned.seat)

    told = entered(app, zoned.stage.holder).get(f"/api/v1/exports/{made}").json

    assert told["safe_zone_data"] == ["voices"]
    assert "안심존 좌석" in told["held_ko"]
    assert "safe zone" in told["held_en"]
