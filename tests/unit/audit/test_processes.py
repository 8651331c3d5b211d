"""Several processes on one database, forks, and kill -9."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.audit import kills
from tests.unit.audit.world import World, event, sqlite_world

ROUNDS, AT_ONCE = 5, 2
"""Twenty kills over both databases; the soak run has more than five hundred."""


def test_killed_processes_lose_nothing_acknowledged_and_leave_no_gap(world: World) -> None:
    acknowledged = kills.killed_while_appending(world, ROUNDS, AT_ONCE, random.Random(7))

    kills.number_the_rest(world)

    assert acknowledged
    assert acknowledged <= kills.logged(world)
    assert kills.is_gap_free(world)
    assert world.verify().findings == ()


def test_four_processes_on_postgresql_keep_one_order_without_gap(postgres_log: World) -> None:
    processes = [kills.start(postgres_log) for _ in range(4)]
    until = [process.stdout.readline() for process in processes if process.stdout]
    time.sleep(1.0)
    acknowledged = [kills.kill(process) for process in processes]

    kills.number_the_rest(postgres_log)

    assert len(until) == 4
    assert all(len(one) > 10 for one in acknowledged), "every process had its turn"
    assert set().union(*acknowledged) <= kills.logged(postgres_log)
    assert kills.is_gap_free(postgres_log)
    assert postgres_log.verify().findings == ()


def test_a_forked_child_gets_a_log_of_its_own(sqlite_log: World) -> None:
    log = sqlite_log.log()
    log.append(event())
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = 0 if log.append(event()) >= 0 else 1
            log.close()
        finally:
            os._exit(code)
    log.append(event())
    _, status = os.waitpid(child, 0)
    assert status == 0
    assert log.size() == 3
    assert sqlite_log.verify().findings == ()


@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["append", "record", "checkpoint", "reopen"]), st.integers(0, 1)),
        max_size=25,
    )
)
@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_sequence_of_steps_leaves_a_clean_log(
    steps: list[tuple[str, int]], tmp_path: Path
) -> None:
    world = sqlite_world(tmp_path / f"{time.monotonic_ns()}.db")
    logs = [world.log(), world.log()]
    for step, which in steps:
        world.now_ms += 700
        if step == "append":
            logs[which].append(event())
        elif step == "record":
            world.record(logs[which], event(), event())
        elif step == "checkpoint":
            logs[which].checkpoint()
        else:
            logs[which].close()
            logs[which] = world.log()
    for log in logs:
        log.kick()
    world.close()
    assert world.verify().findings == ()
    rows = world.execute("SELECT idx FROM audit_entries ORDER BY idx")
    events = sum({"append": 1, "record": 2}.get(step, 0) for step, _ in steps)
    assert [row[0] for row in rows] == list(range(events))
