"""Whatever one statement can change in the log's tables, the verifier finds and names."""

from __future__ import annotations

import contextlib
import sqlite3
import uuid

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit import outbox
from audit.dbapi import Dialect, Sql
from audit.event import Party, encode
from audit.keyring import gather
from audit.schema import LOG_TABLES
from audit.verify import Report, verify
from tests.unit.audit.world import (
    VKEY,
    WITNESS,
    World,
    cosign,
    drop_triggers,
    event,
    sqlite_world,
    vault,
)

# What may be missing below a signed minimum is tried where entries are pruned.
TABLES = [table for table in LOG_TABLES if table != "audit_minimum"]
ENTRIES = 270
"""One full tile of 256, and a right edge."""


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A log with everything in it: entries, people, checkpoints, an erasure, a waiting outbox."""
    world = sqlite_world(tmp_path_factory.mktemp("written") / "log.db")
    log = world.log()
    recorded = [event(actor=Party(f"p-{n % 7}", "lab")) for n in range(ENTRIES - 5)]
    world.record(log, *recorded)
    for _ in range(3):
        log.append(event(subjects=("lee", "park"), about={"choi": {"name": "최"}}))
    log.close()
    _erase(world, "choi")
    for _ in range(2):
        later = world.log()
        later.append(event())
        cosign(world, later.checkpoint())
        later.close()
        world.now_ms += 5000
    _leave_in_outbox(world)
    drop_triggers(world)
    world.execute("PRAGMA journal_mode = DELETE")
    with contextlib.closing(sqlite3.connect(world.path)) as connection:
        return connection.serialize()


def _erase(world: World, person: str) -> None:
    log = world.log()
    with world.transaction() as connection:
        log.record(connection, event(action="subject.erased", subjects=(person,), time_ms=77))
        vault().destroy(Sql(connection, world.dialect), person, 77)
    log.close()
    restored = world.log()
    restored.append(event())
    restored.close()


def _leave_in_outbox(world: World) -> None:
    """Two rows as a killed process leaves them: queued, promised, not numbered."""
    with world.transaction() as connection:
        sql = Sql(connection, world.dialect)
        for stamp in (1, 2):
            one = event(ref=f"pending-{stamp}")
            leaf = encode(one, gather(vault(), sql, one), b"0" * 16)
            outbox.put(sql, vault(), stamp, one.event_id, leaf)


def _open(written: bytes) -> sqlite3.Connection:
    """The written log in memory, as an administrator with every right holds it."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.deserialize(written)
    connection.execute("PRAGMA ignore_check_constraints = ON")
    return connection


def _report(connection: sqlite3.Connection) -> Report:
    return verify(connection, Dialect.SQLITE, VKEY, vault(), witnesses=[WITNESS.key])


def _columns(written: bytes, table: str) -> list[str]:
    with contextlib.closing(_open(written)) as connection:
        return [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]


