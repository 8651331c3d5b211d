"""What the log signs when a backup is restored.

Anybody who may write the database can append an entry that says `log.restored`, and so excuse a
rollback. What excuses one is this note in its detail, under the key of the log: it stands for one
index, one tree below it and one epoch, and names the published tree that was given up.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from audit.checkpoint import Checkpoint, parse_decimal, parse_hash
from audit.dbapi import Row, Sql
from audit.errors import AuditError, NoteMalformed, SignatureInvalid
from audit.leaf import decode
from audit.note import Signer, Verifier, parse_note

RESTORED = "log.restored"
FIELD = "restored"
_HEADER = "sumun-log-restored-v1"
_FIXED = 7
_STORED = "SELECT idx, leaf FROM audit_entries WHERE action = ? ORDER BY idx"


@dataclass(frozen=True, slots=True)
class Restoration:
    """A backup of `size` entries under `root` (32 bytes) began `epoch` at `time_ms`.

    `time_ms` is in milliseconds since 1970; `known` is the newest published tree, if one is named.
    """

    origin: str
    size: int
    root: bytes
    epoch: int
    time_ms: int
    known: Checkpoint | None = None

    def __str__(self) -> str:
        """Return the note text, which no checkpoint can have."""
        lines = [_HEADER, self.origin, self.size, _base64(self.root), self.epoch, self.time_ms]
        if self.known is not None:
            lines += [self.known.size, _base64(self.known.root)]
        return "".join(f"{line}\n" for line in lines)

    @property
    def head(self) -> Checkpoint:
        """The tree of the backup."""
        return Checkpoint(self.origin, self.size, self.root)

    @property
    def lost(self) -> int:
        """How many published entries the backup has not."""
        return 0 if self.known is None else max(0, self.known.size - self.size)


def sign_restoration(signer: Signer, restoration: Restoration) -> str:
    """Return the signed note. Raises NoteMalformed for what cannot be one."""
    note = str(signer.sign_plainly(str(restoration)))
    if parse_restoration(note) != restoration or restoration.origin != signer.verifier.name:
        raise NoteMalformed("the published checkpoint named is not a tree of this log")
    return note


def parse_restoration(text: str) -> Restoration:
    """Parse the note without verifying who signed it. Raises NoteMalformed."""
    lines = parse_note(text).text.split("\n")
    if lines[0] != _HEADER or len(lines) not in (_FIXED, _FIXED + 2):
        raise NoteMalformed("not the note of a restore")
    origin, size, root, epoch, time_ms, *known = lines[1:-1]
    tree = Checkpoint(origin, parse_decimal(known[0]), parse_hash(known[1])) if known else None
    numbers = parse_decimal(epoch), parse_decimal(time_ms)
    return Restoration(origin, parse_decimal(size), parse_hash(root), *numbers, tree)


def open_restoration(
    detail: Mapping[str, object], index: int, time_ms: int, keys: Iterable[Verifier]
) -> Restoration:
    """Return what the entry at `index` of that time says under one of the log's keys.

    Raises NoteMalformed or SignatureInvalid: then the entry says nothing.
    """
    text = detail.get(FIELD)
    if not isinstance(text, str):
        raise SignatureInvalid("it carries no signed note")
    found, note = parse_restoration(text), parse_note(text)
    if (found.size, found.time_ms) != (index, time_ms):
        raise NoteMalformed("its note is of another entry")
    for key in keys:
        try:
            key.check(note)
        except SignatureInvalid:
            continue
        if found.origin == key.name:
            return found
    raise SignatureInvalid("no key of the log signed its note")


def stored_restorations(sql: Sql, keys: Sequence[Verifier]) -> list[Restoration]:
    """Return what the log's entries say under one of its keys, oldest first; others say nothing."""
    found = (_stored(row, keys) for row in sql.all(_STORED, (RESTORED,)))
    return [one for one in found if one is not None]


def _stored(row: Row, keys: Sequence[Verifier]) -> Restoration | None:
    index, leaf = row
    try:
        entry = decode(leaf if isinstance(leaf, bytes) else b"")
        said = entry.detail if entry.action == RESTORED else {}
        return open_restoration(said, index, entry.time_ms, keys)
    except AuditError:  # damage is the verifier's to name
        return None


def _base64(data: bytes) -> str:
    return b64encode(data).decode()
