"""Several processes on one SQLite file, forks, and kill -9."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.audit.world import World, event, eventually, sqlite_world

ROOT = Path(__file__).resolve().parents[3]


def start(world: World) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.unit.audit.killed", str(world.path)],
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def kill(process: subprocess.Popen[bytes]) -> set[str]:
    """Kill -9 and return the ids that were acknowledged before."""
    process.kill()
    output, _ = process.communicate(timeout=30)
    return set(output.decode().split("\n")[:-1])


def logged(world: World) -> set[str]:
    return {row[0] for row in world.execute("SELECT event_id FROM audit_entries")}


def test_two_killed_processes_lose_nothing_acknowledged(sqlite_log: World) -> None:
    chance = random.Random(7)
    acknowledged: set[str] = set()
    for _ in range(3):
        processes = [start(sqlite_log), start(sqlite_log)]
        before = len(logged(sqlite_log))
        assert eventually(lambda before=before: len(logged(sqlite_log)) > before, 60)
        time.sleep(chance.uniform(0.05, 0.5))
        for process in processes:
            acknowledged |= kill(process)
    log = sqlite_log.log()
    log.kick()
    log.close()
    assert acknowledged
    assert acknowledged <= logged(sqlite_log)
    assert sqlite_log.verify().findings == ()


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
