"""Watches a log from outside: whether it only ever grows, and shows everybody the same.

A monitor keeps the last checkpoint it accepted, and nothing else of the log. A restored backup is
told apart from a rollback by the log's own signed entry, but it is never accepted in silence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Protocol

from audit.checkpoint import Checkpoint, open_checkpoint
from audit.errors import AuditError, ProofInvalid, SignatureInvalid, TileMissing
from audit.leaf import Leaf, decode
from audit.log_keys import open_handover
from audit.merkle import (
    HASH_BYTES,
    TILE_WIDTH,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    verify_consistency,
    verify_inclusion,
)
from audit.note import Note, Verifier
from audit.policy_file import Policy
from audit.restore import RESTORED
from audit.tiles import TilePath


class Source(Protocol):
    """A log as strangers see it. Each method raises SourceUnreachable."""

    def checkpoint(self) -> str:
        """Return the signed checkpoint."""
        ...

    def tile(self, path: TilePath) -> bytes:
        """Return a hash tile. Raises TileMissing."""
        ...

    def past(self) -> Past:
        """Return what the log tells of its past."""
        ...


@dataclass(frozen=True, slots=True)
class Past:
    """Hand-overs of the key, oldest first, and restores as (index, exact leaf)."""

    handovers: tuple[str, ...] = ()
    restores: tuple[tuple[int, bytes], ...] = ()


class Verdict(StrEnum):
    """What one look at a log found."""

    FIRST = "first"
    UNCHANGED = "unchanged"
    GREW = "grew"
    RESTORED = "restored"
    ROLLED_BACK = "rolled_back"
    FORKED = "forked"
    SPLIT_VIEW = "split_view"
    NOT_SIGNED = "not_signed"
    QUORUM_UNMET = "quorum_unmet"


FINE = frozenset({Verdict.FIRST, Verdict.UNCHANGED, Verdict.GREW})


@dataclass(frozen=True, slots=True)
class Known:
    """What a monitor remembers: the key it trusts, and the last checkpoint it accepted."""

    key: Verifier
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """The outcome of a look. `known` is what to remember if it is accepted.

    `evidence` holds the signed checkpoints that contradict each other, empty when none do.
    """

    verdict: Verdict
    words: str
    known: Known
    evidence: tuple[str, ...] = ()

    @property
    def fine(self) -> bool:
        """Whether nothing was found."""
        return self.verdict in FINE


@dataclass(frozen=True, slots=True)
class _Signed:
    """A checkpoint with the key that signed it and its text."""

    checkpoint: Checkpoint
    key: Verifier
    note: Note

    @property
    def size(self) -> int:
        return self.checkpoint.size


def look(
    source: Source, known: Known, peers: Sequence[str] = (), policy: Policy | None = None
) -> Seen:
    """Fetch the log's checkpoint and compare it with the last one and with those of `peers`.

    Raises SourceUnreachable when the log cannot be asked, NoteMalformed or SignatureInvalid when
    a peer's checkpoint is not of this log.
    """
    return _Look(source, known, policy).run(peers)


class _Look:
    def __init__(self, source: Source, known: Known, policy: Policy | None) -> None:
        self._source = source
        self._known = known
        self._policy = policy
        self._past = source.past()
        self._keys = _keys(known.key, self._past.handovers)

    def run(self, peers: Sequence[str]) -> Seen:
        text = self._source.checkpoint()
        try:
            new = self._open(text)
            self._current(new)
        except AuditError as error:
            return Seen(Verdict.NOT_SIGNED, f"the log's checkpoint: {error}", self._known, (text,))
        seen = self._against_last(new)
        for peer in peers if seen.fine else ():
            seen = self._against_peer(new, self._open(peer), seen)
        return self._with_quorum(new, seen)

    def _open(self, text: str) -> _Signed:
        for key in reversed(self._keys):
            try:
                return _Signed(*_swap(open_checkpoint(text, key), key))
            except SignatureInvalid:
                continue
        raise SignatureInvalid("no key of the log that this monitor can follow signed it")

    def _current(self, new: _Signed) -> None:
        """Refuse a key that was handed over before this size: somebody else may hold it."""
        for text in self._past.handovers:
            signed = _opened_handover(text, self._keys)
            if signed is not None and new.key == signed[1] and new.size > signed[0].size:
                raise SignatureInvalid("it is signed with a key that the log had handed over")

    def _against_last(self, new: _Signed) -> Seen:
        known = Known(new.key, str(new.note))
        if self._known.note is None:
            return Seen(Verdict.FIRST, f"begins at {new.size} entries", known)
        last = self._open(self._known.note)
        if self._extends(last, new):
            grew = new.size - last.size
            if grew:
                return Seen(Verdict.GREW, f"{grew} new entries, {new.size} in all", known)
            return Seen(Verdict.UNCHANGED, f"{new.size} entries", known)
        return self._broken(last, new, known)

    def _broken(self, last: _Signed, new: _Signed, known: Known) -> Seen:
        evidence = (str(last.note), str(new.note))
        restored = self._restored(last, new)
        if restored is not None:
            return Seen(Verdict.RESTORED, restored, known, evidence)
        if new.size < last.size:
            words = f"the log shows {new.size} entries, and had signed {last.size}"
            return Seen(Verdict.ROLLED_BACK, words, known, evidence)
        words = f"the {new.size} entries do not begin with the {last.size} that the log had signed"
        return Seen(Verdict.FORKED, words, known, evidence)

    def _against_peer(self, new: _Signed, peer: _Signed, seen: Seen) -> Seen:
        """A peer may have asked later than we did: then its tree must extend ours."""
        old, young = (peer, new) if peer.size <= new.size else (new, peer)
        if self._extends(old, young):
            return seen
        restored = self._restored(old, young)
        if restored is not None:
            return seen
        words = f"another was shown {peer.size} entries that do not fit the {new.size} shown here"
        return Seen(Verdict.SPLIT_VIEW, words, seen.known, (str(peer.note), str(new.note)))

    def _with_quorum(self, new: _Signed, seen: Seen) -> Seen:
        if not seen.fine or self._policy is None:
            return seen
        cosigned = self._policy.cosigners(new.note)
        if self._policy.met(cosigned):
            return seen
        words = f"only {', '.join(sorted(cosigned)) or 'nobody'} cosigned the checkpoint"
        return Seen(Verdict.QUORUM_UNMET, words, seen.known, (str(new.note),))

    def _extends(self, old: _Signed, new: _Signed) -> bool:
        """Whether the tiles lead from one signed root to the other. Raises SourceUnreachable."""
        if old.size > new.size:
            return False
        try:
            proof = consistency_proof(old.size, new.size, self._tile)
            verify_consistency(old.size, new.size, proof, old.checkpoint.root, new.checkpoint.root)
        except (ProofInvalid, TileMissing):
            return False
        return True

    def _tile(self, level: int, index: int, width: int) -> bytes:
        return read_tile(self._source, level, index, width)

    def _restored(self, last: _Signed, new: _Signed) -> str | None:
        """What the log says about a restore that explains the break, if that holds."""
        for index, leaf in self._past.restores:
            if index < last.size and index < new.size:
                words = self._explained(index, leaf, last, new)
                if words is not None:
                    return words
        return None

    def _explained(self, index: int, leaf: bytes, last: _Signed, new: _Signed) -> str | None:
        """The entry must be in the new tree, and the head that it names must begin it."""
        try:
            path = inclusion_proof(index, new.size, self._tile)
            verify_inclusion(index, new.size, leaf_hash(leaf), path, new.checkpoint.root)
            entry = decode(leaf)
            head = self._open(str(entry.detail.get("old_head", "")))
        except AuditError:
            return None
        if entry.action != RESTORED or head.size != index or not self._extends(head, new):
            return None
        return _told(entry, index, last.size)


def read_tile(source: Source, level: int, index: int, width: int) -> bytes:
    """Return `width` hashes; a partial tile may have been completed since the checkpoint.

    Raises TileMissing or SourceUnreachable.
    """
    try:
        data = source.tile(TilePath(level, index, width))
    except TileMissing:
        if width == TILE_WIDTH:
            raise
        data = source.tile(TilePath(level, index))[: width * HASH_BYTES]
    if len(data) != width * HASH_BYTES:
        raise TileMissing(f"{TilePath(level, index, width)} is too short or too long")
    return data


def _told(entry: Leaf, index: int, size: int) -> str:
    when = datetime.fromtimestamp(entry.time_ms / 1000, UTC)
    return (
        f"the log says that a backup of {index} entries was restored on {when:%Y-%m-%d %H:%M} UTC; "
        f"the {size - index} entries after them that it had signed for this monitor are gone"
    )


def _keys(trusted: Verifier, handovers: Sequence[str]) -> tuple[Verifier, ...]:
    """The trusted key and every later one that it leads to."""
    keys = [trusted]
    for text in handovers:
        try:
            keys.append(open_handover(text, keys[-1])[1])
        except AuditError:
            # A hand-over of an older key than the one that is trusted.
            continue
    return tuple(keys)


def _opened_handover(text: str, keys: Sequence[Verifier]) -> tuple[Checkpoint, Verifier] | None:
    """What a hand-over covers, and the key that it ends."""
    for key in keys:
        try:
            return open_handover(text, key)[0], key
        except AuditError:
            continue
    return None


def _swap(opened: tuple[Checkpoint, Note], key: Verifier) -> tuple[Checkpoint, Verifier, Note]:
    return opened[0], key, opened[1]
