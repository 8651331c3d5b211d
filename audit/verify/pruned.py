"""Checks the signed minimum: which entries may be missing, and which archives hold them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from audit import minimum, times
from audit.dbapi import Sql
from audit.errors import AuditError, SignatureInvalid
from audit.minimum import Minimum, open_minimum
from audit.note import Verifier, parse_note
from audit.verify.findings import Findings

PRUNED = "log.pruned"


class PrunedCheck:
    """Believes a minimum only with a valid signature and an archive that the log tells of."""

    def __init__(self, sql: Sql, keys: Sequence[Verifier], findings: Findings) -> None:
        self._sql = sql
        self._keys = keys
        self._findings = findings
        self.minimum = 0
        self.archives: list[str] = []
        self.count = 0
        for row in minimum.rows(sql):
            self._check(*row)

    def gap(self, start: int, end: int) -> int:
        """Take in that entries from `start` to `end` are not there; return the first of them
        that should be."""
        allowed = max(start, min(end, self.minimum))
        self.count += allowed - start
        return allowed

    def expect(self, index: int, detail: Mapping[str, object]) -> None:
        """An entry says that what lies below `end` was pruned: the minimum must say so too."""
        end = detail.get("end")
        if not isinstance(end, int) or end > self.minimum:
            what = f"entry {index} tells of a minimum of {end}, which is not there"
            self._findings.add(max(0, index), minimum.TABLE, "minimum", what)

    def _check(self, lowest: int, time_ms: int, note: str) -> None:
        try:
            signed, seconds = self._open(note)
        except AuditError as error:
            self._add(lowest, "note", str(error))
            return
        if signed.minimum != lowest:
            self._add(lowest, "minimum", f"the note says {signed.minimum}")
        elif seconds * 1000 != time_ms:
            self._add(lowest, "time_ms", "not what its note says")
        else:
            self._accept(signed)

    def _accept(self, signed: Minimum) -> None:
        found = minimum.archived(self._sql, signed.minimum, signed.archive)
        if found is None:
            self._add(signed.minimum, "note", f"no entry tells of the archive {signed.archive}")
            return
        self._times(signed.minimum, found[1])
        self.minimum = signed.minimum
        self.archives.append(signed.archive)

    def _open(self, note: str) -> tuple[Minimum, int]:
        """Verify with whichever of the log's keys signed. Raises SignatureInvalid and kin."""
        for key in reversed(self._keys):
            try:
                return open_minimum(note, key), key.check_time(parse_note(note))
            except SignatureInvalid:
                continue
        raise SignatureInvalid("the minimum is signed by none of the log's keys")

    def _times(self, lowest: int, detail: Mapping[str, object]) -> None:
        """The times of pruned entries stand in the archive; the log tells their digest."""
        first = detail.get("first")
        start = first if type(first) is int and 0 <= first <= lowest else 0
        if times.digest(self._sql, start, lowest) != detail.get("times_sha256"):
            what = f"the times of the entries from {start} to {lowest - 1} are not those archived"
            self._findings.add(start, times.TABLE, "low_ms", what)

    def _add(self, lowest: int, column: str, what: str) -> None:
        self._findings.add(max(0, lowest - 1), minimum.TABLE, column, what)
