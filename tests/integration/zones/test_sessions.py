"""Sessions: opened by staff who are somebody else, over by the clock, by staff, by the person."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from gateway.access import grants
from gateway.access.models import Grant
from gateway.applications.models import ResearchProject
from gateway.clock import to_ms
from gateway.errors import Problem, ProblemCode
from gateway.identity.models import Role
from gateway.jobs.worker import Worker
from gateway.journal import Act
from gateway.zones import service_bookings, service_sessions, service_zones, wiring
from gateway.zones.models import ZoneSession
from gateway.zones.service_facts import facts_of_grant
from policies.vocabulary import ZoneSession as Standing
from tests import people
from tests import world as worlds
from tests.integration.zones.conftest import (
    DAYS,
    HOUR,
    OPERATOR,
    OTHER_ZONE,
    REASON,
    SLUG,
    TIES,
    Stage,
    codes,
    refusal,
    register,
    term,
    tie,
)


def standing(stage: Stage) -> Standing:
    return facts_of_grant(stage.runtime, stage.world.grant).session


def test_the_rules_are_told_none_then_open_then_over(stage: Stage) -> None:
    before = standing(stage)
    made = stage.book()
    waiting = standing(stage)
    service_sessions.open_session(stage.runtime, stage.desk, made)
    inside = standing(stage)
    service_sessions.close_session(stage.runtime, stage.desk, made)

    seen = (before, waiting, inside, standing(stage))
    assert seen == (Standing.NONE, Standing.NONE, Standing.OPEN, Standing.OVER)
    assert [said.detail["end"] for said in stage.said(Act.ZONE_SESSION_ENDED)] == ["closed"]


def test_the_clock_ends_a_session_before_any_worker_does(stage: Stage) -> None:
    stage.opened(length=2)

    stage.clock.advance(2 * HOUR - timedelta(milliseconds=1))
    last_moment = standing(stage)
    stage.clock.advance(timedelta(milliseconds=1))

    assert (last_moment, standing(stage)) == (Standing.OPEN, Standing.OVER)


def test_the_worker_writes_down_once_that_time_was_up(stage: Stage) -> None:
    opened, missed = stage.opened(length=2), stage.book(hours=2, length=1)
    before = stage.work()
    stage.clock.advance(4 * HOUR)

    handlers = wiring.handlers(stage.runtime)
    workers = [Worker(stage.runtime.db, stage.clock, handlers) for _ in range(3)]
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda worker: worker.drain(), workers))

    said = stage.said(Act.ZONE_SESSION_ENDED)
    assert before == 0
    assert {one.ref for one in said} == {f"zone_session:{opened}", f"zone_session:{missed}"}
    assert [one.detail["end"] for one in said] == ["time_up", "time_up"]
    assert {stage.row(one).end_reason for one in (opened, missed)} == {"time_up"}


def test_staff_never_open_their_own_session(stage: Stage) -> None:
    people.grant(stage.runtime, stage.holder, Role.ZONE_STAFF, SLUG)
    made = stage.book()

    refused = refusal(lambda: service_sessions.open_session(stage.runtime, stage.me, made))

    assert refused.code is ProblemCode.FORBIDDEN
    assert [said.reason for said in stage.said(Act.ACCESS_DECIDED)] == ["OWN_SESSION"]
    assert standing(stage) is Standing.NONE


@pytest.mark.parametrize("how", TIES)
def test_staff_never_open_a_session_of_their_own_research_project(stage: Stage, how: str) -> None:
    tie(stage, stage.staff, how)
    made = stage.book()

    refused = refusal(lambda: service_sessions.open_session(stage.runtime, stage.desk, made))

    assert refused.code is ProblemCode.FORBIDDEN
    assert "research project" in refused.detail_en
    assert "연구과제" in refused.detail_ko
    assert [said.reason for said in stage.said(Act.ACCESS_DECIDED)] == ["OWN_PROJECT"]
    assert standing(stage) is Standing.NONE


def test_staff_of_another_research_project_open_the_session(stage: Stage) -> None:
    _person, grant = stage.another("colleague")
    with stage.runtime.db.read() as session:
        project = session.get_one(Grant, grant).project_id
    worlds.change(stage.runtime, ResearchProject, project, supervisor_id=stage.staff.id)

    stage.opened()

    assert standing(stage) is Standing.OPEN


def test_the_database_too_keeps_people_from_opening_their_own(stage: Stage) -> None:
    stage.book()
    own = {"opened_at": stage.clock.now(), "opened_by": stage.holder.id}

    with pytest.raises(IntegrityError), stage.runtime.db.write() as session:
        session.execute(update(ZoneSession).values(**own))


def test_only_staff_of_the_very_zone_may_open(stage: Stage) -> None:
    other = people.make_person(stage.runtime, "other.staff")
    people.grant(stage.runtime, other, Role.ZONE_STAFF, OTHER_ZONE)
    made = stage.book()

    for person in (other, stage.holder, people.make_person(stage.runtime, "nobody")):
        me = people.acting_as(person)
        refused = refusal(lambda me=me: service_sessions.open_session(stage.runtime, me, made))
        assert refused.code is ProblemCode.NOT_FOUND


def test_staff_everywhere_may_open_in_every_zone(stage: Stage) -> None:
    everywhere = people.make_person(stage.runtime, "all.staff")
    people.grant(stage.runtime, everywhere, Role.ZONE_STAFF)

    service_sessions.open_session(stage.runtime, people.acting_as(everywhere), stage.book())

    assert standing(stage) is Standing.OPEN


@pytest.mark.parametrize("hours", [-0.01, 2], ids=["too early", "too late"])
def test_a_session_opens_only_within_the_booked_time(stage: Stage, hours: float) -> None:
    made = stage.book(hours=1, length=2)
    stage.clock.advance((1 + hours) * HOUR)

    refused = refusal(lambda: service_sessions.open_session(stage.runtime, stage.desk, made))

    assert refused.code is ProblemCode.WRONG_STATE


def test_the_rules_are_asked_again_at_the_door(stage: Stage) -> None:
    made = stage.book()
    grants.suspend(stage.runtime, stage.desk, stage.world.grant, REASON)

    denied = refusal(lambda: service_sessions.open_session(stage.runtime, stage.desk, made))

    assert codes(denied) == ["GRANT_SUSPENDED"]
    (said,) = stage.said(Act.ACCESS_DECIDED)
    assert (said.outcome, said.reason, said.ref) == (
        "deny", "GRANT_SUSPENDED", f"zone_session:{made}",
    )  # fmt: skip


def test_what_has_ended_stays_so(stage: Stage) -> None:
    made = stage.opened()
    again = refusal(lambda: service_sessions.open_session(stage.runtime, stage.desk, made))
    service_sessions.close_session(stage.runtime, stage.me, made)

    verbs = (
        service_sessions.open_session,
        service_sessions.close_session,
        service_sessions.cancel,
    )
    later = {refusal(lambda v=v: v(stage.runtime, stage.desk, made)).code for v in verbs}

    assert {again.code} == later == {ProblemCode.WRONG_STATE}


def test_nobody_else_ends_or_cancels(stage: Stage) -> None:
    stranger = people.acting_as(people.make_person(stage.runtime, "stranger"))
    open_now, booked = stage.opened(length=1), stage.book(hours=1)

    ended = refusal(lambda: service_sessions.close_session(stage.runtime, stranger, open_now))
    cancelled = refusal(lambda: service_sessions.cancel(stage.runtime, stranger, booked))

    assert {ended.code, cancelled.code} == {ProblemCode.NOT_FOUND}


def test_the_term_counts_from_the_first_session_that_was_opened(stage: Stage) -> None:
    term(stage, 25)
    stage.book(hours=24)
    unused = facts_of_grant(stage.runtime, stage.world.grant).term_ends_ms
    began = stage.clock.now()
    service_sessions.close_session(stage.runtime, stage.me, stage.opened())
    stage.clock.advance(10 * DAYS)
    service_sessions.close_session(stage.runtime, stage.me, stage.opened())

    assert unused is None
    facts = facts_of_grant(stage.runtime, stage.world.grant)
    assert facts.term_ends_ms == to_ms(began + 25 * DAYS)


def test_once_the_term_is_over_no_seat_helps(stage: Stage) -> None:
    term(stage, 1)
    service_sessions.close_session(stage.runtime, stage.me, stage.opened())
    stage.clock.advance(DAYS)

    assert codes(refusal(stage.book)) == ["SAFE_ZONE_SESSION_OVER"]


def test_an_agreement_without_a_term_sets_no_end(stage: Stage) -> None:
    stage.opened()

    assert facts_of_grant(stage.runtime, stage.world.grant).term_ends_ms is None


def test_closing_a_zone_ends_everything_in_it(stage: Stage) -> None:
    open_now, later = stage.opened(length=1), stage.book(hours=5)

    ended = service_zones.close(stage.runtime, OPERATOR, SLUG, REASON)

    assert (ended, standing(stage)) == (2, Standing.OVER)
    assert [stage.row(one).end_reason for one in (open_now, later)] == ["closed", "cancelled"]
    assert len(stage.said(Act.ZONE_SESSION_ENDED, Act.ZONE_SESSION_CANCELLED)) == 2
    assert refusal(lambda: service_zones.close(stage.runtime, OPERATOR, SLUG, REASON)).code is (
        ProblemCode.WRONG_STATE
    )


def test_a_dataset_that_leaves_the_zone_is_read_there_no_more(stage: Stage) -> None:
    stage.opened()

    ended = service_zones.unassign(stage.runtime, OPERATOR, SLUG, "voices")

    assert (ended, standing(stage)) == (1, Standing.OVER)


def test_what_ran_out_while_no_worker_ran_does_not_block_the_seat(stage: Stage) -> None:
    first = stage.opened(length=1)
    guest, grant_id = stage.another("guest")
    stage.clock.advance(HOUR)
    wanted = stage.wanted(grant_id=grant_id, seat=1)
    made = service_bookings.book(stage.runtime, people.acting_as(guest), wanted)

    service_sessions.open_session(stage.runtime, stage.desk, made)

    assert (stage.row(first).end_reason, stage.row(made).opened_by) == ("time_up", stage.staff.id)


def test_opening_and_cancelling_at_once_leaves_one_of_them(stage: Stage) -> None:
    for _round in range(4):
        made = stage.book(length=2)
        acts = (
            lambda made=made: service_sessions.open_session(stage.runtime, stage.desk, made),
            lambda made=made: service_sessions.cancel(stage.runtime, stage.me, made),
        )
        with ThreadPoolExecutor(2) as pool:
            outcomes = list(pool.map(_tried, acts))
        assert sorted(outcomes, key=str) == sorted([None, ProblemCode.WRONG_STATE], key=str)
        if stage.row(made).ended_at is None:
            service_sessions.close_session(stage.runtime, stage.desk, made)
        stage.clock.advance(2 * HOUR)


def test_a_zone_is_registered_once_and_wholly(stage: Stage) -> None:
    taken = refusal(lambda: register(stage.runtime, SLUG))
    faults = [
        refusal(lambda new=new: service_zones.register(stage.runtime, OPERATOR, new))
        for new in (
            service_zones.NewZone("Not A Slug", "이름", "name", "곳", 1, ["10.0.0.0/8"]),
            service_zones.NewZone("ok", "", "name", "곳", 1, ["10.0.0.0/8"]),
            service_zones.NewZone("ok", "이름", "name", "곳", 0, ["10.0.0.0/8"]),
            service_zones.NewZone("ok", "이름", "name", "곳", 1, []),
            service_zones.NewZone("ok", "이름", "name", "곳", 1, ["0.0.0.0/0"]),
            service_zones.NewZone("ok", "이름", "name", "곳", 1, ["10.0.0.1/8"]),
            service_zones.NewZone("ok", "이름", "name", "곳", 1, ["seat"]),
        )
    ]

    assert taken.code is ProblemCode.CONFLICT
    assert {fault.code for fault in faults} == {ProblemCode.VALIDATION_FAILED}
    assert len(stage.said(Act.ZONE_REGISTERED)) == 1


def _tried(act: Callable[[], None]) -> ProblemCode | None:
    try:
        act()
    except Problem as problem:
        return problem.code
    return None
