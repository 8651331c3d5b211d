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
_PAGE = 1000
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
    """Remembers what the newest recorded verification told, and asks for it at the end."""

    def __init__(self, sql: Sql, findings: Findings) -> None:
        self._sql = sql
        self._findings = findings
        self._digest = ""
        self.told: Told | None = None

    def expect(self, index: int, detail: Mapping[str, object]) -> None:
        """An entry says that a verification found nothing; it may tell what was signed then."""
        numbers = detail.get("checkpoints"), detail.get("cosignatures")
        digest = detail.get("signed_sha256")
        if all(type(one) is int for one in numbers) and isinstance(digest, str):
            first, second = (int(str(one)) for one in numbers)
            self.told, self._digest = Told(index, first, second), digest

    def finish(self) -> Signed:
        """Report what is gone or altered since it was told of; return what there is."""
        told = self.told
        checkpoints = _Digests(self._sql, _CHECKPOINTS, told.checkpoints if told else 0)
        cosignatures = _Digests(self._sql, _COSIGNATURES, told.cosignatures if told else 0)
        if told is not None and _both(checkpoints.then, cosignatures.then) != self._digest:
            what = (
                f"entry {told.index} tells of {told.checkpoints} checkpoints and "
                f"{told.cosignatures} cosignatures: not those that are stored"
            )
            self._findings.add(told.index, "audit_checkpoints", "seq", what)
        whole = _both(checkpoints.now, cosignatures.now)
        return Signed(checkpoints.count, cosignatures.count, whole)


class _Digests:
    """One pass over a table: its rows, their digest, and the digest of the first `told` of them.

    When there are fewer rows than were told, the second digest is that of nothing known.
    """

    def __init__(self, sql: Sql, query: str, told: int) -> None:
        digest, self.count = hashlib.sha256(), 0
        self.then = digest.digest() if told == 0 else b""
        for row in _rows(sql, query):
            self.count += 1
            text = " ".join(map(str, row))
            digest.update(f"{text}\n".encode("utf-8", "backslashreplace"))
            if self.count == told:
                self.then = digest.digest()
        self.now = digest.digest()


def _rows(sql: Sql, query: str) -> Iterator[Row]:
    page = sql.all(query, (-(2**63), _PAGE))
    while page:
        yield from page
        page = sql.all(query, (page[-1][0], _PAGE))


def _both(first: bytes, second: bytes) -> str:
    return hashlib.sha256(first + second).hexdigest()
