"""Starts processes that append, and kills them at random moments."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

from audit.dbapi import Dialect
from tests.unit.audit.world import World

ROOT = Path(__file__).resolve().parents[3]


def start(world: World) -> subprocess.Popen[bytes]:
    """A process that appends to the world's log until it is killed."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.unit.audit.killed", _target(world)],
        stdout=subprocess.PIPE,
        # Whatever readline reads ahead, communicate would not see.
        bufsize=0,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def kill(process: subprocess.Popen[bytes]) -> set[str]:
    """Kill -9 and return the ids that were acknowledged before."""
    process.kill()
    output, _ = process.communicate(timeout=30)
    return set(output.decode().split("\n")[:-1])


def killed_while_appending(
    world: World, rounds: int, at_once: int, chance: random.Random
) -> set[str]:
    """Kill `at_once` processes in each round, at a random moment of their work."""
    acknowledged: set[str] = set()
    for _ in range(rounds):
        processes = [start(world) for _ in range(at_once)]
        for process in processes:
            assert process.stdout is not None
            acknowledged.add(process.stdout.readline().decode().strip())
        time.sleep(chance.uniform(0.0, 0.3))
        for process in processes:
            acknowledged |= kill(process)
    return acknowledged


def number_the_rest(world: World) -> None:
    """What the killed left in the outbox is numbered by the next process."""
    log = world.log()
    log.kick()
    log.close()


def logged(world: World) -> set[str]:
    """The ids of all events in the log."""
    return {row[0] for row in world.execute("SELECT event_id FROM audit_entries")}


def is_gap_free(world: World) -> bool:
    """Whether the indexes are 0, 1, 2, … and the head counts them."""
    ((count, last),) = world.execute("SELECT COUNT(*), MAX(idx) FROM audit_entries")
    ((size,),) = world.execute("SELECT size FROM audit_head")
    return bool(count == last + 1 == size)


def _target(world: World) -> str:
    if world.dialect is Dialect.SQLITE:
        return str(world.path)
    connection = world.connect()
    try:
        return str(connection.info.dsn)
    finally:
        connection.close()
