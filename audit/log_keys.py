"""The log's signing keys over time: a rotation is an entry that both keys vouch for.

The old key signs a hand-over: the checkpoint before the entry with one more line that names the
next key, which signs it too. Checkpoints up to the entry's index carry the old key's signature,
larger ones the new key's. Whoever trusts one key of the log can follow it to every later one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from audit.checkpoint import Checkpoint, parse_text
from audit.dbapi import Row, Sql
from audit.errors import (
    AuditError,
    LeafMalformed,
    LogUnavailable,
    NoteMalformed,
    SignatureInvalid,
)
from audit.leaf import decode
from audit.note import Note, Signer, Verifier, parse_note

ROTATED = "log.key_rotated"
_NEXT = "next-key "
_ROTATIONS = "SELECT idx, leaf FROM audit_entries WHERE action = ? ORDER BY idx {}"


@dataclass(frozen=True, slots=True)
class Rotation:
    """One hand-over, checked: the entry at `index` names `new`; `size` is `index`."""

    index: int
    old: Verifier
    new: Verifier
    handover: str

    @property
    def root(self) -> bytes:
        """The root over the entries before the rotation, as both keys signed it."""
        return parse_text(parse_note(self.handover).text).root


@dataclass(frozen=True, slots=True)
class KeyHistory:
    """The keys of one log, oldest first."""

    first: Verifier
    rotations: tuple[Rotation, ...] = ()

    @property
    def current(self) -> Verifier:
        """The key that signs now."""
        return self.rotations[-1].new if self.rotations else self.first

    @property
    def keys(self) -> tuple[Verifier, ...]:
        """Every key, oldest first."""
        return (self.first, *(one.new for one in self.rotations))

    def at(self, size: int) -> Verifier:
        """The key that signs a checkpoint of `size` entries."""
        passed = [one.new for one in self.rotations if one.index < size]
        return passed[-1] if passed else self.first


def handover_text(checkpoint: Checkpoint, new: Verifier) -> str:
    """Return what both keys sign: the checkpoint and the next key."""
    return str(Checkpoint(checkpoint.origin, checkpoint.size, checkpoint.root, (f"{_NEXT}{new}",)))


def sign_handover(checkpoint: Checkpoint, old: Signer, new: Signer, seconds: int) -> str:
    """Return the hand-over signed by both keys."""
    text = handover_text(checkpoint, new.verifier)
    lines = [*old.sign(text, seconds).signatures, *new.sign(text, seconds).signatures]
    return str(Note(text, tuple(lines)))


def open_handover(text: str, old: Verifier) -> tuple[Checkpoint, Verifier]:
    """Verify a hand-over by the key that is trusted; return what it covers and the next key.

    Raises NoteMalformed or SignatureInvalid.
    """
    note = parse_note(text)
    old.check(note)
    signed = parse_text(note.text)
    if len(signed.extensions) != 1 or not signed.extensions[0].startswith(_NEXT):
        raise NoteMalformed("the note hands nothing over")
    new = Verifier.parse(signed.extensions[0].removeprefix(_NEXT))
    new.check(note)
    if new == old or not signed.origin == old.name == new.name:
        raise NoteMalformed("a log hands over to another key of its own name")
    return signed, new


def current_vkey(sql: Sql) -> str | None:
    """Return the key that the newest rotation names, or None if there was none.

    Raises LogUnavailable if the entry was altered: no key may sign then.
    """
    row = sql.one(_ROTATIONS.format("DESC LIMIT 1"), (ROTATED,))
    try:
        return None if row is None else str(_detail(row)["new_vkey"])
    except LeafMalformed as error:
        raise LogUnavailable(f"the newest rotation of the key cannot be read: {error}") from error


def read_history(sql: Sql, vkey: str) -> tuple[KeyHistory, dict[int, str]]:
    """Return the key history that `vkey`, one of its keys, vouches for, and what is wrong with it.

    Faults are by the index of the entry concerned. Raises NoteMalformed for a bad `vkey`.
    """
    trusted, faults = Verifier.parse(vkey), {}
    rotations: list[Rotation] = []
    for row in sql.all(_ROTATIONS.format(""), (ROTATED,)):
        try:
            rotations.append(_rotation(row, rotations))
        except AuditError as error:
            faults[int(row[0])] = f"the rotation of the key does not hold: {error}"
    history = KeyHistory(rotations[0].old if rotations else trusted, tuple(rotations))
    if trusted not in history.keys:
        faults[rotations[0].index] = "the log's keys are not those of the key that is trusted"
    return history, faults


def _rotation(row: Row, before: Sequence[Rotation]) -> Rotation:
    index, detail = int(row[0]), _detail(row)
    old, handover = Verifier.parse(str(detail["old_vkey"])), str(detail["handover"])
    signed, new = open_handover(handover, old)
    if str(new) != detail["new_vkey"] or signed.size != index:
        raise NoteMalformed("the hand-over is not of this entry")
    if before and before[-1].new != old:
        raise SignatureInvalid("it does not follow on the rotation before it")
    return Rotation(index, old, new, handover)


def _detail(row: Row) -> dict[str, object]:
    detail = dict(decode(bytes(row[1])).detail)
    missing = {"old_vkey", "new_vkey", "handover"} - detail.keys()
    if missing:
        raise LeafMalformed("detail: a rotation names both keys and the hand-over")
    return detail
