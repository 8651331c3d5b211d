"""The log through hundreds of kills and a thousand clean runs, on both databases."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.parts.postgres import plain_stoppable
from tests.unit.audit import kills
from tests.unit.audit.clean import clean_run
from tests.unit.audit.world import World, postgres_world, sqlite_world

ROUNDS, AT_ONCE = 140, 2
"""560 kills: 280 on each database."""
SQLITE_RUNS, POSTGRES_RUNS = 800, 200


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with plain_stoppable() as found:
        yield found.url


def fresh(server: str) -> World:
    """A log in a database of its own."""
    name = f"log_{uuid.uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return postgres_world(server.replace("/postgres?", f"/{name}?"))


def survives_kills(world: World, seed: int) -> None:
    acknowledged = kills.killed_while_appending(world, ROUNDS, AT_ONCE, random.Random(seed))
    kills.number_the_rest(world)

    print(f"{ROUNDS * AT_ONCE} kills, {len(acknowledged)} events acknowledged")
    assert acknowledged <= kills.logged(world)
    assert kills.is_gap_free(world)
    assert world.verify().findings == ()


@pytest.mark.soak
def test_no_kill_on_sqlite_loses_an_acknowledged_event(tmp_path: Path) -> None:
    survives_kills(sqlite_world(tmp_path / "log.db"), 1)


@pytest.mark.soak
def test_no_kill_on_postgresql_loses_an_acknowledged_event(server: str) -> None:
    survives_kills(fresh(server), 2)


@pytest.mark.soak
def test_a_thousand_clean_logs_raise_no_false_alarm(tmp_path: Path, server: str) -> None:
    alarms = {}
    for seed in range(SQLITE_RUNS + POSTGRES_RUNS):
        on_sqlite = seed < SQLITE_RUNS
        world = sqlite_world(tmp_path / f"{seed}.db") if on_sqlite else fresh(server)
        found = clean_run(world, random.Random(10_000 + seed)).findings
        if found:
            alarms[seed] = found

    assert alarms == {}
