"""The stored cosignatures of witnesses, and checkpoints written out with them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from audit.cosignature import WitnessKey
from audit.dbapi import Sql
from audit.note import Signature, parse_signature
from audit.stores import Store, StoredCheckpoint

_INSERT = (
    "INSERT INTO audit_cosignatures (number, seq, witness, key_id, time_ms, line) "
    "SELECT cosignatures, ?, ?, ?, ?, ? FROM audit_head WHERE id = 1"
)
_COUNT = "UPDATE audit_head SET cosignatures = cosignatures + 1 WHERE id = 1"
_KNOWN = "SELECT 1 FROM audit_cosignatures WHERE seq = ? AND witness = ? AND key_id = ?"
_OF = (
    "SELECT seq, witness, key_id, time_ms, line FROM audit_cosignatures WHERE seq = ? "
    "ORDER BY number"
)
_NEWEST = (
    "SELECT c.seq, c.size, c.epoch, c.root, c.time_ms, c.note FROM audit_checkpoints c "
    "WHERE c.seq = (SELECT MAX(seq) FROM audit_cosignatures WHERE witness = ? AND key_id = ?)"
)
_DESCENDING = (
    "SELECT c.seq, c.size, c.epoch, c.root, c.time_ms, c.note FROM audit_checkpoints c "
    "WHERE c.seq IN (SELECT seq FROM audit_cosignatures WHERE seq <= ? GROUP BY seq "
    "HAVING COUNT(*) >= ? ORDER BY seq DESC LIMIT ?) ORDER BY c.seq DESC"
)
_PAGE = 100


@dataclass(frozen=True, slots=True)
class Cosigned:
    """A cosignature of checkpoint `seq`; `key_id` is hexadecimal, `line` as it is on a note."""

    seq: int
    witness: str
    key_id: str
    time_ms: int
    line: str

    @classmethod
    def of(cls, seq: int, line: Signature, seconds: int) -> Cosigned:
        """Return the row of a verified cosignature."""
        return cls(seq, line.name, line.key_id.hex(), seconds * 1000, str(line))


def insert(store: Store, sql: Sql, row: Cosigned) -> bool:
    """Store a cosignature in the caller's transaction; False if it is there already.

    Raises LogUnavailable without a head row.
    """
    # The lock puts the numbers in one order, so that a missing row leaves a gap.
    store.locked_head(sql, None)
    if sql.one(_KNOWN, (row.seq, row.witness, row.key_id)) is not None:
        return False
    sql.run(_COUNT)
    sql.run(_INSERT, (row.seq, row.witness, row.key_id, row.time_ms, row.line))
    return True


def of_checkpoint(sql: Sql, seq: int) -> list[Cosigned]:
    """Return the cosignatures of one checkpoint."""
    return [Cosigned(*row) for row in sql.all(_OF, (seq,))]


def newest_of(sql: Sql, key: WitnessKey) -> StoredCheckpoint | None:
    """Return the newest checkpoint that a witness cosigned."""
    row = sql.one(_NEWEST, (key.name, key.id.hex()))
    return None if row is None else StoredCheckpoint(*row)


def descending(sql: Sql, first: int, at_least: int) -> Iterator[StoredCheckpoint]:
    """Yield the checkpoints up to number `first` with so many cosignatures, newest first."""
    while rows := sql.all(_DESCENDING, (first, at_least, _PAGE)):
        yield from (StoredCheckpoint(*row) for row in rows)
        first = int(rows[-1][0]) - 1


def note_of(sql: Sql, checkpoint: StoredCheckpoint) -> str:
    """Return a checkpoint's note with every stored cosignature below the log's own."""
    return with_lines(checkpoint.note, of_checkpoint(sql, checkpoint.seq))


def with_lines(note: str, rows: Sequence[Cosigned]) -> str:
    """Return a note with further signature lines. Raises NoteMalformed for a damaged row."""
    return note + "".join(f"{parse_signature(row.line)}\n" for row in rows)
