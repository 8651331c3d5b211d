from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import create_engine, func, select
from sqlalchemy.orm import Session

from gateway.clock import FixedClock
from gateway.errors import Problem, ProblemCode
from gateway.web.idempotency import Answer, Attempt, replay_or_run, sweep
from gateway.web.models import IdempotencyKey


class Counter:
    """Answers with how often it ran."""

    def __init__(self) -> None:
        self.runs = 0

    def __call__(self) -> Answer:
        self.runs += 1
        return Answer(201, {"run": self.runs})


@pytest.fixture
def session() -> Any:
    engine = create_engine("sqlite://")
    IdempotencyKey.metadata.create_all(engine, tables=[IdempotencyKey.__table__])
    with Session(engine) as session:
        yield session
    engine.dispose()


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(datetime(2026, 11, 23, tzinfo=UTC))


ATTEMPT = Attempt("person:1", "POST /api/v1/applications", "k-1", b"{}")


def test_the_same_post_twice_runs_once(session: Session, clock: FixedClock) -> None:
    run = Counter()
    first = replay_or_run(session, clock, ATTEMPT, run)
    second = replay_or_run(session, clock, ATTEMPT, run)

    assert run.runs == 1
    assert first == Answer(201, {"run": 1})
    assert second == Answer(201, {"run": 1}, replayed=True)


def test_another_actor_or_route_has_keys_of_its_own(session: Session, clock: FixedClock) -> None:
    run = Counter()
    replay_or_run(session, clock, ATTEMPT, run)
    replay_or_run(session, clock, Attempt("person:2", ATTEMPT.route, "k-1", b"{}"), run)
    replay_or_run(session, clock, Attempt("person:1", "POST /other", "k-1", b"{}"), run)

    assert run.runs == 3


def test_the_same_key_with_another_body_is_a_conflict(session: Session, clock: FixedClock) -> None:
    replay_or_run(session, clock, ATTEMPT, Counter())
    changed = Attempt(ATTEMPT.actor, ATTEMPT.route, ATTEMPT.key, b"[]")
    with pytest.raises(Problem) as refused:
        replay_or_run(session, clock, changed, Counter())

    assert refused.value.code is ProblemCode.CONFLICT


def test_after_a_day_the_key_is_free_again(session: Session, clock: FixedClock) -> None:
    run = Counter()
    replay_or_run(session, clock, ATTEMPT, run)
    clock.advance(timedelta(hours=24))
    replay_or_run(session, clock, ATTEMPT, run)

    assert run.runs == 2


def test_the_sweep_forgets_only_what_is_a_day_old(session: Session, clock: FixedClock) -> None:
    replay_or_run(session, clock, ATTEMPT, Counter())
    clock.advance(timedelta(hours=23))
    replay_or_run(session, clock, Attempt("person:2", "POST /x", "k", b""), Counter())
    clock.advance(timedelta(hours=1))

    assert sweep(session, clock) == 1
    assert session.scalar(select(func.count()).select_from(IdempotencyKey)) == 1


@pytest.mark.parametrize("key", ["a b", "한글", "x" * 129, "a\x00b", "a\n"])
def test_a_malformed_key_is_400(session: Session, clock: FixedClock, key: str) -> None:
    with pytest.raises(Problem) as refused:
        replay_or_run(session, clock, Attempt("p", "r", key, b""), Counter())

    assert refused.value.code is ProblemCode.BAD_REQUEST


def test_without_a_key_every_post_runs(session: Session, clock: FixedClock) -> None:
    run = Counter()
    for _ in range(2):
        replay_or_run(session, clock, Attempt("p", "r", "", b""), run)

    assert run.runs == 2
