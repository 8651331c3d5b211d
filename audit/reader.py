"""Reads the log: filtered search by keyset, tiles, proofs, counts for charts.

People, organisations and items are given as plain ids and looked up by their tokens. Nothing
here writes, so a read-only connection is enough.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from audit.dbapi import Connection, Dialect, Row, Sql
from audit.errors import TileMissing
from audit.event import Domain
from audit.leaf import Columns, Leaf, decode, open_personal
from audit.merkle import HASH_BYTES, TILE_WIDTH, consistency_proof, inclusion_proof
from audit.ocsf import Outcome
from audit.proof import TlogProof
from audit.stores import Head, StoredCheckpoint, store_for
from audit.tiles import TilePath, bundle
from audit.vault import KeyVault, VaultReader

MAX_LIMIT = 500

_COLUMNS = (
    "e.idx, e.event_id, e.time_ms, e.action, e.outcome, e.person, e.organisation, e.dataset, "
    "e.version, e.item, e.ref, e.leaf"
)
_ENTRIES = "audit_entries e"
_ABOUT = "audit_subjects s JOIN audit_entries e ON e.idx = s.idx"


@dataclass(frozen=True, slots=True)
class Filters:
    """What to look for; all given conditions must hold.

    `person` matches the actor and the people whose data was handled, `actor` and `subject` only
    the one or the other. `action` matches exactly, or every action below it when it ends in a
    dot. Times are milliseconds, half-open.
    """

    person: str | None = None
    actor: str | None = None
    subject: str | None = None
    organisation: str | None = None
    dataset: str | None = None
    version: str | None = None
    item: str | None = None
    action: str | None = None
    outcome: Outcome | None = None
    ref: str | None = None
    event_id: str | None = None
    since_ms: int | None = None
    until_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the log: its index, the searchable columns and the exact leaf."""

    index: int
    columns: Columns
    leaf: bytes


class Bucket(NamedTuple):
    """How many entries of an outcome fall into the bucket beginning at `start_ms`."""

    start_ms: int
    outcome: Outcome
    entries: int


