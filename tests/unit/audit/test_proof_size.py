"""A proof stays small however large the log grows: at most 2 kB with two cosignatures."""

from __future__ import annotations

import pytest

from audit.checkpoint import Checkpoint
from audit.cosignature import Cosigner
from audit.merkle import leaf_hash, node_hash
from audit.note import parse_note
from audit.proof import TlogProof, verify_proof
from tests.unit.audit.world import ORIGIN, SIGNER, VKEY

LIMIT = 2048
LEAF = b"the last leaf of a large log"
WITNESSES = [
    Cosigner(f"{name}.witness.data-safety.example.kr/one", name.encode() * 4)
    for name in ("archives", "ministry")
]


@pytest.mark.parametrize("height", [17, 24])
def test_a_proof_with_two_cosignatures_has_at_most_2_kb(height: int) -> None:
    """70,000 entries make 17 hashes, ten million make 24."""
    siblings = tuple(leaf_hash(f"{n}".encode()) for n in range(height))
    root = leaf_hash(LEAF)
    for sibling in siblings:
        root = node_hash(sibling, root)
    text = str(Checkpoint(ORIGIN, 2**height, root))
    lines = "".join(f"{one.cosign(text, 1_795_000_000)}\n" for one in WITNESSES)

    proof = TlogProof(2**height - 1, siblings, f"{SIGNER.sign(text, 1_795_000_000)}{lines}")

    assert verify_proof(str(proof), LEAF, VKEY).size == 2**height
    note = parse_note(proof.checkpoint)
    assert [one.key.time_of(note) for one in WITNESSES] == [1_795_000_000] * 2
    assert len(str(proof).encode()) <= LIMIT
