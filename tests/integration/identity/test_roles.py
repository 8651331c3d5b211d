"""Roles: two persons for sensitive ones, in the service and in the database."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from gateway import ids
from gateway.clock import FixedClock
from gateway.errors import Problem, ProblemCode
from gateway.identity.models import Person, Role, RoleGrant
from gateway.identity.service_people import close, close_own, suspend
from gateway.identity.service_roles import (
    NewRole,
    confirm_role,
    end_role,
    grant_first_operator,
    grant_role,
    holds,
    list_roles,
)
from gateway.journal import Actor
from gateway.runtime import Runtime
from tests.people import PASSWORD, acting_as, grant, make_person, operators


def has(runtime: Runtime, person_id: uuid.UUID, role: Role, scope: str = "*") -> bool:
    with runtime.db.read() as session:
        return holds(session, person_id, role, runtime.clock.now(), scope)


def test_a_sensitive_role_counts_only_once_a_second_person_confirmed_it(runtime: Runtime) -> None:
    first, second = operators(runtime)
    steward = make_person(runtime, "steward")

    row = grant_role(runtime, acting_as(first), NewRole(steward.id, Role.STEWARD))
    assert not has(runtime, steward.id, Role.STEWARD)

    confirm_role(runtime, acting_as(second), row.id)
    assert has(runtime, steward.id, Role.STEWARD)


def test_neither_the_first_nor_the_holder_can_confirm(runtime: Runtime) -> None:
    first, _second = operators(runtime)
    holder = make_person(runtime, "holder")
    grant(runtime, holder, Role.OPERATOR)

    row = grant_role(runtime, acting_as(first), NewRole(holder.id, Role.STEWARD))

    for person in (first, holder):
        with pytest.raises(Problem) as refused:
            confirm_role(runtime, acting_as(person), row.id)
        assert refused.value.code is ProblemCode.FORBIDDEN
    assert not has(runtime, holder.id, Role.STEWARD)


def test_only_an_operator_grants_confirms_and_ends(runtime: Runtime) -> None:
    first, _second = operators(runtime)
    stranger, holder = make_person(runtime, "stranger"), make_person(runtime, "holder")
    row = grant_role(runtime, acting_as(first), NewRole(holder.id, Role.AUDITOR))

    for attempt in (
        lambda: grant_role(runtime, acting_as(stranger), NewRole(holder.id, Role.STEWARD)),
        lambda: confirm_role(runtime, acting_as(stranger), row.id),
        lambda: end_role(runtime, acting_as(stranger), row.id),
    ):
        with pytest.raises(Problem) as refused:
            attempt()
        assert refused.value.code is ProblemCode.FORBIDDEN


def test_nobody_grants_a_role_to_themselves(runtime: Runtime) -> None:
    first, _second = operators(runtime)

    with pytest.raises(Problem) as refused:
        grant_role(runtime, acting_as(first), NewRole(first.id, Role.AUDITOR))

    assert refused.value.code is ProblemCode.FORBIDDEN


def test_there_is_one_first_operator(runtime: Runtime) -> None:
    operators(runtime)
    late = make_person(runtime, "late")

    with pytest.raises(Problem) as refused:
        grant_first_operator(runtime, Actor.operator(), late.id)

    assert refused.value.code is ProblemCode.CONFLICT


def test_the_first_operator_is_made_on_the_host_only(runtime: Runtime) -> None:
    person = make_person(runtime, "person")

    with pytest.raises(Problem) as refused:
        grant_first_operator(runtime, acting_as(person), person.id)

    assert refused.value.code is ProblemCode.FORBIDDEN


def test_on_the_host_a_bystander_confirms_only_while_no_other_operator_can(
    runtime: Runtime,
) -> None:
    first, _second = operators(runtime)
    holder, bystander = make_person(runtime, "holder"), make_person(runtime, "bystander")
    row = grant_role(runtime, acting_as(first), NewRole(holder.id, Role.STEWARD))

    with pytest.raises(Problem) as refused:
        confirm_role(runtime, Actor.operator(), row.id, bystander.id)

    assert refused.value.code is ProblemCode.FORBIDDEN


def test_a_host_command_grants_in_a_named_operators_name(runtime: Runtime) -> None:
    operators(runtime)
    holder, stranger = make_person(runtime, "holder"), make_person(runtime, "stranger")

    for named in (None, stranger.id):
        with pytest.raises(Problem) as refused:
            grant_role(runtime, Actor.operator(), NewRole(holder.id, Role.STEWARD), named)
        assert refused.value.code is ProblemCode.FORBIDDEN


def test_a_role_counts_within_its_half_open_period(runtime: Runtime, clock: FixedClock) -> None:
    worker = make_person(runtime, "worker")
    starts = clock.now() + timedelta(days=1)
    ends = clock.now() + timedelta(days=2)
    grant(runtime, worker, Role.CONTRACTOR, starts_at=starts, ends_at=ends)

    seen = []
    for moment in (starts - timedelta(milliseconds=1), starts, ends - timedelta(seconds=1), ends):
        clock.at = moment
        seen.append(has(runtime, worker.id, Role.CONTRACTOR))

    assert seen == [False, True, True, False]


def test_a_role_that_ran_out_can_be_granted_again(runtime: Runtime, clock: FixedClock) -> None:
    worker = make_person(runtime, "worker")
    grant(runtime, worker, Role.CONTRACTOR, ends_at=clock.now() + timedelta(days=1))
    clock.advance(timedelta(days=2))

    grant(runtime, worker, Role.CONTRACTOR)

    assert has(runtime, worker.id, Role.CONTRACTOR)


def test_a_role_of_one_dataset_does_not_reach_another(runtime: Runtime) -> None:
    steward = make_person(runtime, "steward")

    grant(runtime, steward, Role.STEWARD, "chest-ct")

    assert has(runtime, steward.id, Role.STEWARD, "chest-ct")
    assert not has(runtime, steward.id, Role.STEWARD, "speech")
    assert not has(runtime, steward.id, Role.STEWARD)


def test_the_same_live_role_twice_is_a_conflict(runtime: Runtime) -> None:
    steward = make_person(runtime, "steward")
    grant(runtime, steward, Role.STEWARD)

    with pytest.raises(Problem) as refused:
        grant(runtime, steward, Role.STEWARD)

    assert refused.value.code is ProblemCode.CONFLICT


def test_an_ended_role_and_a_suspended_holder_hold_nothing(runtime: Runtime) -> None:
    first, _second = operators(runtime)
    one, two = make_person(runtime, "one"), make_person(runtime, "two")
    row = grant(runtime, one, Role.AUDITOR)
    grant(runtime, two, Role.AUDITOR)

    end_role(runtime, acting_as(first), row.id)
    suspend(runtime, acting_as(first), two.id, "조사 중")

    assert not has(runtime, one.id, Role.AUDITOR)
    assert not has(runtime, two.id, Role.AUDITOR)


@pytest.mark.parametrize("stop", [suspend, close])
def test_the_last_operators_account_stays_open(runtime: Runtime, stop: Any) -> None:
    first, second = operators(runtime)
    stop(runtime, Actor.operator(), second.id, "퇴사")

    with pytest.raises(Problem) as refused:
        stop(runtime, Actor.operator(), first.id, "퇴사")
    with pytest.raises(Problem) as by_oneself:
        close_own(runtime, acting_as(first), PASSWORD)

    codes = (refused.value.code, by_oneself.value.code)
    assert codes == (ProblemCode.WRONG_STATE, ProblemCode.WRONG_STATE)
    assert has(runtime, first.id, Role.OPERATOR)


def test_two_operators_who_leave_at_once_do_not_both_leave(runtime: Runtime) -> None:
    def leave(person: Person) -> bool:
        try:
            close_own(runtime, acting_as(person), PASSWORD)
        except Problem:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        left = list(pool.map(leave, operators(runtime)))

    assert sorted(left) == [False, True]


def test_the_last_operator_stays(runtime: Runtime) -> None:
    first, second = operators(runtime)
    with runtime.db.read() as session:
        rows = {row.person_id: row.id for row, _holder in list_roles(session, runtime.clock.now())}
    end_role(runtime, acting_as(first), rows[second.id])

    with pytest.raises(Problem) as refused:
        end_role(runtime, acting_as(first), rows[first.id])

    assert refused.value.code is ProblemCode.WRONG_STATE


@pytest.mark.parametrize("case", ["self", "same", "holder", "nobody", "bootstrap"])
def test_the_database_itself_refuses_one_person_where_two_are_needed(
    runtime: Runtime, case: str
) -> None:
    first, second = operators(runtime)
    holder = make_person(runtime, "holder")
    by = {
        "self": {"granted_by": holder.id},
        "same": {"granted_by": first.id, "confirmed_by": first.id},
        "holder": {"granted_by": first.id, "confirmed_by": holder.id},
        "nobody": {"granted_by": None, "confirmed_by": second.id},
        "bootstrap": {"granted_by": None, "bootstrap": True},
    }[case]
    now = runtime.clock.now()
    row = RoleGrant(
        id=ids.new(runtime.clock),
        person_id=holder.id,
        role=Role.STEWARD,
        starts_at=now,
        created_at=now,
        **by,
    )

    with pytest.raises(IntegrityError), runtime.db.write() as session:
        session.add(row)
