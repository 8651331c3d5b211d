"""Two at the same moment: one decision, one grant, one submission, on both databases."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

from sqlalchemy import select

from gateway.access.models import Grant
from gateway.applications.models import ApplicationRevision, ApplicationState, Choice, Vote
from gateway.errors import Problem, ProblemCode
from gateway.runtime import Runtime
from tests import applying
from tests.applying import Cast

APPROVE, REJECT = Choice.APPROVE, Choice.REJECT


def at_once(*acts: Callable[[], Any]) -> list[ProblemCode | None]:
    """Start all `acts` together; the code of each refusal, None where it went through."""
    start = Barrier(len(acts))

    def run(act: Callable[[], Any]) -> ProblemCode | None:
        start.wait(timeout=30)
        try:
            act()
        except Problem as problem:
            return problem.code
        return None

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


def grants(runtime: Runtime) -> list[Grant]:
    with runtime.db.read() as session:
        return list(session.scalars(select(Grant)))


def test_two_stewards_decide_once(runtime: Runtime, cast: Cast) -> None:
    made = applying.submitted(runtime, cast.researcher, "voices")
    item = applying.item(runtime, made.id)

    refusals = at_once(
        lambda: applying.vote(runtime, cast.steward, item.id, APPROVE),
        lambda: applying.vote(runtime, cast.second_steward, item.id, REJECT),
    )

    assert sorted(map(str, refusals)) == ["None", "wrong_state"]
    state = applying.application(runtime, made.id).state
    assert len(grants(runtime)) == (1 if state == ApplicationState.APPROVED else 0)


def test_three_members_at_once_make_one_grant(runtime: Runtime, cast: Cast) -> None:
    made = applying.submitted(runtime, cast.researcher, "clinic-images")
    item = applying.item(runtime, made.id)

    refusals = at_once(
        *(
            lambda member=member: applying.vote(runtime, member, item.id, APPROVE)
            for member in cast.committee
        )
    )

    assert refusals.count(None) == 2
    assert len(grants(runtime)) == 1


def test_one_member_cannot_be_two(runtime: Runtime, cast: Cast) -> None:
    made = applying.submitted(runtime, cast.researcher, "clinic-images")
    item = applying.item(runtime, made.id)
    member = cast.committee[0]

    refusals = at_once(
        *(lambda: applying.vote(runtime, member, item.id, APPROVE) for _time in range(3))
    )

    assert refusals.count(None) == 1
    with runtime.db.read() as session:
        assert len(session.scalars(select(Vote)).all()) == 1
    assert grants(runtime) == []


def test_a_double_click_submits_once(runtime: Runtime, cast: Cast) -> None:
    made = applying.drafted(runtime, cast.researcher, "open-text")

    refusals = at_once(
        *(lambda: applying.submit(runtime, cast.researcher, made.id) for _time in range(3))
    )

    assert refusals.count(None) == 1
    assert len(grants(runtime)) == 1
    with runtime.db.read() as session:
        assert len(session.scalars(select(ApplicationRevision)).all()) == 1


def test_a_vote_does_not_cross_a_withdrawal(runtime: Runtime, cast: Cast) -> None:
    from gateway.applications import service_submit
    from gateway.applications.service_transaction import transact
    from tests.people import acting_as

    made = applying.submitted(runtime, cast.researcher, "voices")
    item = applying.item(runtime, made.id)
    actor = acting_as(cast.researcher)

    refusals = at_once(
        lambda: applying.vote(runtime, cast.steward, item.id, APPROVE),
        lambda: transact(runtime, lambda s: service_submit.withdraw(s, runtime, actor, made.id)),
    )

    assert refusals.count(None) == 1
    state = applying.application(runtime, made.id).state
    assert len(grants(runtime)) == (1 if state == ApplicationState.APPROVED else 0)