def _some_rows(written: bytes, table: str) -> list[int]:
    """The first, a middle and the last row."""
    with contextlib.closing(_open(written)) as connection:
        ids = [row[0] for row in connection.execute(f"SELECT rowid FROM {table} ORDER BY rowid")]
    assert ids, f"{table} has no rows to change"
    return sorted({ids[0], ids[len(ids) // 2], ids[-1]})


def _variants(value: object) -> list[object]:
    """Other values for a cell, small changes first."""
    if isinstance(value, bytes):
        if not value:
            return [b"x"]
        middle = len(value) // 2
        flipped = value[:middle] + bytes([value[middle] ^ 1]) + value[middle + 1 :]
        return [flipped, value[:-1], value + b"\0", b""]
    if isinstance(value, int):
        return [value + 1, -value - 7, value + 10**12, None]
    if value is None:
        return ["ab" * 16]
    text = str(value)
    return [text[:-1], text + " ", ("b" if text[0] != "b" else "c") + text[1:], None]


def _mutate(written: bytes, sql: str, *params: object) -> Report | None:
    """The report after one statement; None if the database itself refuses it."""
    with contextlib.closing(_open(written)) as connection:
        try:
            changed = connection.execute(sql, params).rowcount
        except sqlite3.IntegrityError:
            return None
        assert changed == 1
        return _report(connection)


def test_the_untouched_log_is_clean(written: bytes) -> None:
    with contextlib.closing(_open(written)) as connection:
        report = _report(connection)
    assert report.findings == ()
    assert report.size == ENTRIES + 2


@pytest.mark.parametrize("table", TABLES)
def test_every_changed_cell_is_found(written: bytes, table: str) -> None:
    missed, found = [], 0
    for column in _columns(written, table):
        for row in _some_rows(written, table):
            with contextlib.closing(_open(written)) as connection:
                query = f"SELECT {column} FROM {table} WHERE rowid = ?"
                (value,) = connection.execute(query, (row,)).fetchone()
            variants = [5] if column == "destroyed_ms" and value is None else _variants(value)
            for new in variants:
                update = f"UPDATE {table} SET {column} = ? WHERE rowid = ?"
                report = _mutate(written, update, new, row)
                if report is not None and report.clean:
                    missed.append((column, row, value, new))
                found += report is not None
    assert missed == []
    assert found > 0


@pytest.mark.parametrize("table", TABLES)
def test_every_deleted_row_is_found(written: bytes, table: str) -> None:
    for row in _some_rows(written, table):
        report = _mutate(written, f"DELETE FROM {table} WHERE rowid = ?", row)
        assert report is not None
        assert not report.clean, f"row {row} of {table} was deleted unnoticed"


@pytest.mark.parametrize("table", TABLES)
def test_every_inserted_row_is_found(written: bytes, table: str) -> None:
    """A copy of a real row under another key is the forger's best attempt."""
    columns = _columns(written, table)
    found = 0
    for row in _some_rows(written, table):
        with contextlib.closing(_open(written)) as connection:
            query = f"SELECT * FROM {table} WHERE rowid = ?"
            values = list(connection.execute(query, (row,)).fetchone())
        for forged in _copies(table, values):
            marks = ", ".join("?" * len(columns))
            report = _mutate(written, f"INSERT INTO {table} VALUES ({marks})", *forged)
            if report is not None:
                assert not report.clean, f"{forged} was inserted into {table} unnoticed"
                found += 1
    assert found > 0


def _copies(table: str, values: list[object]) -> list[list[object]]:
    """The row with its first key moved on, and with its unique text keys changed too."""
    key = values[0]
    if isinstance(key, str):
        return [["f" * len(key), *values[1:]]]
    moved = [[int(str(key)) + step, *values[1:]] for step in (1, ENTRIES * 2, -ENTRIES * 2)]
    if table in ("audit_entries", "audit_outbox"):
        return [[first, str(uuid.uuid4()), *rest] for first, _, *rest in moved]
    return moved


@pytest.mark.parametrize("index", [0, 17, 255, 256, ENTRIES - 1])
def test_an_altered_leaf_is_named_by_its_index(written: bytes, index: int) -> None:
    """One byte of the leaf becomes another, the JSON staying canonical."""
    with contextlib.closing(_open(written)) as connection:
        query = "SELECT leaf FROM audit_entries WHERE idx = ?"
        (leaf,) = connection.execute(query, (index,)).fetchone()
    forged = leaf.replace(b'"severity_id":1', b'"severity_id":2')
    report = _mutate(written, "UPDATE audit_entries SET leaf = ? WHERE idx = ?", forged, index)
    assert report is not None
    assert forged != leaf
    assert index in {finding.index for finding in report.findings}


def test_every_byte_of_a_checkpoint_note_counts(written: bytes) -> None:
    with contextlib.closing(_open(written)) as connection:
        (note,) = connection.execute("SELECT note FROM audit_checkpoints WHERE seq = 1").fetchone()
    for at in range(0, len(note), 3):
        forged = note[:at] + ("A" if note[at] != "A" else "B") + note[at + 1 :]
        report = _mutate(written, "UPDATE audit_checkpoints SET note = ? WHERE seq = 1", forged)
        assert report is not None
        assert not report.clean, f"character {at} was changed unnoticed"


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_flipped_bit_anywhere_is_found(written: bytes, data: st.DataObject) -> None:
    table = data.draw(st.sampled_from(["audit_entries", "audit_tiles", "audit_edge", "audit_head"]))
    column = {"audit_entries": "leaf", "audit_head": "root"}.get(table, "data")
    with contextlib.closing(_open(written)) as connection:
        query = f"SELECT rowid, {column} FROM {table} WHERE length({column}) > 0"
        rows = connection.execute(query).fetchall()
    row, value = data.draw(st.sampled_from(rows))
    bit = data.draw(st.integers(0, len(value) * 8 - 1))
    flipped = bytearray(value)
    flipped[bit // 8] ^= 1 << bit % 8
    update = f"UPDATE {table} SET {column} = ? WHERE rowid = ?"
    report = _mutate(written, update, bytes(flipped), row)
    assert report is not None
    assert not report.clean
