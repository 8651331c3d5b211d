"""Checks the signed minimum: which entries may be missing, and which archives hold them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from audit import minimum
from audit.dbapi import Sql
from audit.errors import AuditError, LeafMalformed, SignatureInvalid
from audit.leaf import decode
from audit.minimum import Minimum, open_minimum
from audit.note import Verifier, parse_note
from audit.verify.findings import Findings

PRUNED = "log.pruned"
_ARCHIVED = "SELECT leaf FROM audit_entries WHERE ref = ? AND action = 'log.archived'"


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
        elif not self._archived(signed):
            self._add(lowest, "note", f"no entry tells of the archive {signed.archive}")
        else:
            self.minimum = lowest
            self.archives.append(signed.archive)

    def _open(self, note: str) -> tuple[Minimum, int]:
        """Verify with whichever of the log's keys signed. Raises SignatureInvalid and kin."""
        for key in reversed(self._keys):
            try:
                return open_minimum(note, key), key.check_time(parse_note(note))
            except SignatureInvalid:
                continue
        raise SignatureInvalid("the minimum is signed by none of the log's keys")

    def _archived(self, signed: Minimum) -> bool:
        return any(
            detail.get("sha256") == signed.archive and detail.get("end") == signed.minimum
            for detail in self._details(signed.archive)
        )

    def _details(self, archive: str) -> list[dict[str, object]]:
        found = []
        for (leaf,) in self._sql.all(_ARCHIVED, (f"archive:{archive}",)):
            try:
                found.append(dict(decode(bytes(leaf)).detail))
            except LeafMalformed:
                continue
        return found

    def _add(self, lowest: int, column: str, what: str) -> None:
        self._findings.add(max(0, lowest - 1), minimum.TABLE, column, what)
