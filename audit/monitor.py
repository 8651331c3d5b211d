"""Watches a log from outside: whether it only ever grows, and shows everybody the same.

A monitor keeps the last checkpoint it accepted, and nothing else of the log. A restored backup is
told apart from a rollback by the log's own signed entry, but it is never accepted in silence;
and it explains what somebody else was shown only when it names exactly that checkpoint.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from audit.checkpoint import Checkpoint
from audit.errors import AuditError, ProofInvalid, TileMissing
from audit.leaf import decode
from audit.merkle import (
    HASH_BYTES,
    TILE_WIDTH,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    verify_consistency,
    verify_inclusion,
)
from audit.monitor_keys import KeyChain, Past, Signed
from audit.monitor_time import Dated, Freshness, moment
from audit.note import Verifier
from audit.policy_file import Policy
from audit.restoration import RESTORED, Restoration
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
    STALE = "stale"
    FUTURE = "future"


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

    @property
    def extends(self) -> bool:
        """Whether the checkpoint may be remembered: it extends the last, whatever its date."""
        return self.fine or self.verdict in {Verdict.STALE, Verdict.FUTURE}


def look(
    source: Source,
    known: Known,
    peers: Sequence[str] = (),
    policy: Policy | None = None,
    fresh: Freshness | None = None,
) -> Seen:
    """Fetch the log's checkpoint and compare it with the last one and with those of `peers`.

    Raises SourceUnreachable when the log cannot be asked, NoteMalformed or SignatureInvalid when
    a peer's checkpoint is not of this log.
    """
    # In this order: a key handed over in between is then in the history already.
    text = source.checkpoint()
    return _Look(source, known, policy, fresh).run(text, peers)


class _Look:
    def __init__(
        self, source: Source, known: Known, policy: Policy | None, fresh: Freshness | None
    ) -> None:
        self._source = source
        self._known = known
        self._policy = policy
        self._fresh = fresh
        self._past = source.past()
        self._chain = KeyChain(known.key, self._past)
        self._open = self._chain.open

    def run(self, text: str, peers: Sequence[str]) -> Seen:
        try:
            new = self._open(text)
        except AuditError as error:
            return Seen(Verdict.NOT_SIGNED, f"the log's checkpoint: {error}", self._known, (text,))
        seen = self._against_last(new)
        for peer in peers:
            seen = self._against_peer(new, self._open(peer), seen) if seen.fine else seen
        return self._in_time(new, self._with_quorum(new, seen))

    def _against_last(self, new: Signed) -> Seen:
        known = Known(self._chain.later(self._known.key, new.key), str(new.note))
        if self._known.note is None:
            return Seen(Verdict.FIRST, f"begins at {new.size} entries", known)
        last = self._open(self._known.note)
        if self._extends(last.checkpoint, new.checkpoint):
            grew = new.size - last.size
            if grew:
                return Seen(Verdict.GREW, f"{grew} new entries, {new.size} in all", known)
            return Seen(Verdict.UNCHANGED, f"{new.size} entries", known)
        return self._broken(last, new, known)

    def _broken(self, last: Signed, new: Signed, known: Known) -> Seen:
        evidence = (str(last.note), str(new.note))
        restored = self._restored(last, new)
        if restored is not None:
            return Seen(Verdict.RESTORED, restored, known, evidence)
        if new.size < last.size:
            words = f"the log shows {new.size} entries, and had signed {last.size}"
            return Seen(Verdict.ROLLED_BACK, words, known, evidence)
        words = f"the {new.size} entries do not begin with the {last.size} that the log had signed"
        return Seen(Verdict.FORKED, words, known, evidence)

    def _against_peer(self, new: Signed, peer: Signed, seen: Seen) -> Seen:
        """A peer may have asked later than we did: then its tree must extend ours."""
        old, young = (peer, new) if peer.size <= new.size else (new, peer)
        if self._extends(old.checkpoint, young.checkpoint):
            return seen
        if self._names(peer, new):
            return seen
        words = f"another was shown {peer.size} entries that do not fit the {new.size} shown here"
        return Seen(Verdict.SPLIT_VIEW, words, seen.known, (str(peer.note), str(new.note)))

    def _with_quorum(self, new: Signed, seen: Seen) -> Seen:
        if not seen.fine or self._policy is None:
            return seen
        cosigned = self._policy.cosigners(new.note)
        if self._policy.met(cosigned):
            return seen
        words = f"only {', '.join(sorted(cosigned)) or 'nobody'} cosigned the checkpoint"
        return Seen(Verdict.QUORUM_UNMET, words, seen.known, (str(new.note),))

    def _in_time(self, new: Signed, seen: Seen) -> Seen:
        """A log that shows an old checkpoint for ever hides what came after it."""
        if not seen.fine or self._fresh is None:
            return seen
        dated = Dated.of(new.note, new.key, self._policy)
        ahead = dated.ahead(self._fresh)
        if ahead is not None:
            who, at = ahead
            words = f"{who} dated the newest checkpoint {moment(at)}, which has not come yet here"
            return Seen(Verdict.FUTURE, words, seen.known, (str(new.note),))
        newest = dated.newest()
        if newest is not None and self._fresh.is_young(newest):
            return seen
        when = "says no time" if newest is None else f"was signed on {moment(newest)}"
        words = f"the newest checkpoint, of {new.size} entries, {when}"
        return Seen(Verdict.STALE, words, seen.known)

    def _extends(self, old: Checkpoint, new: Checkpoint) -> bool:
        """Whether the tiles lead from one signed root to the other. Raises SourceUnreachable."""
        if old.size > new.size:
            return False
        try:
            proof = consistency_proof(old.size, new.size, self._tile)
            verify_consistency(old.size, new.size, proof, old.root, new.root)
        except (ProofInvalid, TileMissing):
            return False
        return True

    def _tile(self, level: int, index: int, width: int) -> bytes:
        return read_tile(self._source, level, index, width)

    def _restored(self, last: Signed, new: Signed) -> str | None:
        """What the log says about a restore that explains the break, if that holds."""
        for index, leaf in self._past.restores:
            entry = self._entry(index, leaf, new) if index < last.size else None
            if entry is not None:
                return _told(entry, last.size)
        return None

    def _names(self, peer: Signed, new: Signed) -> bool:
        """Whether the log shown here says itself that it lost exactly what the peer was shown.

        A restore on the peer's side explains nothing: here it did not happen.
        """
        for index, leaf in self._past.restores:
            entry = self._entry(index, leaf, new) if index < peer.size else None
            if entry is not None and entry.known == peer.checkpoint:
                return True
        return False

    def _entry(self, index: int, leaf: bytes, new: Signed) -> Restoration | None:
        """The restore at `index`: in the tree, under the log's key, and of the tree below it."""
        if index >= new.size:
            return None
        try:
            path = inclusion_proof(index, new.size, self._tile)
            verify_inclusion(index, new.size, leaf_hash(leaf), path, new.checkpoint.root)
            entry = decode(leaf)
            restored = self._chain.restoration(entry.detail, index, entry.time_ms)
        except AuditError:
            return None
        if entry.action != RESTORED or not self._extends(restored.head, new.checkpoint):
            return None
        return restored


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


def _told(entry: Restoration, size: int) -> str:
    return (
        f"the log says that a backup of {entry.size} entries was restored on "
        f"{moment(entry.time_ms // 1000)}; "
        f"the {size - entry.size} entries after them that it had signed for this monitor are gone"
    )
