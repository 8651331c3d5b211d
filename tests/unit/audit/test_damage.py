"""What an administrator can do to the log, with its key or without, on both databases."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from audit import outbox
from audit.checkpoint import Checkpoint
from audit.dbapi import Sql
from audit.edge import Edge
from audit.event import Party, encode
from audit.keyring import gather
from audit.leaf import Columns
from audit.merkle import leaf_hash
from audit.note import Signer
from tests.unit.audit.world import ORIGIN, SEED, World, drop_triggers, event, vault

ENTRIES, QUEUED = 300, 2
MIDDLE = 137
FOREIGN = "f" * 32


@pytest.fixture
def log(world: World) -> World:
    """A closed log of 300 entries with a checkpoint and two waiting rows, its triggers dropped."""
    opened = world.log()
    world.record(opened, *(event(actor=Party(f"p{n % 7}"), subjects=("lee",))
                           for n in range(ENTRIES)))  # fmt: skip
    opened.close()
    again = world.log()
    again.checkpoint()
    again.close()
    with world.transaction() as connection:
        sql = Sql(connection, world.dialect)
        for stamp in range(QUEUED):
            one = event(ref=f"waiting:{stamp}")
            leaf = encode(one, gather(vault(), sql, one), b"0" * 16)
            outbox.put(sql, vault(), stamp, one.event_id, leaf)
    drop_triggers(world)
    return world


@contextlib.contextmanager
def restored(world: World, *tables: str) -> Iterator[None]:
    """Put the tables back as they were, so that one log serves many attempts."""
    kept = {table: world.execute(f"SELECT * FROM {table}") for table in tables}
    yield
    for table, rows in kept.items():
        world.execute(f"DELETE FROM {table}")
        for row in rows:
            marks = ", ".join("?" * len(row))
            world.execute(f"INSERT INTO {table} VALUES ({marks})", *row)


def named(world: World) -> set[tuple[int, str]]:
    """The index and table of every finding."""
    return {(finding.index, finding.table) for finding in world.verify().findings}


def leaf(world: World, index: int) -> bytes:
    return bytes(world.execute("SELECT leaf FROM audit_entries WHERE idx = ?", index)[0][0])


def set_leaf(world: World, index: int, content: bytes) -> None:
    world.execute("UPDATE audit_entries SET leaf = ? WHERE idx = ?", content, index)


def test_the_untouched_log_is_clean(log: World) -> None:
    assert log.verify().findings == ()


def test_every_edited_search_column_is_named(log: World) -> None:
    for column in Columns._fields:
        update = f"UPDATE audit_entries SET {column} = ? WHERE idx = ?"
        ((before,),) = log.execute(f"SELECT {column} FROM audit_entries WHERE idx = ?", MIDDLE)
        log.execute(update, 5 if column == "time_ms" else FOREIGN, MIDDLE)
        found = {one for one in log.verify().findings if one.table == "audit_entries"}
        assert {(one.index, one.column) for one in found} == {(MIDDLE, column)}
        log.execute(update, before, MIDDLE)
    assert log.verify().findings == ()


def test_every_edit_of_an_entry_is_named_by_its_index(log: World) -> None:
    for index in (0, MIDDLE, 255, 256, ENTRIES - 1):
        forged = leaf(log, index).replace(b'"severity_id":1', b'"severity_id":2')
        before = leaf(log, index)
        set_leaf(log, index, forged)
        assert index in {at for at, _ in named(log)}, f"entry {index} was edited unnoticed"
        set_leaf(log, index, before)
    assert log.verify().findings == ()


def test_deleted_entries_are_named(log: World) -> None:
    for index in (0, MIDDLE, ENTRIES - 1):
        subjects = log.execute("SELECT person FROM audit_subjects WHERE idx = ?", index)
        row = log.execute("SELECT * FROM audit_entries WHERE idx = ?", index)[0]
        log.execute("DELETE FROM audit_subjects WHERE idx = ?", index)
        log.execute("DELETE FROM audit_entries WHERE idx = ?", index)
        assert index in {at for at, _ in named(log)}, f"entry {index} was deleted unnoticed"
        log.execute(f"INSERT INTO audit_entries VALUES ({', '.join('?' * len(row))})", *row)
        for (person,) in subjects:
            log.execute("INSERT INTO audit_subjects (idx, person) VALUES (?, ?)", index, person)
    assert log.verify().findings == ()


def test_an_inserted_entry_is_named(log: World) -> None:
    for index in (ENTRIES, ENTRIES + 50, -1):
        row = list(log.execute("SELECT * FROM audit_entries WHERE idx = ?", MIDDLE)[0])
        row[0], row[1] = index, f"{index + 1:08x}-0000-7000-8000-000000000000"
        log.execute(f"INSERT INTO audit_entries VALUES ({', '.join('?' * len(row))})", *row)
        assert index in {at for at, _ in named(log)}, f"entry {index} was inserted unnoticed"
        log.execute("DELETE FROM audit_entries WHERE idx = ?", index)


def test_reordered_entries_are_named(log: World) -> None:
    for index, to in ((MIDDLE, -5), (MIDDLE + 1, MIDDLE), (-5, MIDDLE + 1)):
        log.execute("UPDATE audit_entries SET idx = ? WHERE idx = ?", to, index)

    assert {at for at, _ in named(log)} & {MIDDLE, MIDDLE + 1}


QUEUE: dict[str, Callable[[World], Any]] = {
    "an edited outbox row": lambda log: log.execute(
        "UPDATE audit_outbox SET leaf = ? WHERE queued_ns = 1", leaf(log, 3)
    ),
    "a deleted outbox row": lambda log: log.execute("DELETE FROM audit_outbox WHERE queued_ns = 1"),
    "a deleted promise": lambda log: log.execute("DELETE FROM audit_promises"),
    "an inserted outbox row": lambda log: log.execute(
        "INSERT INTO audit_outbox (queued_ns, event_id, leaf, mac) "
        "SELECT 99, event_id, leaf, ? FROM audit_entries WHERE idx = 3",
        b"m" * 32,
    ),
}


def test_damage_to_what_waits_is_named_by_the_next_index(log: World) -> None:
    for what, damage in QUEUE.items():
        with restored(log, "audit_outbox", "audit_promises"):
            damage(log)
            found = named(log)
        assert ENTRIES in {at for at, _ in found}, f"{what} went unnoticed"
        assert {table for _, table in found} <= {"audit_outbox", "audit_promises"}
    assert log.verify().findings == ()


def kept(log: World) -> Checkpoint:
    """What an auditor keeps: the newest checkpoint."""
    size, root = log.execute("SELECT size, root FROM audit_checkpoints ORDER BY seq DESC")[0]
    return Checkpoint(ORIGIN, int(size), bytes(root))


def forget(log: World, size: int) -> None:
    """Cut the log to `size` entries without a trace, as the holder of every right can."""
    log.execute("DELETE FROM audit_outbox")
    log.execute("DELETE FROM audit_promises")
    log.execute("DELETE FROM audit_subjects WHERE idx >= ?", size)
    log.execute("DELETE FROM audit_entries WHERE idx >= ?", size)
    log.execute("DELETE FROM audit_checkpoints WHERE size > ?", size)
    for table in ("audit_tiles", "audit_times", "audit_edge"):
        log.execute(f"DELETE FROM {table}")
    edge = Edge()
    rows = log.execute("SELECT idx, leaf, time_ms FROM audit_entries ORDER BY idx")
    for tile in edge.extend(leaf_hash(bytes(row[1])) for row in rows):
        times = [row[2] for row in rows[tile.index * 256 : (tile.index + 1) * 256]]
        log.execute("INSERT INTO audit_tiles VALUES (?, ?, ?)", tile.level, tile.index, tile.data)
        log.execute(
            "INSERT INTO audit_times VALUES (?, ?, ?, ?)",
            tile.level, tile.index, min(times), max(times),
        )  # fmt: skip
    for level in range(len(edge.levels)):
        log.execute("INSERT INTO audit_edge VALUES (?, ?)", level, edge.partial(level))
    count = log.execute("SELECT COUNT(*) FROM audit_checkpoints")[0][0]
    log.execute("UPDATE audit_head SET size = ?, root = ?, checkpoints = ?",
                size, edge.root(), count)  # fmt: skip


def test_a_truncated_log_does_not_extend_a_kept_checkpoint(log: World) -> None:
    trusted = kept(log)
    for size in (ENTRIES - 1, 256, 40):
        forget(log, size)
        resigned = log.log()
        resigned.checkpoint()
        resigned.close()
        report = log.verify(since=trusted)

        assert log.verify().findings == (), "the forger leaves no trace in the database"
        assert [(one.index, one.column) for one in report.findings] == [(size - 1, "size")]


def test_a_fork_signed_with_the_real_key_does_not_extend_a_kept_checkpoint(log: World) -> None:
    trusted = kept(log)
    forget(log, MIDDLE)
    forged = log.log(signer=Signer(ORIGIN, SEED))
    log.record(forged, *(event(actor=Party("nobody")) for _ in range(ENTRIES)))
    forged.close()
    again = log.log()
    again.checkpoint()
    again.close()

    assert log.verify().findings == ()
    report = log.verify(since=trusted)
    assert [(one.index, one.column) for one in report.findings] == [(trusted.size - 1, "root")]


def test_an_honest_log_extends_every_checkpoint_kept_before(log: World) -> None:
    trusted = [kept(log)]
    for _ in range(3):
        log.now_ms += 5_000
        grown = log.log()
        grown.append(event())
        grown.checkpoint()
        grown.close()
        trusted.append(kept(log))

    assert all(log.verify(since=one).findings == () for one in trusted)
