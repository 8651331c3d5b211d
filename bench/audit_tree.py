"""What the Merkle tree, its tiles and their times cost, against group commit without them.

Both sides run the same batcher on SQLite with 64 threads; the baseline's store writes the same
rows and moves the head, and leaves the tree alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from audit.dbapi import Sql
from audit.edge import FullTile
from audit.stores import Store
from audit.stores.sqlite import SqliteStore
from bench import beds
from bench.harness import Comparison, compare

CLIENTS, EACH = 64, 150


class _Edge:
    """Counts leaves instead of hashing them."""

    def __init__(self, size: int = 0) -> None:
        self.size = size
        self.levels: list[list[bytes]] = []

    def copy(self) -> _Edge:
        return _Edge(self.size)

    def extend(self, hashes: Sequence[bytes]) -> list[FullTile]:
        self.size += len(list(hashes))
        return []

    def root(self) -> bytes:
        return bytes(32)


class _Treeless(SqliteStore):
    """Group commit alone."""

    def load_edge(self, sql: Sql, size: int) -> _Edge:  # type: ignore[override]
        return _Edge(size)


def run() -> list[Comparison]:
    """The comparison `audit.tree.sqlite.c64`."""
    return [
        compare(
            "audit.tree.sqlite.c64",
            "1/s",
            partial(rate, SqliteStore),
            partial(rate, _Treeless),
            baseline_name="group commit without tree",
            target=0.87,
            conditions=f"{CLIENTS} threads",
        )
    ]


def rate(store: Callable[[], Store]) -> float:
    """Events a second through the gateway's journal with a store of this kind."""
    with beds.sqlite() as settings, beds.gateway(settings) as runtime:
        runtime.journal.log._batcher._numbering._store = store()
        entry = beds.entry()
        runtime.journal.append(entry)
        append = partial(runtime.journal.append, entry)
        return beds.crowd(CLIENTS, EACH, lambda: append)[0]
