"""Puts back tiles that `fsck` found missing, torn or altered, from entries that are proved.

Stored tiles are append-only, so a missing one is inserted and an altered one needs the owner of
the tables: in one transaction the trigger steps aside, the row is corrected, the trigger stands
again. Nothing is deleted, and entries are never touched.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from audit.dbapi import Connection, Dialect, Sql
from audit.errors import AuditError, LogUnavailable
from audit.fsck import Fault, Place
from audit.merkle import TILE_HEIGHT, TILE_WIDTH, edge_levels, leaf_hash, perfect_root, split_tile
from audit.publish import Shelves, Source, content
from audit.schema.rules import Rule, sqlite_triggers
from audit.stores import store_for
from audit.tiles import TilePath

_TILES = Rule("audit_tiles", "UPDATE", "audit_tiles is append-only")
_UPDATE = "UPDATE audit_tiles SET data = ? WHERE level = ? AND tile = ?"
_INSERT = "INSERT INTO audit_tiles (level, tile, data) VALUES (?, ?, ?)"
_EDGE = (
    "INSERT INTO audit_edge (level, data) VALUES (?, ?) "
    "ON CONFLICT (level) DO UPDATE SET data = excluded.data"
)
_LEAVES = "SELECT leaf FROM audit_entries WHERE idx >= ? ORDER BY idx"
_BELOW = "SELECT data FROM audit_tiles WHERE level = ? AND tile >= ? ORDER BY tile"


def repair_published(faults: Sequence[Fault], shelves: Shelves, source: Source) -> int:
    """Write published tiles and bundles again; returns how many. Raises what the shelves raise."""
    mine = [fault for fault in faults if fault.place is Place.PUBLISHED]
    for fault in mine:
        right = fault.right or content(source, fault.path)
        shelves.of(fault.path).put(str(fault.path), right)
    return len(mine)


def repair_database(connection: Connection, dialect: Dialect, faults: Sequence[Fault]) -> int:
    """Correct stored tiles and the right edge in one transaction; returns how many rows.

    The connection is writable, without a transaction, under the write lock on SQLite.
    Raises LogUnavailable when the database refuses, as it does unless its owner asks.
    """
    tiles = [fault for fault in faults if fault.place is Place.DATABASE]
    edges = [fault for fault in faults if fault.place is Place.EDGE]
    if not tiles and not edges:
        return 0
    store = store_for(dialect)
    sql = store.adopt(connection)
    store.begin(sql)
    try:
        head = store.locked_head(sql, None)
        _correct_tiles(sql, tiles)
        if edges:
            _rebuild_edge(sql, head.size)
        store.commit(sql)
    except Exception as error:
        with suppress(Exception):
            store.rollback(sql)
        if isinstance(error, AuditError):
            raise
        raise LogUnavailable(f"the tiles could not be corrected: {error}") from error
    return len(tiles) + len(edges)


def _correct_tiles(sql: Sql, tiles: Sequence[Fault]) -> None:
    missing = [fault for fault in tiles if not _is_there(sql, fault.path)]
    altered = [fault for fault in tiles if fault not in missing]
    for fault in missing:
        sql.run(_INSERT, (fault.path.level, fault.path.index, fault.right))
    if altered:
        _step_aside(sql)
        for fault in altered:
            sql.run(_UPDATE, (fault.right, fault.path.level, fault.path.index))
        _stand_again(sql)


def _is_there(sql: Sql, path: TilePath) -> bool:
    query = "SELECT 1 FROM audit_tiles WHERE level = ? AND tile = ?"
    return sql.one(query, (path.level, path.index)) is not None


def _step_aside(sql: Sql) -> None:
    if sql.dialect is Dialect.SQLITE:
        sql.run("DROP TRIGGER IF EXISTS audit_tiles_update")
    else:
        sql.run("ALTER TABLE audit_tiles DISABLE TRIGGER USER")


def _stand_again(sql: Sql) -> None:
    if sql.dialect is Dialect.SQLITE:
        for statement in sqlite_triggers([_TILES]):
            sql.run(statement)
    else:
        sql.run("ALTER TABLE audit_tiles ENABLE TRIGGER USER")


def _rebuild_edge(sql: Sql, size: int) -> None:
    """Each level's partial tile from what lies below it: leaves, then the tiles just corrected."""
    for level in range(edge_levels(size)):
        start = size >> TILE_HEIGHT * (level + 1) << TILE_HEIGHT
        if level == 0:
            hashes = [leaf_hash(bytes(row[0])) for row in sql.all(_LEAVES, (start,))]
        else:
            below = sql.all(_BELOW, (level - 1, start))
            hashes = [perfect_root(split_tile(bytes(row[0]))) for row in below]
        sql.run(_EDGE, (level, b"".join(hashes[:TILE_WIDTH])))
