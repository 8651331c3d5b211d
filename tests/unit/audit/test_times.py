"""A period becomes a range of entries that leaves nothing out, whatever the clocks did."""

from __future__ import annotations

import contextlib
import random

import pytest

from audit import times
from audit.dbapi import Sql
from audit.edge import FullTile
from audit.reader import LogReader
from audit.search import Filters
from audit.verify.findings import Findings
from audit.verify.times import TimesCheck
from tests.unit.audit.world import NOW_MS, World, drop_triggers, event, vault


def rows(world: World, stamps: list[int]) -> None:
    """Entries with these times, as the sequencer would leave them, without the rest."""
    columns = "idx, event_id, time_ms, action, outcome, leaf"
    made = [(i, str(i), at, "a.b", "allow", b"") for i, at in enumerate(stamps)]
    with world.transaction() as connection:
        sql = Sql(connection, world.dialect)
        sql.insert("audit_entries", columns, made)
        for index in range(len(stamps) // 256):
            times.add(sql, [FullTile(0, index, b"")])
            if index % 256 == 255:
                times.add(sql, [FullTile(1, index // 256, b"")])


def ranges(world: World, since: int, until: int) -> tuple[int, int]:
    with contextlib.closing(world.connect()) as connection:
        sql = Sql(connection, world.dialect)
        return times.first_since(sql, since), times.end_until(sql, until)


@pytest.mark.parametrize("size", [0, 1, 255, 256, 700, 66_000])
def test_the_range_of_a_period_leaves_no_entry_out_and_is_narrow(world: World, size: int) -> None:
    chance = random.Random(size)
    stamps = [1000 * i - chance.randrange(3000) for i in range(size)]
    rows(world, stamps)
    for _ in range(20):
        since = chance.randrange(-5000, 1000 * size + 5000)
        until = since + chance.randrange(100_000)
        first, end = ranges(world, since, until)
        inside = [i for i, at in enumerate(stamps) if since <= at < until]
        assert all(first <= i < end for i in inside)
        assert end - first <= len(inside) + 4 * 256


def test_one_entry_from_a_wrong_clock_hides_nothing(world: World) -> None:
    stamps = [1000 * i for i in range(600)]
    stamps[10], stamps[590] = 10**9, 5
    rows(world, stamps)
    assert ranges(world, 10**8, 10**10)[0] <= 10
    assert ranges(world, 0, 6)[1] > 590


def test_a_search_by_time_finds_what_lies_in_the_period(world: World) -> None:
    log = world.log()
    world.record(log, *(event(time_ms=NOW_MS + 1000 * second) for second in range(300)))
    log.close()
    wanted = Filters(since_ms=NOW_MS + 100_000, until_ms=NOW_MS + 103_000)
    with contextlib.closing(world.connect()) as connection:
        found = LogReader(connection, world.dialect, vault()).search(wanted)
    assert [entry.index for entry in found] == [102, 101, 100]


def found(world: World, stamps: list[int | None]) -> list[tuple[int, str]]:
    """What verification says of the times, when these are left and None was pruned."""
    findings = Findings()
    with contextlib.closing(world.connect()) as connection:
        check = TimesCheck(Sql(connection, world.dialect), findings)
        check.feed(stamps)
        check.finish()
    return [(one.index, one.column) for one in findings.kept]


def edit(world: World, column: str, by: int, level: int, tile: int) -> None:
    drop_triggers(world)
    update = f"UPDATE audit_times SET {column} = {column} + ? WHERE level = ? AND tile = ?"
    world.execute(update, by, level, tile)


@pytest.mark.parametrize("column", ["low_ms", "high_ms"])
@pytest.mark.parametrize("by", [-1, 1, -(10**9), 10**9])
def test_an_edited_time_above_pruned_tiles_is_named(world: World, column: str, by: int) -> None:
    stamps = [1000 * i for i in range(65_536)]
    rows(world, stamps)
    left = [None] * 512 + stamps[512:]
    assert found(world, left) == []

    edit(world, column, by, level=1, tile=0)

    assert (0, column) in found(world, left)


@pytest.mark.parametrize(("column", "by"), [("low_ms", 60_000), ("high_ms", -250_000)])
def test_a_time_that_leaves_out_an_entry_kept_among_pruned_ones_is_named(
    world: World, column: str, by: int
) -> None:
    stamps = [1000 * i for i in range(512)]
    rows(world, stamps)
    left = [stamps[i] if i == 50 else None for i in range(256)] + stamps[256:]
    assert found(world, left) == []

    edit(world, column, by, level=0, tile=0)

    assert found(world, left) == [(0, "low_ms")]
