"""A growing log without a database, and witnesses of it, for the tests of what strangers check."""

from __future__ import annotations

from audit.checkpoint import Checkpoint
from audit.edge import Edge
from audit.merkle import consistency_proof, leaf_hash, split_tile
from audit.note import Signer
from audit.witness import AddCheckpoint
from tests.unit.audit.world import ORIGIN, SIGNER

SECONDS = 1_795_000_000


class Tree:
    """Leaves named by their text; tiles, roots, checkpoints and proofs of any size."""

    def __init__(self, *leaves: str, signer: Signer = SIGNER) -> None:
        self.hashes = [leaf_hash(leaf.encode()) for leaf in leaves]
        self.signer = signer

    @classmethod
    def of(cls, size: int, salt: str = "", signer: Signer = SIGNER) -> Tree:
        return cls(*(f"{salt}{n}" for n in range(size)), signer=signer)

    def fork(self, at: int, size: int) -> Tree:
        """Another history that shares the first `at` leaves."""
        other = Tree.of(size, "forked ", self.signer)
        other.hashes[:at] = self.hashes[:at]
        return other

    def root(self, size: int) -> bytes:
        edge = Edge()
        edge.extend(self.hashes[:size])
        return edge.root()

    def note(self, size: int | None = None, seconds: int = SECONDS) -> str:
        count = len(self.hashes) if size is None else size
        text = str(Checkpoint(ORIGIN, count, self.root(count)))
        return str(self.signer.sign(text, seconds))

    def tile(self, level: int, index: int, width: int) -> bytes:
        """Tiles of a tree below 256 ** 2 leaves."""
        if level:
            parts = [self.tile(level - 1, index * 256 + n, 256) for n in range(width)]
            return b"".join(_root(part) for part in parts)
        return b"".join(self.hashes[index * 256 : index * 256 + width])

    def proof(self, old: int, new: int) -> tuple[bytes, ...]:
        def read(level: int, index: int, width: int) -> bytes:
            return self.tile(level, index, width)

        return consistency_proof(old, new, read)

    def request(self, old: int, new: int | None = None) -> bytes:
        count = len(self.hashes) if new is None else new
        return str(AddCheckpoint(old, self.proof(old, count), self.note(count))).encode()


def _root(tile: bytes) -> bytes:
    edge = Edge()
    edge.extend(split_tile(tile))
    return edge.root()
