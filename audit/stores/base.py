"""The statements of the log, common to both dialects; subclasses add what differs.

A store holds no state: each method works on the `Sql` it is given and leaves transactions to
the caller, except `begin`, `commit` and `rollback` themselves.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from audit import times
from audit.dbapi import Connection, Sql, places
from audit.edge import Edge, FullTile
from audit.errors import HeadMoved, LogFenced, LogUnavailable
from audit.event import Event, Sealer, document, serialise
from audit.leaf import Columns, columns, parse
from audit.merkle import EMPTY_ROOT, leaf_hash

ENTRY = (
    "idx, event_id, time_ms, action, outcome, person, organisation, dataset, version, item, ref, "
    "leaf"
)
SUBJECT = "idx, person"
_EDGE = (
    "INSERT INTO audit_edge (level, data) VALUES (?, ?) "
    "ON CONFLICT (level) DO UPDATE SET data = excluded.data"
)
GROW = "UPDATE audit_head SET size = ?, root = ?, epoch = ? WHERE id = 1 AND size = ? AND epoch = ?"
QUEUED = " RETURNING EXISTS (SELECT 1 FROM audit_outbox)"
_HEAD_AND_QUEUE = (
    "SELECT size, epoch, origin, root, checkpoints, EXISTS (SELECT 1 FROM audit_outbox) "
    "FROM audit_head WHERE id = 1"
)
SELECT_HEAD = "SELECT size, epoch, origin, root, checkpoints FROM audit_head WHERE id = 1"
_CHECKPOINT = "SELECT seq, size, epoch, root, time_ms, note FROM audit_checkpoints "
_KNOWN = "SELECT event_id FROM audit_entries WHERE event_id IN ({})"
_IDS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Head:
    """The row that says where the log stands."""

    size: int
    epoch: int
    origin: str
    root: bytes
    checkpoints: int


@dataclass(frozen=True, slots=True)
class Prepared:
    """A leaf ready to be numbered, with all that can be computed before its index is known."""

    leaf: bytes
    hash: bytes
    columns: Columns
    subjects: tuple[str, ...]

    @classmethod
    def of(cls, leaf: bytes) -> Prepared:
        """Parse and hash a leaf. Raises LeafMalformed."""
        parsed = parse(leaf)
        return cls(leaf, leaf_hash(leaf), parsed.columns, parsed.subjects)

    @classmethod
    def encode(cls, event: Event, vault: Sealer, salt: bytes) -> Prepared:
        """Encode and hash an event. Raises EventInvalid or EventTooLarge."""
        content = document(event, vault, salt)
        leaf = serialise(content)
        return cls(leaf, leaf_hash(leaf), columns(content), tuple(content["subjects"]))


@dataclass(frozen=True, slots=True)
class Step:
    """What one batch writes: the leaves after the `old` edge, and what they make of the tree."""

    old: Edge
    new: Edge
    rows: Sequence[Prepared]
    tiles: Sequence[FullTile]
    move: tuple[object, ...]
    """The parameters of GROW."""

    @classmethod
    def of(cls, edge: Edge, rows: Sequence[Prepared], epoch: int, new_epoch: int) -> Step:
        """Grow the tree by a batch, in memory."""
        grown = edge.copy()
        tiles = grown.extend(row.hash for row in rows)
        move = (grown.size, grown.root(), new_epoch, edge.size, epoch)
        return cls(edge, grown, rows, tiles, move)

    def entries(self) -> list[tuple[object, ...]]:
        """The rows of `audit_entries`."""
        return [(index, *row.columns, row.leaf) for index, row in self._numbered()]

    def subjects(self) -> list[tuple[object, ...]]:
        """The rows of `audit_subjects`."""
        return [(index, person) for index, row in self._numbered() for person in row.subjects]

    def _numbered(self) -> Iterator[tuple[int, Prepared]]:
        return enumerate(self.rows, start=self.old.size)


@dataclass(frozen=True, slots=True)
class StoredCheckpoint:
    """A signed checkpoint; `note` is the signed note, `time_ms` a whole second."""

    seq: int
    size: int
    epoch: int
    root: bytes
    time_ms: int
    note: str


class Store(ABC):
    """What the log does to its tables."""

    for_update = ""
    """What makes a SELECT lock its rows; empty where BEGIN has locked everything."""

    @abstractmethod
    def adopt(self, connection: Connection) -> Sql:
        """Set up a connection that belongs to the log and return it ready for statements."""

    cut_wakes: ClassVar[bool]
    """Whether `cut` wakes the thread that waits, whatever it waits for."""

    @abstractmethod
    def cut(self, sql: Sql) -> None:
        """End a connection from another thread than the one that waits for its answer."""

    @abstractmethod
    def begin(self, sql: Sql) -> None:
        """Start a write transaction."""

    @abstractmethod
    def is_duplicate(self, error: Exception) -> bool:
        """Tell whether a driver error is a violated uniqueness."""

    @abstractmethod
    def begin_snapshot(self, sql: Sql) -> None:
        """Start a read transaction in which every statement sees the same state."""

    def commit(self, sql: Sql) -> None:
        """Make the transaction durable."""
        sql.run("COMMIT")

    def rollback(self, sql: Sql) -> None:
        """Undo the transaction."""
        sql.run("ROLLBACK")

    def head(self, sql: Sql) -> Head | None:
        """Read the head without locking it."""
        row = sql.one(SELECT_HEAD)
        return None if row is None else Head(*row)

    def locked_head(self, sql: Sql, epoch: int | None) -> Head:
        """Lock the head and check the epoch. Raises LogFenced or LogUnavailable."""
        return _checked(self._lock_head(sql), epoch)

    def _lock_head(self, sql: Sql) -> Head | None:
        row = sql.one(SELECT_HEAD + self.for_update)
        return None if row is None else Head(*row)

    def begin_batch(self, sql: Sql, epoch: int | None) -> tuple[Head, bool]:
        """Start a transaction and lock the head; tell also whether outbox rows wait.

        Raises LogFenced or LogUnavailable.
        """
        self.begin(sql)
        row = sql.one(_HEAD_AND_QUEUE + self.for_update)
        head = _checked(None if row is None else Head(*row[:5]), epoch)
        return head, row is not None and bool(row[5])

    def initialise(self, sql: Sql, origin: str) -> None:
        """Write the head row of a new log, in the caller's transaction.

        A head that is missing although there are entries is never replaced: that is damage.
        """
        sql.run(
            "INSERT INTO audit_head (id, size, epoch, origin, root, checkpoints) "
            "SELECT 1, 0, 1, ?, ?, 0 WHERE NOT EXISTS (SELECT 1 FROM audit_entries) "
            "AND NOT EXISTS (SELECT 1 FROM audit_checkpoints) ON CONFLICT (id) DO NOTHING",
            (origin, EMPTY_ROOT),
        )

    def load_edge(self, sql: Sql, size: int) -> Edge:
        """Read the right edge. Raises ProofInvalid if it does not belong to `size`."""
        rows = {int(row[0]): bytes(row[1]) for row in sql.all("SELECT level, data FROM audit_edge")}
        return Edge.load(size, rows)

    def append(
        self, sql: Sql, head: Head, edge: Edge, rows: Sequence[Prepared], new_epoch: int | None
    ) -> Edge:
        """Number and insert leaves after `head`, tree included; return the new right edge.

        Raises HeadMoved if the head does not stand where `head` says.
        """
        step = Step.of(edge, rows, head.epoch, head.epoch if new_epoch is None else new_epoch)
        # First of all, because this takes the head's lock: whoever writes entries has it.
        if sql.run(GROW, step.move) != 1:
            raise HeadMoved("the log's head was moved by someone else")
        with sql.pipelined():
            self._write(sql, step)
        return step.new

    def append_alone(
        self, sql: Sql, edge: Edge, epoch: int, rows: Sequence[Prepared]
    ) -> tuple[Edge, bool]:
        """Number leaves after a known edge, in a transaction of their own.

        The head is not read first: that it has not moved is a condition of moving it. Returns
        the new edge, and whether outbox rows wait. Raises HeadMoved.
        """
        step = Step.of(edge, rows, epoch, epoch)
        return step.new, self._commit_alone(sql, step)

    def _commit_alone(self, sql: Sql, step: Step) -> bool:
        with sql.pipelined():
            self.begin(sql)
            queued = sql.one(GROW + QUEUED, step.move)
            if queued is None:
                raise HeadMoved("the log's head was moved by someone else")
            self._write(sql, step)
            self.commit(sql)
        return bool(queued[0])

    def _write(self, sql: Sql, step: Step) -> None:
        sql.insert("audit_entries", ENTRY, step.entries())
        sql.insert("audit_subjects", SUBJECT, step.subjects())
        self._insert_tiles(sql, step.tiles)
        self._write_edge(sql, step.old, step.new)

    def _insert_tiles(self, sql: Sql, tiles: Sequence[FullTile]) -> None:
        rows = [(tile.level, tile.index, tile.data) for tile in tiles]
        sql.insert("audit_tiles", "level, tile, data", rows)
        times.add(sql, tiles)

    def _write_edge(self, sql: Sql, old: Edge, new: Edge) -> None:
        changed = [
            (level, new.partial(level))
            for level in range(len(new.levels))
            if level >= len(old.levels) or old.levels[level] != new.levels[level]
        ]
        for level, data in changed:
            sql.run(_EDGE, (level, data))

    def known_ids(self, sql: Sql, event_ids: Sequence[str]) -> set[str]:
        """Return those of the event ids that are in the log already."""
        known: set[str] = set()
        for start in range(0, len(event_ids), _IDS_AT_ONCE):
            some = event_ids[start : start + _IDS_AT_ONCE]
            query = _KNOWN.format(places(len(some)))
            known.update(row[0] for row in sql.all(query, some))
        return known

    def latest_checkpoint(self, sql: Sql) -> StoredCheckpoint | None:
        """Return the newest signed checkpoint."""
        row = sql.one(_CHECKPOINT + "ORDER BY seq DESC LIMIT 1")
        return None if row is None else StoredCheckpoint(*row)

    def checkpoints(self, sql: Sql, before: int | None, limit: int) -> list[StoredCheckpoint]:
        """Return signed checkpoints, newest first, those below `before` if it is given."""
        rows = sql.all(
            _CHECKPOINT + "WHERE seq < ? ORDER BY seq DESC LIMIT ?",
            (2**62 if before is None else before, limit),
        )
        return [StoredCheckpoint(*row) for row in rows]

    def insert_checkpoint(self, sql: Sql, head: Head, new: StoredCheckpoint) -> None:
        """Store a signed checkpoint and count it in the head. Raises LogFenced on a race."""
        sql.run(
            "INSERT INTO audit_checkpoints (seq, size, epoch, root, time_ms, note) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            (new.seq, new.size, new.epoch, new.root, new.time_ms, new.note),
        )
        counted = sql.run(
            "UPDATE audit_head SET checkpoints = ? WHERE id = 1 AND checkpoints = ?",
            (new.seq, head.checkpoints),
        )
        if counted != 1:
            raise LogFenced("the log's head was moved by someone else")


def _checked(head: Head | None, epoch: int | None) -> Head:
    if head is None:
        raise LogUnavailable("the log's head row is missing; run the verifier")
    if epoch is not None and head.epoch != epoch:
        raise LogFenced(f"the log is in epoch {head.epoch}, this process in {epoch}: restart")
    return head
