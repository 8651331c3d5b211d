"""C2SP tlog-proof: an offline-verifiable proof that a leaf is in the log."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass

from audit.checkpoint import Checkpoint, open_checkpoint, parse_decimal, parse_hash
from audit.errors import NoteMalformed, ProofMalformed
from audit.merkle import leaf_hash, verify_inclusion
from audit.note import Verifier, strict_b64decode

_HEADER = "c2sp.org/tlog-proof@v1"
_MAX_HASHES = 64


@dataclass(frozen=True, slots=True)
class TlogProof:
    """Index, audit path (leaf's sibling first) and the signed checkpoint, verbatim.

    `extra` is not authenticated by anything.
    """

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: str
    extra: bytes | None = None

    def __str__(self) -> str:
        """Return the proof file."""
        extra = [] if self.extra is None else [f"extra {b64encode(self.extra).decode()}"]
        hashes = [b64encode(one).decode() for one in self.hashes]
        lines = [_HEADER, *extra, f"index {self.index}", *hashes, ""]
        return "".join(f"{line}\n" for line in lines) + self.checkpoint


def parse_proof(text: str) -> TlogProof:
    """Parse a `.tlog-proof` file strictly. Raises ProofMalformed."""
    head, gap, checkpoint = text.partition("\n\n")
    lines = head.split("\n")
    if not gap or lines.pop(0) != _HEADER:
        raise ProofMalformed(f"a proof begins with {_HEADER} and holds a checkpoint")
    try:
        return _parse_lines(lines, checkpoint)
    except NoteMalformed as error:
        raise ProofMalformed(f"a line of the proof is malformed: {error}") from error


def _parse_lines(lines: list[str], checkpoint: str) -> TlogProof:
    extra = None
    if lines and lines[0].startswith("extra "):
        extra = strict_b64decode(lines.pop(0).removeprefix("extra "))
    if not lines or not lines[0].startswith("index "):
        raise ProofMalformed("the index line is missing")
    index = parse_decimal(lines.pop(0).removeprefix("index "))
    if len(lines) > _MAX_HASHES:
        raise ProofMalformed("the proof has too many hashes")
    return TlogProof(index, tuple(parse_hash(line) for line in lines), checkpoint, extra)


def verify_proof(text: str, leaf: bytes, vkey: str) -> Checkpoint:
    """Verify that `leaf` (the exact stored bytes) is in the log whose key is `vkey`.

    Returns the checkpoint it is proved under. Raises ProofMalformed, ProofInvalid,
    NoteMalformed or SignatureInvalid.
    """
    proof = parse_proof(text)
    checkpoint, _ = open_checkpoint(proof.checkpoint, Verifier.parse(vkey))
    verify_inclusion(proof.index, checkpoint.size, leaf_hash(leaf), proof.hashes, checkpoint.root)
    return checkpoint
