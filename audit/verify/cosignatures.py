"""Checks the stored cosignatures: each belongs to a checkpoint, and is what its line says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from audit.cosignature import WitnessKey
from audit.dbapi import Row, Sql
from audit.errors import NoteMalformed, SignatureInvalid
from audit.note import Note, Signature, parse_note, parse_signature, verify_cosignature
from audit.verify.findings import Findings

TABLE = "audit_cosignatures"
_PAGE = 500
_QUERY = (
    "SELECT s.number, s.seq, s.witness, s.key_id, s.time_ms, s.line, c.size, c.note "
    "FROM audit_cosignatures s LEFT JOIN audit_checkpoints c ON c.seq = s.seq {} "
    "ORDER BY s.number LIMIT ?"
)


def check_cosignatures(sql: Sql, keys: Sequence[WitnessKey], findings: Findings) -> int:
    """Report rows that no witness can have signed, or that are missing; return how many there are.

    Signatures are verified for known `keys`.
    """
    known = {(key.name, key.id.hex()): key for key in keys}
    count = 0
    for row in _rows(sql):
        count += 1
        number, seq, witness, size = row[0], row[1], row[2], row[6]
        fault = _fault(row, known.get((str(witness), str(row[3]))))
        if number != count:
            fault = "number", f"it stands where {count} is expected"
        if fault is not None:
            text = f"cosignature {number}, by {witness} under checkpoint {seq}: {fault[1]}"
            findings.add(max(0, int(size or 0) - 1), TABLE, fault[0], text)
    return count


def _rows(sql: Sql) -> Iterator[Row]:
    page = sql.all(_QUERY.format(""), (_PAGE,))
    while page:
        yield from page
        page = sql.all(_QUERY.format("WHERE s.number > ?"), (page[-1][0], _PAGE))


def _fault(row: Row, key: WitnessKey | None) -> tuple[str, str] | None:
    _, _, witness, key_id, time_ms, text, _, note = row
    if note is None:
        return "seq", "there is no such checkpoint"
    try:
        line, checkpoint = parse_signature(str(text)), parse_note(str(note))
    except NoteMalformed as error:
        return "line", str(error)
    if (line.name, line.key_id.hex()) != (witness, key_id):
        return "witness", "it is of another key"
    if time_ms != int.from_bytes(line.value[:8], "big") * 1000:
        return "time_ms", "it was made at another time"
    return None if key is None else _forged(key, line, checkpoint)


def _forged(key: WitnessKey, line: Signature, checkpoint: Note) -> tuple[str, str] | None:
    try:
        verify_cosignature(key.name, key.public, line, checkpoint.text)
    except SignatureInvalid as error:
        return "line", str(error)
    return None
