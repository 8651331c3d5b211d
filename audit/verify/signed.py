"""Binds the stored checkpoints and cosignatures to the log itself.

Nothing in a tree says how many checkpoints were signed over it, so that rows could be taken away
together with the number in the head. But each verification is recorded as an entry, which tells
how many there were, and their digest: what one verification saw, the next one asks for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from audit.dbapi import Row, Sql
from audit.verify.findings import Findings, Told

VERIFIED = "log.verified"
_TABLE = "audit_checkpoints"
_PAGE = 1000
_MAX_FEWER = 1000
_CHECKPOINTS = "SELECT seq, note FROM audit_checkpoints WHERE seq > ? ORDER BY seq LIMIT ?"
_COSIGNATURES = (
    "SELECT number, seq, line FROM audit_cosignatures WHERE number > ? ORDER BY number LIMIT ?"
)


@dataclass(frozen=True, slots=True)
class Signed:
    """How many rows there are of both kinds, and the SHA-256 (hexadecimal) over all of them."""

    checkpoints: int
    cosignatures: int
    sha256: str


class SignedCheck:
    """Holds what is stored against each recorded verification, in one pass over the rows.

    Each must be right, not the newest only: else one more entry, which anybody who may write the
    database can append, would tell of what is left and hide that more was told before.
    """

    def __init__(self, sql: Sql, findings: Findings) -> None:
        self._sql = sql
        self._findings = findings
        self._rows = _Rows(sql)
        self._fewer: list[tuple[Told, str]] = []
        self._failed = False
        self.told: Told | None = None

    def expect(self, index: int, detail: Mapping[str, object]) -> None:
        """An entry says that a verification found nothing; it may tell what was signed then."""
        numbers = detail.get("checkpoints"), detail.get("cosignatures")
        digest = detail.get("signed_sha256")
        if all(type(one) is int for one in numbers) and isinstance(digest, str):
            first, second = (int(str(one)) for one in numbers)
            self._take(Told(index, first, second), digest)

    def finish(self) -> Signed:
        """Report what is gone or altered since it was told of; return what there is."""
        again = _Rows(self._sql)
        for told, digest in sorted(self._fewer, key=_counts):
            if again.upto(told) != digest:
                self._add(told)
        return self._rows.rest()

    def _take(self, told: Told, digest: str) -> None:
        """Verifications that ran at once may be recorded with the one first that saw more."""
        if not self._rows.before(told):
            self._later(told, digest)
            return
        self.told = told
        # Once a row is gone every later digest is another: the first says it.
        if not self._failed and self._rows.upto(told) != digest:
            self._failed = True
            self._add(told)

    def _later(self, told: Told, digest: str) -> None:
        if len(self._fewer) < _MAX_FEWER:
            self._fewer.append((told, digest))
            return
        what = f"entry {told.index} tells of fewer rows than one before, as too many others do"
        self._findings.add(told.index, _TABLE, "seq", what)

    def _add(self, told: Told) -> None:
        what = (
            f"entry {told.index} tells of {told.checkpoints} checkpoints and "
            f"{told.cosignatures} cosignatures: not those that are stored"
        )
        self._findings.add(told.index, _TABLE, "seq", what)


def _counts(one: tuple[Told, str]) -> tuple[int, int]:
    return one[0].checkpoints, one[0].cosignatures


class _Rows:
    """Both tables, read on as far as they are asked for."""

    def __init__(self, sql: Sql) -> None:
        self._checkpoints = _Digest(sql, _CHECKPOINTS)
        self._cosignatures = _Digest(sql, _COSIGNATURES)
        self._last = (0, 0)

    def before(self, told: Told) -> bool:
        """Whether nothing beyond what is told was asked for yet."""
        return self._last[0] <= told.checkpoints and self._last[1] <= told.cosignatures

    def upto(self, told: Told) -> str:
        """The digest of as many rows of both as are told of; empty if they are not there."""
        self._last = told.checkpoints, told.cosignatures
        first = self._checkpoints.upto(told.checkpoints)
        second = self._cosignatures.upto(told.cosignatures)
        return _both(first, second) if first and second else ""

    def rest(self) -> Signed:
        """Read to the end."""
        first, second = self._checkpoints.upto(None), self._cosignatures.upto(None)
        return Signed(self._checkpoints.count, self._cosignatures.count, _both(first, second))


class _Digest:
    """One pass over a table: how many of its rows were read, and their digest."""

    def __init__(self, sql: Sql, query: str) -> None:
        self._rows = _rows(sql, query)
        self._sha256, self.count = hashlib.sha256(), 0

    def upto(self, count: int | None) -> bytes:
        """The digest of the first `count` rows, or of all; empty if there are not so many.

        Also empty if more were read already.
        """
        while self.count != count and (row := next(self._rows, None)) is not None:
            self.count += 1
            text = " ".join(map(str, row))
            self._sha256.update(f"{text}\n".encode("utf-8", "backslashreplace"))
        return self._sha256.digest() if count in (None, self.count) else b""


def _rows(sql: Sql, query: str) -> Iterator[Row]:
    page = sql.all(query, (-(2**63), _PAGE))
    while page:
        yield from page
        page = sql.all(query, (page[-1][0], _PAGE))


def _both(first: bytes, second: bytes) -> str:
    return hashlib.sha256(first + second).hexdigest()
