"""The tree against RFC 6962's well-known vectors and a naive oracle."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit import merkle
from audit.edge import Edge, FullTile
from audit.errors import ProofInvalid, TileMissing
from audit.merkle import leaf_hash

LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
MANY = [leaf_hash(str(n).encode()) for n in range(700)]


def naive_root(hashes: list[bytes]) -> bytes:
    """RFC 6962 section 2.1, word for word."""
    if not hashes:
        return sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    split = 1
    while split * 2 < len(hashes):
        split *= 2
    joined = b"\x01" + naive_root(hashes[:split]) + naive_root(hashes[split:])
    return sha256(joined).digest()


class Stored:
    """Tiles of a tree, as a store would serve them."""

    def __init__(self, size: int) -> None:
        self.edge = Edge()
        full = self.edge.extend(MANY[:size])
        self.full = {(tile.level, tile.index): tile for tile in full}

    def read(self, level: int, index: int, width: int) -> bytes:
        tile = self.full.get((level, index))
        data = tile.data if isinstance(tile, FullTile) else self.edge.partial(level)
        if len(data) < width * 32:
            raise TileMissing(f"{level}/{index}")
        return data[: width * 32]


@pytest.mark.parametrize("size", range(9))
def test_the_roots_are_those_of_the_well_known_vectors(size: int) -> None:
    edge = Edge()
    edge.extend(leaf_hash(leaf) for leaf in LEAVES[:size])
    assert edge.root().hex() == ROOTS[size]


@given(st.integers(0, 700), st.integers(0, 700))
@settings(max_examples=60, deadline=None)
def test_appending_in_any_two_batches_gives_the_naive_root(one: int, other: int) -> None:
    first, second = sorted((one, other))
    edge = Edge()
    edge.extend(MANY[:first])
    edge.extend(MANY[first:second])
    assert edge.root() == naive_root(MANY[:second])


@given(st.data())
@settings(max_examples=120, deadline=None)
def test_every_inclusion_proof_verifies_and_no_other_leaf_does(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 700))
    index = data.draw(st.integers(0, size - 1))
    proof = merkle.inclusion_proof(index, size, Stored(size).read)
    root = naive_root(MANY[:size])
    merkle.verify_inclusion(index, size, MANY[index], proof, root)
    with pytest.raises(ProofInvalid):
        merkle.verify_inclusion(index, size, leaf_hash(b"other"), proof, root)
    with pytest.raises(ProofInvalid):
        merkle.verify_inclusion(index, size, MANY[index], [*proof, root], root)


@given(st.data())
@settings(max_examples=120, deadline=None)
def test_every_consistency_proof_verifies_and_a_forked_root_does_not(data: st.DataObject) -> None:
    new = data.draw(st.integers(1, 700))
    old = data.draw(st.integers(1, new))
    proof = merkle.consistency_proof(old, new, Stored(new).read)
    old_root, new_root = naive_root(MANY[:old]), naive_root(MANY[:new])
    merkle.verify_consistency(old, new, proof, old_root, new_root)
    with pytest.raises(ProofInvalid):
        merkle.verify_consistency(old, new, proof, leaf_hash(b"fork"), new_root)


def test_a_tile_is_complete_at_256_leaves_and_its_root_moves_up() -> None:
    stored = Stored(256)
    assert stored.full[0, 0].data == b"".join(MANY[:256])
    assert stored.edge.partial(0) == b""
    assert stored.edge.partial(1) == naive_root(MANY[:256])


def test_an_edge_that_does_not_fit_its_size_is_refused() -> None:
    with pytest.raises(ProofInvalid, match="size 3"):
        Edge.load(3, {0: MANY[0]})


def test_proofs_of_what_is_not_in_the_tree_are_refused() -> None:
    with pytest.raises(ValueError, match="index 3"):
        merkle.inclusion_proof(3, 3, Stored(3).read)
    with pytest.raises(ValueError, match="consistency"):
        merkle.consistency_proof(4, 3, Stored(3).read)
    with pytest.raises(ProofInvalid):
        merkle.verify_consistency(4, 3, (), MANY[0], MANY[0])
