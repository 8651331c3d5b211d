"""The keys of a log as a stranger follows them, from the one that is trusted.

Forward, a key hands over to the next. Backward, the next key signed the hand-over too, so whoever
trusts it may believe the one before for what was signed until then: a checkpoint stays in the
world until the witnesses have cosigned one of the new key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from audit.checkpoint import Checkpoint, open_checkpoint
from audit.errors import AuditError, NoteMalformed, SignatureInvalid
from audit.log_keys import open_handover
from audit.note import Note, Verifier
from audit.restoration import Restoration, open_restoration


@dataclass(frozen=True, slots=True)
class Past:
    """What a log tells of its past, none of which is believed without proof.

    Hand-overs of the key and the keys' own verifier keys, oldest first, and restores as
    (index, exact leaf).
    """

    handovers: tuple[str, ...] = ()
    restores: tuple[tuple[int, bytes], ...] = ()
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Signed:
    """A checkpoint with the key that signed it and its text."""

    checkpoint: Checkpoint
    key: Verifier
    note: Note

    @property
    def size(self) -> int:
        """The number of entries."""
        return self.checkpoint.size


class KeyChain:
    """Every key that the trusted one leads to, and the size up to which each may sign."""

    def __init__(self, trusted: Verifier, past: Past) -> None:
        self._keys = [trusted]
        self._ends: dict[Verifier, int] = {}
        for text in past.handovers:
            self._forward(text)
        told = [key for key in map(_parsed, past.keys) if key is not None]
        for text in reversed(past.handovers):
            self._backward(text, told)

    @property
    def keys(self) -> tuple[Verifier, ...]:
        """Every key that is followed, oldest first."""
        return tuple(self._keys)

    def open(self, text: str) -> Signed:
        """Verify a checkpoint by any of the keys.

        Raises NoteMalformed, or SignatureInvalid also for a key that was handed over before this
        size: somebody else may hold it by now.
        """
        for key in reversed(self._keys):
            try:
                checkpoint, note = open_checkpoint(text, key)
            except SignatureInvalid:
                continue
            if checkpoint.size > self._ends.get(key, checkpoint.size):
                raise SignatureInvalid("it is signed with a key that the log had handed over")
            return Signed(checkpoint, key, note)
        raise SignatureInvalid("no key of the log that this monitor can follow signed it")

    def restoration(self, detail: Mapping[str, object], index: int, time_ms: int) -> Restoration:
        """Verify what an entry says of a restore by the keys that might sign at its index.

        Raises NoteMalformed or SignatureInvalid.
        """
        keys = [key for key in reversed(self._keys) if index <= self._ends.get(key, index)]
        return open_restoration(detail, index, time_ms, keys)

    def later(self, one: Verifier, other: Verifier) -> Verifier:
        """The later of two keys: trust never goes back to one that was handed over."""
        return max(one, other, key=self._keys.index)

    def _forward(self, text: str) -> None:
        last = self._keys[-1]
        try:
            signed, new = open_handover(text, last)
        except AuditError:
            return  # of an older key than the one that is trusted
        self._ends[last] = signed.size
        self._keys.append(new)

    def _backward(self, text: str, told: list[Verifier]) -> None:
        for old in told:
            try:
                signed, new = open_handover(text, old)
            except AuditError:
                continue
            if new == self._keys[0] and old not in self._keys:
                self._ends[old] = signed.size
                self._keys.insert(0, old)
                return


def _parsed(vkey: str) -> Verifier | None:
    try:
        return Verifier.parse(vkey)
    except NoteMalformed:
        return None
