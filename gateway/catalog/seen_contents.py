"""Which contents a scan has inspected already, in flat memory."""

from __future__ import annotations

import sqlite3

from gateway.catalog.items import Item


class SeenContents:
    """Which contents were inspected already: the same bytes under the same kind of name."""

    def __init__(self) -> None:
        # An unnamed database: SQLite keeps it on disk and deletes it by itself.
        self._table = sqlite3.connect("", isolation_level=None)
        self._table.execute("PRAGMA journal_mode=OFF")
        self._table.execute("CREATE TABLE seen (content TEXT PRIMARY KEY) WITHOUT ROWID")

    def first_time(self, item: Item) -> bool:
        """Whether `item` was not asked about before; the suffix decides how it is read."""
        suffix = item.path.rpartition("/")[2].rpartition(".")[2].lower()
        added = self._table.execute(
            "INSERT OR IGNORE INTO seen VALUES (?)", (f"{item.sha256} {suffix}",)
        )
        return added.rowcount == 1

    def close(self) -> None:
        self._table.close()
