"""`fsck` names each tile that does not follow from the entries, and can rebuild it."""

from __future__ import annotations

import contextlib

import pytest

from audit.errors import LogUnavailable
from audit.fsck import Place
from audit.repair import repair_database, repair_published
from tests.unit.audit.shelves import fill, fsck_world, memory_shelves, publish_world, reading
from tests.unit.audit.world import World, drop_triggers

ENTRIES = 700


@pytest.fixture
def filled(sqlite_log: World) -> World:
    """Published tiles are compared in the same way whichever database holds the log."""
    fill(sqlite_log, ENTRIES)
    return sqlite_log


def test_a_log_as_it_was_written_is_clean(filled: World) -> None:
    shelves = memory_shelves()
    publish_world(filled, shelves)

    found = fsck_world(filled, shelves)

    assert found.clean
    assert (found.size, found.published, found.proved) == (ENTRIES, ENTRIES, True)


def test_a_log_that_grew_after_publication_is_clean(filled: World) -> None:
    shelves = memory_shelves()
    publish_world(filled, shelves)
    fill(filled, 400)

    assert fsck_world(filled, shelves).clean


def test_nothing_published_is_no_fault(filled: World) -> None:
    found = fsck_world(filled, memory_shelves())

    assert found.clean
    assert found.published is None


@pytest.mark.parametrize(
    ("path", "index"),
    [("tile/0/001", 256), ("tile/0/002.p/188", 512), ("tile/1/000.p/2", 0)],
)
@pytest.mark.parametrize("damage", ["missing", "torn", "altered"])
def test_a_damaged_published_tile_is_named(
    filled: World, path: str, index: int, damage: str
) -> None:
    shelves = memory_shelves()
    publish_world(filled, shelves)
    harm(shelves.public, path, damage)

    found = fsck_world(filled, shelves)

    assert [(one.index, one.table) for one in found.findings] == [(index, Place.PUBLISHED)]
    assert damage in found.findings[0].what


def test_a_damaged_published_bundle_is_named_by_its_entry(filled: World) -> None:
    shelves = memory_shelves()
    publish_world(filled, shelves)
    data = shelves.entries.get("tile/entries/001")
    assert data is not None
    shelves.entries.put("tile/entries/001", data[:-3] + b"xxx")

    found = fsck_world(filled, shelves)

    assert [one.index for one in found.findings] == [511]


def test_published_damage_is_repaired_from_the_entries(filled: World) -> None:
    shelves = memory_shelves()
    publish_world(filled, shelves)
    harm(shelves.public, "tile/0/001", "torn")
    harm(shelves.entries, "tile/entries/000", "missing")

    with reading(filled) as source:
        repaired = repair_published(fsck_world(filled, shelves).faults, shelves, source)

    assert repaired == 2
    assert fsck_world(filled, shelves).clean


@pytest.mark.parametrize(
    ("statement", "index", "place"),
    [
        ("DELETE FROM audit_tiles WHERE level = 0 AND tile = 1", 256, Place.DATABASE),
        ("UPDATE audit_tiles SET data = ? WHERE level = 0 AND tile = 1", 256, Place.DATABASE),
        ("UPDATE audit_edge SET data = ? WHERE level = 0", 512, Place.EDGE),
        ("DELETE FROM audit_edge WHERE level = 1", 0, Place.EDGE),
    ],
)
def test_a_damaged_stored_tile_is_named_and_rebuilt(
    world: World, statement: str, index: int, place: Place
) -> None:
    fill(world, ENTRIES)
    with trigger_away(world, statement):
        world.execute(statement, *([b"x" * 8192] if "?" in statement else []))
    found = fsck_world(world)

    repair(world)

    assert [(one.index, one.table) for one in found.findings] == [(index, place)]
    assert fsck_world(world).clean
    assert world.verify().clean


def test_after_a_repair_tiles_are_append_only_again(world: World) -> None:
    fill(world, ENTRIES)
    update = "UPDATE audit_tiles SET data = ? WHERE level = 0 AND tile = 1"
    with trigger_away(world, update):
        world.execute(update, b"x" * 8192)

    repair(world)

    with pytest.raises(Exception, match="append-only"):
        world.execute(update, b"y" * 8192)


def test_an_altered_entry_is_named_and_nothing_is_rebuilt_from_it(filled: World) -> None:
    filled.logs[-1].checkpoint()
    drop_triggers(filled)
    filled.execute("UPDATE audit_entries SET leaf = ? WHERE idx = 300", b"{}")

    found = fsck_world(filled)

    assert found.findings[0].index in (256, 300)
    assert 300 in [one.index for one in found.findings]
    assert not found.proved


def test_a_missing_entry_is_named(filled: World) -> None:
    drop_triggers(filled)
    filled.execute("DELETE FROM audit_entries WHERE idx = 300")

    found = fsck_world(filled)

    assert [one.index for one in found.findings] == [300]


def test_a_truncated_log_is_named(filled: World) -> None:
    filled.logs[-1].checkpoint()
    drop_triggers(filled)
    filled.execute("DELETE FROM audit_entries WHERE idx >= 600")

    found = fsck_world(filled)

    assert "700 entries were signed, 600 are there" in [one.what for one in found.findings]


def test_a_role_that_does_not_own_the_tables_cannot_correct_them(postgres_log: World) -> None:
    world = postgres_log
    fill(world, ENTRIES)
    update = "UPDATE audit_tiles SET data = ? WHERE level = 0 AND tile = 1"
    with trigger_away(world, update):
        world.execute(update, b"x" * 8192)
    world.execute("CREATE ROLE plain_gateway")
    world.execute("GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO plain_gateway")
    faults = fsck_world(world).faults

    with contextlib.closing(world.connect()) as connection:
        connection.execute("SET ROLE plain_gateway")
        connection.commit()
        with pytest.raises(LogUnavailable, match="owner"):
            repair_database(connection, world.dialect, faults)
    world.execute("DROP OWNED BY plain_gateway")
    world.execute("DROP ROLE plain_gateway")


def repair(world: World) -> None:
    faults = fsck_world(world).faults
    with contextlib.closing(world.connect()) as connection:
        repair_database(connection, world.dialect, faults)


@contextlib.contextmanager
def trigger_away(world: World, statement: str):
    """An owner of the tables takes one trigger off, and puts it back afterwards."""
    words = statement.split()
    operation, table = words[0].lower(), words[2 if words[0] == "DELETE" else 1]
    if world.dialect == "postgresql":
        world.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        yield
        world.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
        return
    name = f"{table}_{operation}"
    rows = world.execute("SELECT sql FROM sqlite_master WHERE name = ?", name)
    if rows:
        world.execute(f"DROP TRIGGER {name}")
    yield
    for (text,) in rows:
        world.execute(text)


def harm(shelf, path: str, damage: str) -> None:
    data = shelf.get(path)
    assert data is not None
    if damage == "missing":
        shelf.remove(path)
    else:
        shelf.put(path, data[:20] if damage == "torn" else b"x" + data[1:])
