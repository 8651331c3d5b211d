"""The rules of transactions, on both databases."""

from __future__ import annotations

import threading
import time
from datetime import datetime

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError, StatementError

from gateway import ids
from gateway.clock import FixedClock
from gateway.db import WriteBusy
from gateway.identity.models import Throttle
from gateway.journal import Act, Actor, Entry
from gateway.runtime import Runtime

ENTRY = Entry(Actor.system(), Act.KEY_ROTATED)


def throttle(clock: FixedClock, subject: str = "a") -> Throttle:
    return Throttle(subject=subject, failures=1, window_started_at=clock.now(), blocked_until=None)


def wait_for_size(runtime: Runtime, size: int) -> int:
    deadline = time.monotonic() + 10
    while runtime.journal.log.size() < size and time.monotonic() < deadline:
        time.sleep(0.01)
    return runtime.journal.log.size()


def test_state_and_event_are_committed_together(runtime: Runtime, clock: FixedClock):
    with runtime.db.write() as session:
        session.add(throttle(clock))
        runtime.journal.record(session, ENTRY)

    assert wait_for_size(runtime, 1) == 1


def test_a_rolled_back_change_leaves_no_event(runtime: Runtime, clock: FixedClock):
    def change_and_fail() -> None:
        with runtime.db.write() as session:
            session.add(throttle(clock))
            runtime.journal.record(session, ENTRY)
            raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        change_and_fail()

    runtime.journal.append(ENTRY)
    assert runtime.journal.log.size() == 1
    with runtime.db.read() as session:
        assert session.scalar(select(Throttle.subject)) is None


def test_append_within_a_write_transaction_is_refused_at_once(runtime: Runtime):
    started = time.monotonic()

    with pytest.raises(AssertionError, match="write transaction"), runtime.db.write():
        runtime.journal.append(ENTRY)

    assert time.monotonic() - started < 2


def test_a_write_transaction_within_another_is_refused(runtime: Runtime):
    with pytest.raises(AssertionError), runtime.db.write(), runtime.db.write():
        pass


def test_a_read_session_cannot_write(runtime: Runtime, clock: FixedClock):
    with runtime.db.read() as session:
        session.add(throttle(clock))

        with pytest.raises(DBAPIError):
            session.commit()


def test_a_moment_without_a_zone_cannot_be_stored(runtime: Runtime):
    naive = Throttle(subject="n", failures=1, window_started_at=datetime(2026, 1, 1))  # noqa: DTZ001

    with pytest.raises(StatementError, match="zone"), runtime.db.write() as session:
        session.add(naive)


def test_a_moment_comes_back_in_utc(runtime: Runtime, clock: FixedClock):
    with runtime.db.write() as session:
        session.add(throttle(clock))

    with runtime.db.read() as session:
        stored = session.scalar(select(Throttle.window_started_at))

    assert stored == clock.now()
    assert stored.utcoffset().total_seconds() == 0


def test_concurrent_writers_wait_for_one_another_and_lose_nothing(
    runtime: Runtime, clock: FixedClock
):
    def write(number: int) -> None:
        for step in range(5):
            with runtime.db.write() as session:
                session.add(throttle(clock, f"{number}.{step}"))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with runtime.db.read() as session:
        assert len(session.scalars(select(Throttle.subject)).all()) == 40


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_a_lock_that_is_not_free_in_time_is_told_as_busy(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("gateway.db.engine.BUSY_SECONDS", 0.05)
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        with runtime.db.write():
            held.set()
            release.wait()

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait()
    with pytest.raises(WriteBusy), runtime.db.write():
        pass
    release.set()
    holder.join()


@pytest.mark.parametrize(
    "statement", ["UPDATE audit_entries SET idx = 7", "DELETE FROM audit_entries"]
)
def test_log_tables_refuse_update_and_delete(runtime: Runtime, statement: str):
    runtime.journal.append(ENTRY)

    with pytest.raises(DBAPIError), runtime.db.write() as session:
        session.execute(text(statement))


def test_ids_made_in_one_process_are_unique(clock: FixedClock):
    assert len({ids.new(clock) for _ in range(1000)}) == 1000
