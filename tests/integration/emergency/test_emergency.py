"""Break-glass: short, narrow, told to others, recorded, ended by anybody of them, reviewed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from audit.event import Event
from gateway import ids
from gateway.access.models import Grant
from gateway.catalog.models import DatasetVersion
from gateway.cli.main import root
from gateway.clock import FixedClock
from gateway.emergency import service, service_review, wiring
from gateway.emergency.models import Emergency, Verdict
from gateway.emergency.reading import alarm
from gateway.emergency.service import NewEmergency, Stop, Use
from gateway.errors import Problem
from gateway.identity.models import Person, Role
from gateway.identity.service_roles import end_role
from gateway.jobs.worker import Worker
from gateway.journal import Actor, Journal
from gateway.oversight import watch
from gateway.oversight.models import Anomaly
from gateway.runtime import Runtime
from tests import applying, people
from tests import world as worlds
from tests.logs import numbered
from tests.people import acting_as
from tests.world import World

REASON = "유출이 의심되는데 담당자 두 사람에게 연락이 닿지 않습니다."
WHY = "유출이 의심되어 이용을 멈춥니다."


@dataclass(frozen=True, slots=True)
class Stage:
    """Two operators, an auditor, and a dataset with a live grant."""

    runtime: Runtime
    app: Flask
    world: World
    operator: Person
    other: Person
    auditor: Person

    def open(self, **changes: Any) -> Any:
        """Open an emergency as the operator."""
        fields = {"dataset": "voices", "minutes": 30, "reason": REASON} | changes
        return service.open_(self.runtime, acting_as(self.operator), NewEmergency(**fields))

    def stop(self, made: Any, who: Person | None = None, **changes: Any) -> str:
        """Revoke the world's grant under it; the code of the refusal, or "done"."""
        fields = {"stop": Stop.REVOKE_GRANT, "target": str(self.world.grant), "reason": WHY}
        what = Use(**(fields | changes))
        me = acting_as(who or self.operator)
        return tried(lambda: service.use(self.runtime, me, made, what))

    def row(self, kind: Any, row_id: Any) -> Any:
        with self.runtime.db.read() as session:
            return session.get_one(kind, row_id)

    def sit(self, one: Person) -> FlaskClient:
        client = self.app.test_client()
        people.sign_in(client, one)
        return client


def tried(verb: Any) -> str:
    try:
        verb()
    except Problem as problem:
        return str(problem.code)
    return "done"


@pytest.fixture
def stage(runtime: Runtime, app: Flask) -> Stage:
    world = worlds.build(runtime)
    operator, other = people.operators(runtime)
    auditor = people.make_person(runtime, "auditor")
    people.grant(runtime, auditor, Role.AUDITOR)
    return Stage(runtime, app, world, operator, other, auditor)


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> list[Event]:
    """What the journal writes from here on, oldest first."""
    seen: list[Event] = []
    original = Journal._event

    def remember(self: Journal, entry: Any) -> Event:
        event = original(self, entry)
        seen.append(event)
        return event

    monkeypatch.setattr(Journal, "_event", remember)
    return seen


def test_an_operator_stops_a_grant_and_every_step_is_an_event_of_its_own(
    stage: Stage, events: list[Event]
) -> None:
    made = stage.open()
    assert stage.stop(made, stop=Stop.SUSPEND_GRANT) == "done"
    assert stage.row(Grant, stage.world.grant).suspended
    assert stage.stop(made) == "done"
    service.end(stage.runtime, acting_as(stage.operator), made)
    judge = acting_as(stage.auditor)
    service_review.review(stage.runtime, judge, made, Verdict.JUSTIFIED, REASON)

    assert [event.action for event in events] == [
        "emergency.opened", "emergency.used", "grant.suspended", "emergency.used",
        "grant.revoked", "emergency.closed", "emergency.reviewed",
    ]  # fmt: skip
    assert {event.ref for event in events if event.action.startswith("emergency")} == {
        f"emergency:{made}"
    }
    assert stage.row(Emergency, made).uses == 2


def test_it_stops_a_version_too(stage: Stage) -> None:
    made = stage.open()

    assert stage.stop(made, stop=Stop.WITHDRAW_VERSION, target="1.0") == "done"
    assert stage.row(DatasetVersion, stage.world.version).state == "withdrawn"


