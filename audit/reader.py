"""Reads the log: filtered search by keyset, tiles, proofs, counts for charts.

People, organisations and items are given as plain ids and looked up by their tokens. Nothing
here writes, so a read-only connection is enough.
"""

from __future__ import annotations

from typing import Any

from audit import cosigned
from audit.dbapi import Connection, Dialect, Sql
from audit.errors import TileMissing
from audit.event import Domain
from audit.leaf import Leaf, decode, open_personal
from audit.merkle import HASH_BYTES, TILE_WIDTH, consistency_proof, inclusion_proof
from audit.proof import TlogProof
from audit.search import MAX_LIMIT, Bucket, Entry, Filters, Search
from audit.stores import Head, StoredCheckpoint, store_for
from audit.tiles import TilePath, bundle
from audit.vault import KeyVault, VaultReader


class LogReader:
    """Look-ups over one connection; not safe to share between threads."""

    def __init__(self, connection: Connection, dialect: Dialect, vault: KeyVault) -> None:
        self._sql = Sql(connection, dialect)
        self._store = store_for(dialect)
        self._vault = vault
        self._search = Search(self._sql, vault)

    def search(
        self,
        filters: Filters,
        *,
        before: int | None = None,
        after: int | None = None,
        limit: int = 50,
    ) -> list[Entry]:
        """Return at most `limit` (1 to 500) entries, newest first, by keyset.

        `before` pages to older entries; `after` gives the page just newer than that index.
        """
        return self._search.page(filters, before, after, limit)

    def counts(self, filters: Filters, bucket_ms: int, offset_ms: int = 0) -> list[Bucket]:
        """Count entries by outcome in buckets of `bucket_ms`, oldest first.

        `offset_ms` is the offset of local time from UTC, so that days begin at local midnight.
        """
        return self._search.counts(filters, bucket_ms, offset_ms)

    def get(self, index: int) -> Entry | None:
        """Return one entry, or None."""
        return self._search.get(index)

    def leaf(self, entry: Entry) -> Leaf:
        """Parse an entry's leaf. Raises LeafMalformed."""
        return decode(entry.leaf)

    def personal(self, leaf: Leaf) -> dict[str, dict[str, Any] | None]:
        """Open the sealed fields by person token; None where the key is destroyed."""
        return open_personal(leaf, VaultReader(self._vault, self._sql))

    def token(self, domain: Domain, value: str) -> str:
        """Return the token under which a value is searchable."""
        return self._vault.token(domain, value)

    def head(self) -> Head | None:
        """Return where the log stands."""
        return self._store.head(self._sql)

    def latest_checkpoint(self) -> StoredCheckpoint | None:
        """Return the newest signed checkpoint."""
        return self._store.latest_checkpoint(self._sql)

    def checkpoints(self, *, before: int | None = None, limit: int = 50) -> list[StoredCheckpoint]:
        """Return signed checkpoints, newest first; `before` is a sequence number."""
        return self._store.checkpoints(self._sql, before, max(1, min(limit, MAX_LIMIT)))

    def tile(self, level: int, index: int, width: int = TILE_WIDTH) -> bytes:
        """Return `width` hashes of a hash tile. Raises TileMissing."""
        data = self._full_tile(level, index) or self._edge_tile(level, index)
        # Between the two look-ups the sequencer may have completed the tile.
        data = data or self._full_tile(level, index)
        if data is None or len(data) < width * HASH_BYTES:
            raise TileMissing(f"{TilePath(level, index, width)} is not stored")
        return data[: width * HASH_BYTES]

    def entry_bundle(self, index: int, width: int = TILE_WIDTH) -> bytes:
        """Return `width` leaves as a C2SP entry bundle. Raises TileMissing."""
        start = index * TILE_WIDTH
        rows = self._sql.all(
            "SELECT leaf FROM audit_entries WHERE idx >= ? AND idx < ? ORDER BY idx",
            (start, start + width),
        )
        if len(rows) != width:
            raise TileMissing(f"{TilePath(None, index, width)} is not complete")
        return bundle([bytes(row[0]) for row in rows])

    def inclusion(self, index: int, size: int) -> tuple[bytes, ...]:
        """Return the audit path of an entry in the tree of `size`. Raises ValueError."""
        return inclusion_proof(index, size, self.tile)

    def consistency(self, old: int, new: int) -> tuple[bytes, ...]:
        """Return the proof that the tree of `new` extends that of `old`. Raises ValueError."""
        return consistency_proof(old, new, self.tile)

    def prove(self, index: int, checkpoint: StoredCheckpoint) -> TlogProof:
        """Return a C2SP tlog-proof of an entry under a checkpoint with its cosignatures.

        Raises ValueError.
        """
        note = cosigned.note_of(self._sql, checkpoint)
        return TlogProof(index, self.inclusion(index, checkpoint.size), note)

    def _full_tile(self, level: int, index: int) -> bytes | None:
        row = self._sql.one(
            "SELECT data FROM audit_tiles WHERE level = ? AND tile = ?", (level, index)
        )
        return None if row is None else bytes(row[0])

    def _edge_tile(self, level: int, index: int) -> bytes | None:
        """The partial tile, if it is this one: read with the head in one statement."""
        row = self._sql.one(
            "SELECT h.size, d.data FROM audit_head h, audit_edge d WHERE d.level = ?", (level,)
        )
        if row is None or int(row[0]) >> (8 * (level + 1)) != index:
            return None
        return bytes(row[1])
