"""The signed minimum: below this index the entries were archived and pruned.

A row is a signed note of the log: its text names the log, the minimum (a multiple of 256, so
that every pruned leaf has its hash in a full tile), and the SHA-256 of the archive that holds
what was pruned. An entry of the log tells of that archive.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from audit.checkpoint import parse_decimal
from audit.dbapi import Sql
from audit.errors import LeafMalformed, NoteMalformed
from audit.leaf import decode
from audit.merkle import TILE_WIDTH
from audit.note import Signer, Verifier, parse_note

TABLE = "audit_minimum"
ARCHIVED = "log.archived"
_HEADER = "sumun-log-minimum-v1"
_DIGEST = re.compile("[0-9a-f]{64}")
_SELECT = "SELECT minimum, time_ms, note FROM audit_minimum ORDER BY minimum"
_CURRENT = "SELECT MAX(minimum) FROM audit_minimum"
_ARCHIVED = "SELECT idx, leaf FROM audit_entries WHERE ref = ? AND action = ? ORDER BY idx"
_INSERT = "INSERT INTO audit_minimum (minimum, time_ms, note) VALUES (?, ?, ?)"


@dataclass(frozen=True, slots=True)
class Minimum:
    """Entries below `minimum` are in the archive of digest `archive` (64 hexadecimal digits)."""

    origin: str
    minimum: int
    archive: str

    def __str__(self) -> str:
        """Return the note text."""
        return f"{_HEADER}\n{self.origin}\n{self.minimum}\n{self.archive}\n"


def open_minimum(text: str, verifier: Verifier) -> Minimum:
    """Parse and verify a signed minimum. Raises NoteMalformed or SignatureInvalid."""
    verifier.check(parse_note(text))
    found = parse_minimum(text)
    if found.origin != verifier.name:
        raise NoteMalformed("not the minimum of this log")
    return found


def parse_minimum(text: str) -> Minimum:
    """Parse a minimum without verifying who signed it. Raises NoteMalformed."""
    lines = parse_note(text).text.split("\n")
    if len(lines) != 5 or lines[0] != _HEADER:
        raise NoteMalformed("not the minimum of a log")
    minimum = parse_decimal(lines[2])
    if minimum % TILE_WIDTH or not _DIGEST.fullmatch(lines[3]):
        raise NoteMalformed("the minimum is not a multiple of 256, or its digest no SHA-256")
    return Minimum(lines[1], minimum, lines[3])


def sign_minimum(signer: Signer, minimum: int, archive: str, seconds: int) -> str:
    """Return the signed note of a minimum. Raises NoteMalformed for what cannot be one."""
    note = str(signer.sign(str(Minimum(signer.verifier.name, minimum, archive)), seconds))
    open_minimum(note, signer.verifier)
    return note


def insert(sql: Sql, minimum: int, time_ms: int, note: str) -> None:
    """Store a signed minimum in the caller's transaction; triggers refuse one that shrinks.

    `time_ms` is the whole second at which it was signed.
    """
    sql.run(_INSERT, (minimum, time_ms, note))


def rows(sql: Sql) -> list[tuple[int, int, str]]:
    """Return (minimum, time in milliseconds, note) of each row, lowest first."""
    return [(int(one[0]), int(one[1]), str(one[2])) for one in sql.all(_SELECT)]


def current(sql: Sql) -> int:
    """Return the index below which entries may have been pruned; 0 if none were."""
    row = sql.one(_CURRENT)
    return 0 if row is None or row[0] is None else int(row[0])


def archived(sql: Sql, lowest: int, digest: str) -> tuple[int, Mapping[str, Any]] | None:
    """Return index and detail of the entry that tells of the archive of a minimum, or None."""
    for index, leaf in sql.all(_ARCHIVED, (f"archive:{digest}", ARCHIVED)):
        with suppress(LeafMalformed):
            detail = decode(bytes(leaf)).detail
            if (detail.get("end"), detail.get("sha256")) == (lowest, digest):
                return int(index), detail
    return None
