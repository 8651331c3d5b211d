"""Checks every stored checkpoint: signature, columns, sequence, and the root at its size.

The key is the one that the log's own history says signed at that size; each hand-over is checked
as well, and what was signed in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from audit.checkpoint import Checkpoint, open_checkpoint
from audit.dbapi import Row, Sql
from audit.errors import NoteMalformed, SignatureInvalid
from audit.log_keys import read_history
from audit.restoration import Restoration
from audit.verify.findings import Findings

TABLE = "audit_checkpoints"
ENTRIES = "audit_entries"
_PAGE = 500
_SIGNATURES = 2


def _rows(sql: Sql) -> Iterator[Row]:
    """Every row in order, a page at a time."""
    query = "SELECT seq, size, epoch, root, time_ms, note FROM audit_checkpoints {} LIMIT ?"
    page = sql.all(query.format("ORDER BY seq"), (_PAGE,))
    while page:
        yield from page
        where = "WHERE seq > ? ORDER BY seq"
        page = sql.all(query.format(where), (page[-1][0], _PAGE))


class CheckpointCheck:
    """Walks the checkpoints in step with the tree: they are issued in order of size."""

    def __init__(
        self,
        sql: Sql,
        vkey: str,
        since: Checkpoint | None,
        findings: Findings,
        restores: Sequence[Restoration],
    ) -> None:
        self._rows = _rows(sql)
        self._history, faults = read_history(sql, vkey)
        for index, what in faults.items():
            findings.add(index, ENTRIES, "leaf", what)
        self._handovers = {one.index: one for one in self._history.rotations}
        self._since = since
        self._restores = restores
        self._findings = findings
        self._waiting: Row | None = None
        self._position = 0
        self._last_size = -1
        self.count = 0
        self.latest: str | None = None
        self._advance()

    def next_size(self) -> int | None:
        """The next size at which `at` wants to see the root."""
        sizes = [int(self._waiting[1])] if self._waiting is not None else []
        if self._since is not None and self._since.size >= self._position:
            sizes.append(self._since.size)
        return min([*sizes, *self._handovers], default=None)

    def at(self, size: int, root: bytes, epoch: int) -> None:
        """Compare what was signed for this size with the recomputed root and epoch."""
        self._position = size + 1
        if self._since is not None and self._since.size == size and self._since.root != root:
            what = "the log does not extend the checkpoint trusted so far"
            self._add(size, "root", what + self._restored(size))
        handover = self._handovers.pop(size, None)
        if handover is not None and handover.root != root:
            self._add(size + 1, "root", "the key was handed over on another history")
        if self._waiting is not None and int(self._waiting[1]) == size:
            self._compare(self._waiting, root, epoch)
            self._advance()

    def finish(self, size: int) -> None:
        """Report what was signed for sizes that the log does not have."""
        if self._since is not None and self._since.size >= self._position:
            what = f"the log has {size} entries, the checkpoint trusted so far {self._since.size}"
            self._add(size, "size", what + self._restored(self._since.size))
        while self._waiting is not None:
            seq, signed = self._waiting[0], self._waiting[1]
            self._add(size, "size", f"checkpoint {seq} covers {signed} entries, the log has {size}")
            self._advance()

    def _advance(self) -> None:
        """Take the next row that lies ahead; note those that do not."""
        self._waiting = None
        for row in self._rows:
            self.count += 1
            self._check_row(row)
            if int(row[1]) > self._last_size:
                self._last_size = int(row[1])
                self._waiting = row
                return
            self._add(int(row[1]), "size", f"checkpoint {row[0]} is not larger than the one before")

    def _check_row(self, row: Row) -> None:
        seq, size, _, root, time_ms, text = row
        if seq != self.count:
            self._add(int(size), "seq", f"checkpoint {seq} stands where {self.count} is expected")
        try:
            verifier = self._history.at(int(size))
            signed, note = open_checkpoint(str(text), verifier)
            seconds = verifier.check_time(note)
        except (NoteMalformed, SignatureInvalid) as error:
            self._add(int(size), "note", f"checkpoint {seq}: {error}")
            return
        self.latest = str(text)
        if len(note.signatures) != _SIGNATURES or str(note) != text or signed.extensions:
            self._add(int(size), "note", f"checkpoint {seq} holds more than the log wrote")
        for column, stored, right in (
            ("size", size, signed.size),
            ("root", bytes(root), signed.root),
            ("time_ms", time_ms, seconds * 1000),
        ):
            if stored != right:
                self._add(signed.size, column, f"checkpoint {seq}: not what its note says")

    def _compare(self, row: Row, root: bytes, epoch: int) -> None:
        if bytes(row[3]) != root:
            what = f"checkpoint {row[0]}: the entries do not have the root that was signed"
            self._add(int(row[1]), "root", what)
        if row[2] != epoch:
            self._add(int(row[1]), "epoch", f"checkpoint {row[0]} is of epoch {epoch}")

    def _restored(self, trusted: int) -> str:
        """Why entries below a trusted size may be others: a backup of fewer was restored."""
        behind = [one for one in self._restores if one.size < trusted]
        if not behind:
            return ""
        size = behind[-1].size
        return f"; entry {size} says that a backup of {size} entries was restored, without the rest"

    def _add(self, size: int, column: str, what: str) -> None:
        self._findings.add(max(0, size - 1), TABLE, column, what)
