from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from gateway.clock import FixedClock
from gateway.jobs import queue
from gateway.jobs.models import Job, JobState
from gateway.jobs.queue import LEASE, MAX_ATTEMPTS, Leased
from gateway.jobs.worker import Worker
from gateway.runtime import Runtime


def enqueue(runtime: Runtime, key: str = "k", kind: str = "test", **payload: Any) -> None:
    with runtime.db.write() as session:
        queue.enqueue(session, runtime.clock, kind, key, payload)


def jobs(runtime: Runtime) -> list[tuple[str, str, int]]:
    with runtime.db.read() as session:
        found = session.scalars(select(Job).order_by(Job.id))
        return [(job.key, job.state, job.attempts) for job in found]


def test_a_rolled_back_enqueue_leaves_nothing(runtime: Runtime) -> None:
    def enqueue_and_fail() -> None:
        with runtime.db.write() as session:
            queue.enqueue(session, runtime.clock, "test", "k", {})
            raise RuntimeError

    with pytest.raises(RuntimeError):
        enqueue_and_fail()
    assert jobs(runtime) == []


def test_the_same_key_is_enqueued_once(runtime: Runtime) -> None:
    enqueue(runtime)
    enqueue(runtime)
    assert jobs(runtime) == [("k", JobState.QUEUED, 0)]


def test_the_same_key_from_many_threads_is_enqueued_once(runtime: Runtime) -> None:
    threads = [threading.Thread(target=enqueue, args=(runtime,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(jobs(runtime)) == 1


def test_a_leased_job_is_not_leased_again_while_the_lease_lives(runtime: Runtime) -> None:
    enqueue(runtime)
    assert queue.lease(runtime.db, runtime.clock) is not None
    assert queue.lease(runtime.db, runtime.clock) is None


def test_a_dead_workers_job_is_taken_over_and_the_dead_cannot_end_it(
    runtime: Runtime, clock: FixedClock
) -> None:
    enqueue(runtime)
    first = queue.lease(runtime.db, clock)
    assert first is not None
    clock.advance(LEASE + timedelta(seconds=1))
    second = queue.lease(runtime.db, clock)
    assert second is not None
    assert not queue.extend(runtime.db, clock, first)
    with runtime.db.write() as session:
        assert not queue.finish(session, clock, first)
        assert queue.finish(session, clock, second)
    assert jobs(runtime) == [("k", JobState.DONE, 2)]


def test_a_prolonged_lease_is_not_taken_over(runtime: Runtime, clock: FixedClock) -> None:
    enqueue(runtime)
    leased = queue.lease(runtime.db, clock)
    assert leased is not None
    clock.advance(LEASE - timedelta(seconds=1))
    assert queue.extend(runtime.db, clock, leased)
    clock.advance(LEASE - timedelta(seconds=1))
    assert queue.lease(runtime.db, clock) is None


def test_a_failed_job_waits_longer_each_time_and_then_gives_up(
    runtime: Runtime, clock: FixedClock
) -> None:
    enqueue(runtime)
    for attempt in range(1, MAX_ATTEMPTS + 1):
        leased = queue.lease(runtime.db, clock)
        assert leased is not None
        state = queue.fail(runtime.db, clock, leased, "broken")
        assert queue.lease(runtime.db, clock) is None
        assert state is (JobState.FAILED if attempt == MAX_ATTEMPTS else JobState.QUEUED)
        clock.advance(timedelta(seconds=2**attempt))
    assert jobs(runtime) == [("k", JobState.FAILED, MAX_ATTEMPTS)]


def test_a_job_that_kills_every_worker_fails_and_lets_the_next_one_pass(
    runtime: Runtime, clock: FixedClock
) -> None:
    enqueue(runtime, "deadly")
    for _attempt in range(MAX_ATTEMPTS):
        assert queue.lease(runtime.db, clock) is not None
        clock.advance(LEASE + timedelta(seconds=1))
    enqueue(runtime, "harmless")
    leased = queue.lease(runtime.db, clock)
    assert leased is not None
    states = {key: state for key, state, _attempts in jobs(runtime)}
    assert states == {"deadly": JobState.FAILED, "harmless": JobState.LEASED}


def test_many_workers_run_each_job_once(runtime: Runtime) -> None:
    ran: list[int] = []
    for number in range(24):
        enqueue(runtime, str(number), number=number)
    handlers = {"test": lambda leased: ran.append(leased.payload["number"])}
    threads = [
        threading.Thread(target=Worker(runtime.db, runtime.clock, handlers).drain) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    Worker(runtime.db, runtime.clock, handlers).drain()
    assert sorted(ran) == list(range(24))


def test_a_handler_that_fails_is_tried_again(runtime: Runtime, clock: FixedClock) -> None:
    calls: list[int] = []

    def handler(leased: Leased) -> None:
        calls.append(leased.attempts)
        if leased.attempts == 1:
            raise RuntimeError("the value 900101-1234567 must not be kept")

    enqueue(runtime)
    worker = Worker(runtime.db, clock, {"test": handler})
    worker.drain()
    with runtime.db.read() as session:
        assert session.scalars(select(Job.error)).all() == ["RuntimeError"]
    clock.advance(timedelta(seconds=2))
    worker.drain()
    assert calls == [1, 2]
    assert jobs(runtime) == [("k", JobState.DONE, 2)]


def test_a_job_that_nobody_can_run_does_not_stop_the_others(runtime: Runtime) -> None:
    ran: list[str] = []
    enqueue(runtime, "a", kind="unknown")
    enqueue(runtime, "b")
    Worker(runtime.db, runtime.clock, {"test": lambda leased: ran.append(leased.kind)}).drain()
    assert ran == ["test"]
    assert jobs(runtime)[0] == ("a", JobState.QUEUED, 1)


def test_the_lease_is_prolonged_while_a_handler_works(
    runtime: Runtime, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.jobs.worker.RENEW_SECONDS", 0.01)
    enqueue(runtime)

    def until(leased: Leased) -> Any:
        with runtime.db.read() as session:
            return session.scalars(select(Job.leased_until).where(Job.id == leased.id)).one()

    def handler(leased: Leased) -> None:
        clock.advance(timedelta(minutes=1))
        pause = threading.Event()
        for _beat in range(500):
            if until(leased) > leased.until:
                return
            pause.wait(0.01)
        raise AssertionError("the lease was not prolonged")

    Worker(runtime.db, clock, {"test": handler}).drain()
    assert jobs(runtime) == [("k", JobState.DONE, 1)]


def test_a_worker_stops_after_its_present_job(runtime: Runtime) -> None:
    enqueue(runtime, "a")
    enqueue(runtime, "b")
    worker = Worker(runtime.db, runtime.clock, {"test": lambda _leased: worker.stop()})
    worker.run()
    assert [state for _key, state, _attempts in jobs(runtime)] == [JobState.DONE, JobState.QUEUED]
