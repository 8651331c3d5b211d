"""Checks the person keys: each row authentic, each destroyed one explained by the log."""

from __future__ import annotations

from collections.abc import Iterator

from audit.dbapi import Row, Sql
from audit.errors import LeafMalformed, SealBroken
from audit.leaf import parse
from audit.vault import KeyVault
from audit.verify.findings import MAX_FINDINGS, Findings

ERASED = "subject.erased"
KEYS = "audit_person_keys"
_PAGE = 500
_ERASURE = (
    "SELECT e.idx FROM audit_subjects s JOIN audit_entries e ON e.idx = s.idx "
    "WHERE s.person = ? AND e.action = ? AND e.time_ms = ?"
)


def _rows(sql: Sql) -> Iterator[Row]:
    query = (
        "SELECT person_token, wrapped, created_ms, destroyed_ms, mac FROM audit_person_keys {} "
        "ORDER BY person_token LIMIT ?"
    )
    page = sql.all(query.format(""), (_PAGE,))
    while page:
        yield from page
        page = sql.all(query.format("WHERE person_token > ?"), (page[-1][0], _PAGE))


class KeyCheck:
    """Holds the damaged keys until the entries tell which index they concern."""

    def __init__(self, sql: Sql, vault: KeyVault | None, findings: Findings) -> None:
        self._sql = sql
        self._vault = vault
        self._findings = findings
        self._damaged: dict[str, str] = {}

    def run(self) -> None:
        """Authenticate every row (with a vault) and look for the event behind a destruction."""
        for row in _rows(self._sql):
            what = self._fault(row)
            if what is not None and len(self._damaged) < MAX_FINDINGS:
                self._damaged[str(row[0])] = what

    def concerns(self, token: str, index: int) -> None:
        """An entry seals something for this person: report the key if it is damaged."""
        what = self._damaged.pop(token, None)
        if what is not None:
            self._findings.add(index, KEYS, "wrapped", what)

    def must_be_destroyed(self, index: int, token: str) -> None:
        """An entry says that this person was erased."""
        query = "SELECT destroyed_ms FROM audit_person_keys WHERE person_token = ?"
        row = self._sql.one(query, (token,))
        if row is not None and row[0] is None:
            what = "the person was erased, but the key is still there"
            self._findings.add(index, KEYS, "destroyed_ms", what)

    def finish(self, size: int) -> None:
        """Report damaged keys that no entry uses."""
        for what in self._damaged.values():
            self._findings.add(size, KEYS, "wrapped", what)

    def _fault(self, row: Row) -> str | None:
        token, wrapped, created_ms, destroyed_ms, mac = row
        if self._vault is not None:
            try:
                authentic = (bytes(wrapped), created_ms, destroyed_ms, bytes(mac))
                self._vault.open_row(str(token), authentic)
            except SealBroken as error:
                return str(error)
        if destroyed_ms is not None and not self._explained(str(token), int(destroyed_ms)):
            return f"the key of {token} was destroyed without a {ERASED} entry of that time"
        return None

    def _explained(self, token: str, destroyed_ms: int) -> bool:
        if self._sql.one(_ERASURE, (token, ERASED, destroyed_ms)) is not None:
            return True
        return any(
            _is_erasure(bytes(row[0]), token, destroyed_ms)
            for row in self._sql.all("SELECT leaf FROM audit_outbox")
        )


def _is_erasure(leaf: bytes, token: str, time_ms: int) -> bool:
    try:
        columns, subjects, _, _ = parse(leaf)
    except LeafMalformed:
        return False
    return columns.action == ERASED and columns.time_ms == time_ms and token in subjects
