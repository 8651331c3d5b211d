"""Versions through time: announced, in force, in their notice period, withdrawn; both databases."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from gateway.agreements import service, service_schedule
from gateway.agreements.models import Acceptance, AgreementVersion
from gateway.clock import FixedClock
from gateway.errors import OperatorError, Problem, ProblemCode
from gateway.journal import Act
from gateway.runtime import Runtime
from policies.terms import Change
from tests import world as made
from tests.integration.agreements.publishing import (
    DAY,
    SYSTEM,
    bring,
    codes,
    publish,
    sign_version,
    states,
    told,
    version,
)
from tests.world import World

MOMENT = timedelta(milliseconds=1)
SUPERSEDED, NOT_LIVE = ("AGREEMENT_SUPERSEDED",), ("ACCEPTANCE_NOT_LIVE",)
# Without a text in force nothing can be signed, and the terms that rules ask for are unknown.
CLOSED = (*NOT_LIVE, "FACT_MISSING")


@pytest.fixture
def world(runtime: Runtime) -> World:
    return made.build(runtime)


def refused(attempt: Any) -> ProblemCode:
    with pytest.raises(Problem) as caught:
        attempt()
    return caught.value.code


def test_the_signed_first_version_lets_its_signer_through(runtime: Runtime, world: World) -> None:
    assert codes(runtime, world) == ()


def test_a_minor_change_asks_nobody_and_gives_no_notice(
    runtime: Runtime, world: World, clock: FixedClock
) -> None:
    bring(runtime, 2, Change.MINOR)
    clock.advance(100 * DAY)

    assert codes(runtime, world) == ()
    assert version(runtime, 2).grace_ends_at is None


@pytest.mark.parametrize(("change", "days"), [(Change.MATERIAL, 7), (Change.ADVERSE, 30)])
def test_a_signature_holds_through_the_notice_period_and_not_a_moment_longer(
    runtime: Runtime, world: World, clock: FixedClock, change: Change, days: int
) -> None:
    bring(runtime, 2, change)

    clock.advance(days * DAY - MOMENT)
    assert codes(runtime, world) == ()
    clock.advance(MOMENT)
    assert codes(runtime, world) == SUPERSEDED
    sign_version(runtime, world, 2)
    assert codes(runtime, world) == ()


def test_a_longer_notice_than_the_least_counts(
    runtime: Runtime, world: World, clock: FixedClock
) -> None:
    bring(runtime, 2, Change.MATERIAL, notice_days=20)

    clock.advance(20 * DAY - MOMENT)
    assert codes(runtime, world) == ()
    clock.advance(MOMENT)
    assert codes(runtime, world) == SUPERSEDED


def test_a_signature_that_ran_out_gets_no_notice_period(
    runtime: Runtime, world: World, clock: FixedClock
) -> None:
    made.change(runtime, Acceptance, world.acceptance, expires_at=clock.now() + DAY)
    bring(runtime, 2, Change.MATERIAL)

    clock.advance(DAY - MOMENT)
    assert codes(runtime, world) == ()
    clock.advance(MOMENT)
    assert codes(runtime, world) == NOT_LIVE


def test_withdrawing_without_a_successor_closes_at_once(runtime: Runtime, world: World) -> None:
    service.withdraw(runtime, SYSTEM, world.agreement)

    assert codes(runtime, world) == CLOSED
    assert states(runtime) == ["withdrawn"]


def test_a_signature_survives_a_gap_only_for_the_notice_of_the_next_version(
    runtime: Runtime, world: World, clock: FixedClock
) -> None:
    service.withdraw(runtime, SYSTEM, world.agreement)
    clock.advance(DAY)
    bring(runtime, 2, Change.MATERIAL)

    assert codes(runtime, world) == ()
    clock.advance(7 * DAY)
    assert codes(runtime, world) == SUPERSEDED


def test_a_minor_change_does_not_end_the_notice_period_before_it(
    runtime: Runtime, world: World, clock: FixedClock
) -> None:
    bring(runtime, 2, Change.MATERIAL)
    clock.advance(2 * DAY)
    bring(runtime, 3, Change.MINOR)

    assert codes(runtime, world) == ()
    clock.advance(5 * DAY)
    assert codes(runtime, world) == SUPERSEDED


def test_a_later_notice_period_does_not_prolong_an_earlier_one(
    runtime: Runtime, world: World, clock: FixedClock
) -> None:
    bring(runtime, 2, Change.MATERIAL)
    clock.advance(2 * DAY)
    bring(runtime, 3, Change.ADVERSE)

    clock.advance(5 * DAY - MOMENT)
    assert codes(runtime, world) == ()
    clock.advance(MOMENT)
    assert codes(runtime, world) == SUPERSEDED


def test_whoever_signed_the_version_between_has_the_later_notice(
    runtime: Runtime, world: World, clock: FixedClock
) -> None:
    bring(runtime, 2, Change.MATERIAL)
    sign_version(runtime, world, 2)
    clock.advance(2 * DAY)
    bring(runtime, 3, Change.ADVERSE)

    clock.advance(30 * DAY - MOMENT)
    assert codes(runtime, world) == ()
    clock.advance(MOMENT)
    assert codes(runtime, world) == SUPERSEDED


def test_a_skipped_version_adds_its_notice_to_the_one_that_overtakes_it(
    runtime: Runtime, world: World, clock: FixedClock
) -> None:
    publish(runtime, 2, Change.ADVERSE)
    bring(runtime, 3, Change.MINOR)

    assert states(runtime) == ["withdrawn", "withdrawn", "in_force"]
    clock.advance(30 * DAY - MOMENT)
    assert codes(runtime, world) == ()
    clock.advance(MOMENT)
    assert codes(runtime, world) == SUPERSEDED


def test_an_older_version_never_follows_a_newer_one(runtime: Runtime, world: World) -> None:
    newer = bring(runtime, 2, Change.MATERIAL)
    service.withdraw(runtime, SYSTEM, newer)

    attempts = (
        lambda: service.put_in_force(runtime, SYSTEM, world.agreement),
        lambda: service_schedule.announce(
            runtime, SYSTEM, world.agreement, runtime.clock.now() + DAY
        ),
    )
    assert [refused(attempt) for attempt in attempts] == [ProblemCode.WRONG_STATE] * 2


def test_an_announced_version_comes_into_force_at_its_time(
    runtime: Runtime, world: World, clock: FixedClock
) -> None:
    made_id = publish(runtime, 2, Change.MATERIAL)
    service_schedule.announce(runtime, SYSTEM, made_id, clock.now() + DAY)
    assert states(runtime) == ["in_force", "shadow"]

    clock.advance(DAY - MOMENT)
    assert service_schedule.keep(runtime) == 0
    clock.advance(MOMENT)
    assert service_schedule.keep(runtime) == 1
    assert service_schedule.keep(runtime) == 0

    assert states(runtime) == ["withdrawn", "in_force"]
    assert version(runtime, 2).grace_ends_at == clock.now() + 7 * DAY
    assert len(told(runtime, Act.AGREEMENT_IN_FORCE)) == 1


def test_many_workers_do_what_is_due_once(
    runtime: Runtime, world: World, clock: FixedClock
) -> None:
    made_id = publish(runtime, 2, Change.MATERIAL)
    service_schedule.announce(runtime, SYSTEM, made_id, clock.now() + DAY)
    clock.advance(2 * DAY)

    with ThreadPoolExecutor(6) as pool:
        done = list(pool.map(lambda _each: service_schedule.keep(runtime), range(6)))

    assert sum(done) == 1
    assert states(runtime) == ["withdrawn", "in_force"]
    for act in (Act.AGREEMENT_IN_FORCE, Act.AGREEMENT_WITHDRAWN):
        assert len(told(runtime, act)) == 1


def test_two_announced_versions_that_are_both_due_follow_each_other(
    runtime: Runtime, world: World, clock: FixedClock
) -> None:
    for number, change in ((2, Change.MATERIAL), (3, Change.MINOR)):
        made_id = publish(runtime, number, change)
        service_schedule.announce(runtime, SYSTEM, made_id, clock.now() + number * DAY)
    clock.advance(10 * DAY)

    assert service_schedule.keep(runtime) == 2
    assert states(runtime) == ["withdrawn", "withdrawn", "in_force"]


def test_an_announcement_can_be_moved_and_called_off(
    runtime: Runtime, world: World, clock: FixedClock
) -> None:
    made_id = publish(runtime, 2, Change.MATERIAL)
    service_schedule.announce(runtime, SYSTEM, made_id, clock.now() + DAY)
    service_schedule.announce(runtime, SYSTEM, made_id, clock.now() + 3 * DAY)
    clock.advance(DAY)
    assert service_schedule.keep(runtime) == 0

    service_schedule.call_off(runtime, SYSTEM, made_id)
    clock.advance(5 * DAY)
    assert service_schedule.keep(runtime) == 0

    assert states(runtime) == ["in_force", "draft"]
    again = lambda: service_schedule.call_off(runtime, SYSTEM, made_id)  # noqa: E731
    assert refused(again) is ProblemCode.WRONG_STATE


def test_a_planned_end_holds_by_the_clock_before_anybody_writes_it_down(
    runtime: Runtime, world: World, clock: FixedClock
) -> None:
    service_schedule.plan_end(runtime, SYSTEM, world.agreement, clock.now() + DAY)
    clock.advance(DAY - MOMENT)
    assert codes(runtime, world) == ()

    clock.advance(MOMENT)
    assert codes(runtime, world) == CLOSED
    assert states(runtime) == ["in_force"]

    assert service_schedule.keep(runtime) == 1
    assert states(runtime) == ["withdrawn"]
    assert codes(runtime, world) == CLOSED


def test_a_planned_end_can_be_taken_back(runtime: Runtime, world: World, clock: FixedClock) -> None:
    service_schedule.plan_end(runtime, SYSTEM, world.agreement, clock.now() + DAY)
    service_schedule.plan_end(runtime, SYSTEM, world.agreement, None)
    clock.advance(2 * DAY)

    assert service_schedule.keep(runtime) == 0
    assert codes(runtime, world) == ()


def test_an_end_at_the_moment_of_a_beginning_leaves_the_new_version_in_force(
    runtime: Runtime, world: World, clock: FixedClock
) -> None:
    made_id = publish(runtime, 2, Change.MINOR)
    service_schedule.plan_end(runtime, SYSTEM, world.agreement, clock.now() + DAY)
    service_schedule.announce(runtime, SYSTEM, made_id, clock.now() + DAY)
    clock.advance(DAY)

    assert service_schedule.keep(runtime) == 2
    assert states(runtime) == ["withdrawn", "in_force"]
    assert codes(runtime, world) == ()


def test_no_moment_of_the_past_can_be_planned(
    runtime: Runtime, world: World, clock: FixedClock
) -> None:
    made_id, past = publish(runtime, 2, Change.MATERIAL), clock.now()

    attempts = (
        lambda: service_schedule.announce(runtime, SYSTEM, made_id, past),
        lambda: service_schedule.plan_end(runtime, SYSTEM, world.agreement, past),
    )
    assert [refused(attempt) for attempt in attempts] == [ProblemCode.VALIDATION_FAILED] * 2


def test_a_text_that_has_ended_cannot_be_signed(
    runtime: Runtime, world: World, clock: FixedClock
) -> None:
    service_schedule.plan_end(runtime, SYSTEM, world.agreement, clock.now() + DAY)
    clock.advance(DAY)

    attempt = lambda: sign_version(runtime, world, 1)  # noqa: E731
    assert refused(attempt) is ProblemCode.WRONG_STATE


@pytest.mark.parametrize("column", ["sha256", "text_ko", "text_en", "terms"])
def test_a_record_that_differs_from_its_file_stops_the_start_and_is_named(
    runtime: Runtime, column: str
) -> None:
    service.sync_files(runtime)
    with runtime.db.read() as session:
        faces = service.version_named(session, "faces/v1")
    assert faces is not None
    altered = faces.terms | {"destruction_days": 99} if column == "terms" else "0" * 64
    made.change(runtime, AgreementVersion, faces.id, **{column: altered})

    with pytest.raises(OperatorError, match="policies/agreements/faces/v1"):
        service.sync_files(runtime)