class LogReader:
    """Look-ups over one connection; not safe to share between threads."""

    def __init__(self, connection: Connection, dialect: Dialect, vault: KeyVault) -> None:
        self._sql = Sql(connection, dialect)
        self._store = store_for(dialect)
        self._vault = vault

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
        count = max(1, min(limit, MAX_LIMIT))
        found: dict[int, Entry] = {}
        for source, conditions in self._sources(filters):
            for entry in self._page(source, conditions, before, after, count):
                found[entry.index] = entry
        nearest = sorted(found, reverse=after is None)[:count]
        return [found[index] for index in sorted(nearest, reverse=True)]

    def get(self, index: int) -> Entry | None:
        """Return one entry, or None."""
        row = self._sql.one(_select(_ENTRIES, "e.idx = ?"), (index,))
        return None if row is None else _entry(row)

    def leaf(self, entry: Entry) -> Leaf:
        """Parse an entry's leaf. Raises LeafMalformed."""
        return decode(entry.leaf)

    def personal(self, leaf: Leaf) -> dict[str, dict[str, Any] | None]:
        """Open the sealed fields by person token; None where the key is destroyed."""
        return open_personal(leaf, VaultReader(self._vault, self._sql))

    def token(self, domain: Domain, value: str) -> str:
        """Return the token under which a value is searchable."""
        return self._vault.token(domain, value)

    def counts(self, filters: Filters, bucket_ms: int, offset_ms: int = 0) -> list[Bucket]:
        """Count entries by outcome in buckets of `bucket_ms`, oldest first.

        `offset_ms` is the offset of local time from UTC, so that days begin at local midnight.
        """
        found: dict[tuple[int, str], int] = {}
        for position, (source, given) in enumerate(self._sources(filters)):
            conditions = [*given]
            if position:
                # The actor's own entries were counted already.
                conditions.append(("(e.person IS NULL OR e.person <> ?)", given[0][1]))
            for bucket, outcome, count in self._grouped(source, conditions, bucket_ms, offset_ms):
                key = (int(bucket) * bucket_ms - offset_ms, str(outcome))
                found[key] = found.get(key, 0) + int(count)
        return [Bucket(at, Outcome(outcome), n) for (at, outcome), n in sorted(found.items())]

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
        """Return a C2SP tlog-proof of an entry under a checkpoint. Raises ValueError."""
        return TlogProof(index, self.inclusion(index, checkpoint.size), checkpoint.note)

    def _sources(self, filters: Filters) -> list[tuple[str, list[tuple[str, object]]]]:
        """The tables to search and their conditions: two when `person` may be either role."""
        rest = self._conditions(filters)
        if filters.person is not None:
            token = self._vault.token(Domain.PERSON, filters.person)
            sources = [(_ENTRIES, [("e.person = ?", token)]), (_ABOUT, [("s.person = ?", token)])]
            return [(source, [*own, *rest]) for source, own in sources]
        if filters.subject is not None:
            token = self._vault.token(Domain.PERSON, filters.subject)
            return [(_ABOUT, [("s.person = ?", token), *rest])]
        return [(_ENTRIES, rest)]

    def _conditions(self, filters: Filters) -> list[tuple[str, object]]:
        def token(domain: Domain, value: str | None) -> str | None:
            return None if value is None else self._vault.token(domain, value)

        given: list[tuple[str, object]] = [
            ("e.person = ?", token(Domain.PERSON, filters.actor)),
            ("e.organisation = ?", token(Domain.ORGANISATION, filters.organisation)),
            ("e.item = ?", token(Domain.ITEM, filters.item)),
            ("e.dataset = ?", filters.dataset),
            ("e.version = ?", filters.version),
            ("e.outcome = ?", filters.outcome and filters.outcome.value),
            ("e.ref = ?", filters.ref),
            ("e.event_id = ?", filters.event_id),
            ("e.time_ms >= ?", filters.since_ms),
            ("e.time_ms < ?", filters.until_ms),
            *_action_conditions(filters.action),
        ]
        return [(text, value) for text, value in given if value is not None]

    def _page(
        self,
        source: str,
        given: Sequence[tuple[str, object]],
        before: int | None,
        after: int | None,
        limit: int,
    ) -> list[Entry]:
        column = "s.idx" if source is _ABOUT else "e.idx"
        bounds = [(f"{column} < ?", before), (f"{column} > ?", after)]
        conditions = [*given, *((text, value) for text, value in bounds if value is not None)]
        where = " AND ".join(text for text, _ in conditions) or "1 = 1"
        order = "DESC" if after is None else "ASC"
        query = f"{_select(source, where)} ORDER BY {column} {order} LIMIT ?"
        return [_entry(row) for row in self._sql.all(query, [*(v for _, v in conditions), limit])]

    def _grouped(
        self,
        source: str,
        conditions: Sequence[tuple[str, object]],
        bucket_ms: int,
        offset_ms: int,
    ) -> list[Row]:
        where = " AND ".join(text for text, _ in conditions) or "1 = 1"
        bucket = f"(e.time_ms + {int(offset_ms)}) / {int(bucket_ms)}"
        query = _GROUPED.format(bucket=bucket, source=source, where=where)
        return self._sql.all(query, [value for _, value in conditions])

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


_PAGE = "SELECT {columns} FROM {source} WHERE {where}"
_GROUPED = (
    "SELECT {bucket} AS bucket, e.outcome, COUNT(*) FROM {source} WHERE {where} "
    "GROUP BY 1, e.outcome"
)


def _select(source: str, where: str) -> str:
    return _PAGE.format(columns=_COLUMNS, source=source, where=where)


def _action_conditions(action: str | None) -> list[tuple[str, object]]:
    """An exact match, or a range over every action with this prefix: '/' follows '.'."""
    if action is None or not action.endswith("."):
        return [("e.action = ?", action)]
    return [("e.action >= ?", action), ("e.action < ?", action[:-1] + "/")]


def _entry(row: Row) -> Entry:
    return Entry(int(row[0]), Columns(*row[1:11]), bytes(row[11]))
