"""Shelves in memory, and a log published on them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from audit.dbapi import Dialect, Sql
from audit.fsck import Fsck, fsck
from audit.publish import Shelves, publish
from audit.reader import LogReader
from audit.stores import store_for
from tests.unit.audit.world import SIGNER, VKEY, World, vault


class MemoryShelf:
    """Files in a dictionary; `written` lists every path in the order of writing."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.written: list[str] = []

    def get(self, path: str) -> bytes | None:
        return self.files.get(path)

    def put(self, path: str, data: bytes) -> None:
        self.files[path] = data
        self.written.append(path)

    def put_absent(self, path: str, data: bytes) -> bool:
        if path in self.files:
            return False
        self.put(path, data)
        return True

    def remove(self, path: str) -> None:
        self.files.pop(path, None)

    def remove_below(self, folder: str) -> None:
        for path in [one for one in self.files if one.startswith(f"{folder}/")]:
            del self.files[path]


def memory_shelves() -> Shelves:
    return Shelves(MemoryShelf(), MemoryShelf())


@contextlib.contextmanager
def reading(world: World) -> Iterator[LogReader]:
    with contextlib.closing(world.connect()) as connection:
        yield LogReader(connection, world.dialect, vault())


def publish_world(world: World, shelves: Shelves, minimum: int = 0) -> int:
    log = world.logs[-1]
    note = log.checkpoint(covering=log.size()).note
    with reading(world) as source:
        return publish(source, shelves, [SIGNER.verifier], note, minimum)


def fsck_world(world: World, shelves: Shelves | None = None) -> Fsck:
    with contextlib.closing(world.connect()) as connection:
        return fsck(connection, world.dialect, VKEY, shelves)


def fill(world: World, count: int) -> None:
    """Number `count` events in few transactions."""
    from tests.unit.audit.world import event, eventually

    log = world.logs[-1] if world.logs else world.log()
    before = log.size()
    world.record(log, *(event() for _ in range(count)))
    log.kick()
    assert eventually(lambda: log.size() == before + count, 30)


def sql_of(world: World, connection: object) -> Sql:
    return store_for(world.dialect).adopt(connection)  # type: ignore[arg-type]


__all__ = ["Dialect", "MemoryShelf", "fill", "fsck_world", "memory_shelves", "publish_world"]