def test_it_reaches_one_dataset_only(stage: Stage) -> None:
    applying.add_dataset(stage.runtime, "other-data")
    made = stage.open(dataset="other-data")

    assert stage.stop(made) == "not_found"
    assert stage.stop(made, target="not an id") == "not_found"
    assert stage.stop(made, stop=Stop.WITHDRAW_VERSION, target="9.9") == "not_found"
    assert stage.row(Grant, stage.world.grant).ended_at is None
    assert stage.row(Emergency, made).uses == 0


def test_it_is_no_role_and_opens_no_other_door(stage: Stage) -> None:
    """No byte, no list of grants, no resumption, no decision, no log: roles stay what they are."""
    stage.open()
    seat = stage.sit(stage.operator)
    grant = stage.world.grant

    for path in ("/access/dataset/voices", f"/access/grant/{grant}", "/review", "/audit"):
        assert seat.get(path).status_code == 403, path
    for path in (f"/access/grant/{grant}/revoke", f"/access/grant/{grant}/resume"):
        assert people.post(seat, path, reason=WHY).status_code == 403, path
    body = {"dataset": "voices", "path": "b.txt"}
    headers = people.bearer(stage.app.test_client(use_cookies=False), stage.operator)
    answer = stage.app.test_client(use_cookies=False).post(
        "/api/v1/urls", json=body, headers=headers
    )
    assert answer.status_code in {403, 404}


