"""What witnesses and log sign and prove, judged by a verifier of other makers."""

from __future__ import annotations

import pytest
from tlog_scales.signing import Vkey, VkeySet
from tlog_scales.tlog import Checkpoint, ConsistencyProof, ConsistencyProofInvalid

from audit.cosignature import Cosigner
from audit.note import parse_note
from tests.unit.audit.witnesses import SECONDS, Tree
from tests.unit.audit.world import VKEY, WITNESS

OTHER = Cosigner("witness.example/two", b"2" * 32)
TREE = Tree.of(600)


def cosigned(size: int) -> str:
    note = TREE.note(size)
    text = parse_note(note).text
    return note + "".join(f"{one.cosign(text, SECONDS)}\n" for one in (WITNESS, OTHER))


def test_log_and_witnesses_are_verified_by_their_keys() -> None:
    keys = VkeySet(*(Vkey.from_string(str(key)) for key in (VKEY, WITNESS.key, OTHER.key)))
    checkpoint = Checkpoint.from_text(cosigned(300))

    valid = keys.verify(checkpoint.signatures, checkpoint)

    assert {key.serialize() for key, _ in valid} == {VKEY, str(WITNESS.key), str(OTHER.key)}


def test_what_the_other_maker_writes_is_read_here() -> None:
    checkpoint = Checkpoint.from_text(cosigned(300))

    assert WITNESS.key.time_of(parse_note(checkpoint.serialize())) == SECONDS


@pytest.mark.parametrize(
    ("old", "new"), [(0, 600), (1, 2), (7, 8), (255, 256), (256, 257), (300, 600), (600, 600)]
)
def test_consistency_proofs_hold_for_the_other_maker(old: int, new: int) -> None:
    proof = ConsistencyProof(old, new, list(TREE.proof(old, new)))

    proof.check(TREE.root(old), TREE.root(new))
    if old:
        with pytest.raises(ConsistencyProofInvalid):
            proof.check(TREE.fork(0, 600).root(old), TREE.root(new))