def test_only_operators_open_and_only_the_holder_uses(stage: Stage) -> None:
    stranger = people.make_person(stage.runtime, "stranger")
    steward = people.make_person(stage.runtime, "steward")
    people.grant(stage.runtime, steward, Role.STEWARD)
    new = NewEmergency("voices", 30, REASON)
    for who in (stranger, steward, stage.auditor):
        me = acting_as(who)
        assert tried(lambda me=me: service.open_(stage.runtime, me, new)) == "forbidden"
    made = stage.open()

    assert stage.stop(made, stage.other) == "not_found"
    assert stage.stop(made, stage.auditor) == "forbidden"
    assert stage.row(Grant, stage.world.grant).ended_at is None


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "too long": ({"minutes": 61}, "validation_failed"),
    "no time": ({"minutes": 0}, "validation_failed"),
    "no reason": ({"reason": "급함"}, "validation_failed"),
    "unknown dataset": ({"dataset": "nothing"}, "not_found"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_it_is_short_and_reasoned(stage: Stage, wrong: str) -> None:
    changes, code = WRONG[wrong]

    assert tried(lambda: stage.open(**changes)) == code


def test_it_ends_by_itself(stage: Stage, clock: FixedClock, events: list[Event]) -> None:
    made = stage.open()
    clock.advance(timedelta(minutes=30))

    assert stage.stop(made) == "wrong_state"
    service_review.keep(stage.runtime)
    row = stage.row(Emergency, made)
    assert (row.ended_at, row.ended_by) == (row.ends_at, None)
    assert events[-1].action == "emergency.closed"
    service_review.keep(stage.runtime)
    assert [event.action for event in events].count("emergency.closed") == 1


@pytest.mark.parametrize("who", ["other", "auditor"])
def test_another_operator_or_an_auditor_ends_it_with_the_next_request(
    stage: Stage, who: str
) -> None:
    made = stage.open()
    seat = stage.sit(getattr(stage, who))

    assert people.post(seat, f"/emergency/{made}/end").status_code == 303
    assert stage.stop(made) == "wrong_state"
    assert people.post(seat, f"/emergency/{made}/end").status_code == 409


def test_whoever_loses_the_role_loses_the_emergency(stage: Stage) -> None:
    third = people.make_person(stage.runtime, "third.operator")
    role = people.grant(stage.runtime, third, Role.OPERATOR)
    made = service.open_(stage.runtime, acting_as(third), NewEmergency("voices", 30, REASON))

    end_role(stage.runtime, acting_as(stage.operator), role.id)

    assert stage.stop(made, third) == "forbidden"


def test_of_eight_opened_at_once_one_is(stage: Stage) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = sorted(pool.map(lambda _n: tried(stage.open), range(8)))

    assert answers == [*["conflict"] * 7, "done"]


def reviewed(stage: Stage, made: Any) -> None:
    judge, verdict = acting_as(stage.auditor), Verdict.JUSTIFIED
    service_review.review(stage.runtime, judge, made, verdict, REASON)


def test_no_emergency_follows_another_until_an_auditor_has_looked(
    stage: Stage, clock: FixedClock
) -> None:
    made = stage.open()
    clock.advance(timedelta(minutes=30))
    assert tried(stage.open) == "wrong_state"
    clock.advance(timedelta(days=30))
    assert tried(stage.open) == "wrong_state"

    reviewed(stage, made)
    stage.open()

    with stage.runtime.db.read() as session:
        found = alarm(session, clock.now())
    assert (found.live, found.unreviewed) == (1, 0)


def test_another_operator_follows_after_a_day_or_the_review(
    stage: Stage, clock: FixedClock
) -> None:
    def follow() -> str:
        new = NewEmergency("voices", 30, REASON)
        return tried(lambda: service.open_(stage.runtime, acting_as(stage.other), new))

    stage.open()
    assert follow() == "wrong_state"
    clock.advance(timedelta(minutes=30) + timedelta(hours=24) - timedelta(seconds=1))
    assert follow() == "wrong_state"
    clock.advance(timedelta(seconds=1))
    assert follow() == "done"
    clock.advance(timedelta(minutes=30))
    assert follow() == "wrong_state"


def test_of_two_operators_at_once_one_opens(stage: Stage) -> None:
    def attempt(one: Person) -> str:
        new = NewEmergency("voices", 30, REASON)
        return tried(lambda: service.open_(stage.runtime, acting_as(one), new))

    with ThreadPoolExecutor(2) as pool:
        answers = sorted(pool.map(attempt, (stage.operator, stage.other)))

    assert answers == ["done", "wrong_state"]


def test_nobody_opens_one_with_nobody_to_tell(runtime: Runtime, app: Flask) -> None:
    worlds.build(runtime)
    first = people.person(runtime, people.FIRST)
    people.grant_first_operator(runtime, Actor.operator(), first.id)

    new = NewEmergency("voices", 30, REASON)
    assert tried(lambda: service.open_(runtime, acting_as(first), new)) == "wrong_state"


def test_every_other_operator_and_auditor_gets_a_letter_at_once(
    stage: Stage, events: list[Event]
) -> None:
    stage.open()
    Worker(stage.runtime.db, stage.runtime.clock, wiring.handlers(stage.runtime)).drain()

    letters = [
        path.read_text() for path in Path(stage.runtime.settings.home, "outbox").glob("emer*")
    ]
    told = {name for name in ("auditor", people.SECOND, people.FIRST) if any(
        f"{name}@example.org" in letter for letter in letters
    )}  # fmt: skip
    assert told == {"auditor", people.SECOND}
    assert [event.action for event in events].count("emergency.told") == 2


def test_it_stands_on_the_first_page_and_the_audit_pages_until_it_is_reviewed(
    stage: Stage,
) -> None:
    made = stage.open()
    seat = stage.sit(stage.auditor)
    assert "비상 권한이 열려 있습니다" in seat.get("/?lang=ko").text
    assert "Break-glass access is open" in seat.get("/audit?lang=en").text
    service.end(stage.runtime, acting_as(stage.other), made)
    assert "검토를 기다리는 비상 권한이 있습니다" in seat.get("/?lang=ko").text

    judged = people.post(seat, f"/emergency/{made}/review", verdict="not_justified", note=REASON)

    assert judged.status_code == 303
    assert "비상 권한이 있습니다" not in seat.get("/?lang=ko").text
    assert "정당하지 않음" in seat.get("/emergency?lang=ko").text


def test_it_is_an_anomaly_that_explains_itself(stage: Stage) -> None:
    made = stage.open()
    stage.stop(made)
    numbered(stage.runtime)

    watch.look(stage.runtime)

    with stage.runtime.db.read() as session:
        (found,) = session.scalars(select(Anomaly).where(Anomaly.rule == "break_glass"))
    assert found.evidence["figures"] == {"opened": 1, "used": 1}


def test_a_review_comes_after_the_end_once_and_from_somebody_else(stage: Stage) -> None:
    both = people.make_person(stage.runtime, "both")
    for role in (Role.OPERATOR, Role.AUDITOR):
        people.grant(stage.runtime, both, role)
    auditor, own = acting_as(stage.auditor), acting_as(both)
    made = service.open_(stage.runtime, own, NewEmergency("voices", 30, REASON))

    def judge(me: Actor, note: str = REASON) -> str:
        verb = service_review.review
        return tried(lambda: verb(stage.runtime, me, made, Verdict.JUSTIFIED, note))

    assert judge(auditor) == "wrong_state"
    service.end(stage.runtime, acting_as(stage.other), made)
    assert judge(own) == "forbidden"
    assert judge(acting_as(stage.other)) == "forbidden"
    assert judge(auditor, "짧음") == "validation_failed"
    assert judge(auditor) == "done"
    assert judge(auditor) == "wrong_state"


def test_the_page_leads_through_it(stage: Stage) -> None:
    seat = stage.sit(stage.operator)
    answer = people.post(seat, "/emergency", dataset="voices", minutes="10", reason=REASON)
    assert answer.status_code == 303
    for language, word in (("ko", "이용 멈추기"), ("en", "Stop something")):
        page = seat.get(f"{answer.location}?lang={language}").text
        assert word in page
        assert str(stage.world.grant) in page

    stopped = people.post(
        seat, f"{answer.location}/uses", stop="suspend_grant", target=str(stage.world.grant),
        reason=WHY,
    )  # fmt: skip

    assert stopped.status_code == 303
    assert stage.row(Grant, stage.world.grant).suspended
    again = people.post(seat, "/emergency", dataset="voices", minutes="10", reason=REASON)
    assert again.status_code == 409


def test_the_host_opens_ends_and_shows_in_the_name_of_an_operator(stage: Stage) -> None:
    home = str(stage.runtime.settings.home)
    environment = {"SUMUN_DATABASE_URL": stage.runtime.settings.database_url}

    def sumun(*words: str) -> Any:
        command = ["emergency", *words, "--home", home]
        return CliRunner().invoke(root, command, env=environment, standalone_mode=False)

    assert sumun("status").return_value == 0
    sumun("open", "voices", "--by", people.FIRST, "--reason", REASON)
    with stage.runtime.db.read() as session:
        (made,) = session.scalars(select(Emergency.id))
    sumun("end", str(made), "--by", "auditor")
    row = stage.row(Emergency, made)
    assert (row.person_id, row.ended_by) == (stage.operator.id, stage.auditor.id)
    sumun("open", "voices", "--by", "auditor", "--reason", REASON)
    with stage.runtime.db.read() as session:
        assert len(session.scalars(select(Emergency.id)).all()) == 1


BROKEN: dict[str, dict[str, Any]] = {
    "reviewed by oneself": {"ended": True, "reviewed_by": "operator", "verdict": "justified"},
    "reviewed while it runs": {"ended": False, "reviewed_by": "auditor", "verdict": "justified"},
    "reviewed without a verdict": {"ended": True, "reviewed_by": "auditor", "verdict": None},
    "longer than an hour": {"ended": True, "minutes": 61},
    "without a reason": {"ended": True, "reason": "급함"},
    "no window": {"ended": True, "length": 0},
    "a second one at once": {"ended": False},
}


@pytest.mark.parametrize("broken", BROKEN)
def test_the_database_holds_the_rules_itself(stage: Stage, broken: str) -> None:
    stage.open()
    wrong = BROKEN[broken]
    now = stage.runtime.clock.now()
    judge = wrong.get("reviewed_by")
    row = Emergency(
        id=ids.new(stage.runtime.clock), person_id=stage.operator.id,
        dataset_id=stage.world.dataset, reason=wrong.get("reason", REASON),
        minutes=wrong.get("minutes", 30), opened_at=now,
        ends_at=now + timedelta(minutes=wrong.get("length", 30)),
        ended_at=now if wrong["ended"] else None,
        reviewed_by=getattr(stage, judge).id if judge else None,
        reviewed_at=now if judge else None, verdict=wrong.get("verdict"),
    )  # fmt: skip
    if broken == "reviewed while it runs":
        row.person_id = stage.other.id

    with pytest.raises(IntegrityError), stage.runtime.db.write() as session:
        session.add(row)
