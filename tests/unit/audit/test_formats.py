"""Tiles, notes, checkpoints and proofs in the formats of C2SP."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.checkpoint import Checkpoint, open_checkpoint, parse_text
from audit.errors import (
    NoteMalformed,
    ProofInvalid,
    ProofMalformed,
    SignatureInvalid,
    TilePathMalformed,
)
from audit.merkle import EMPTY_ROOT, leaf_hash, node_hash
from audit.note import Signer, Verifier, parse_note
from audit.proof import TlogProof, parse_proof, verify_proof
from audit.tiles import TilePath, bundle, parse_path
from tests.unit.audit.world import ORIGIN, SIGNER, VKEY

# The example of the signed-note reference implementation in Go.
GO_VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngot"
    "pRZb6KE6RyyBwJnAM=\n"
)


def test_a_note_signed_by_the_reference_implementation_verifies() -> None:
    note = parse_note(GO_NOTE)
    Verifier.parse(GO_VKEY).check(note)
    assert str(note) == GO_NOTE


@given(st.integers(0, 10**12), st.integers(1, 256), st.none() | st.integers(0, 63))
def test_every_tile_path_parses_back(index: int, width: int, level: int | None) -> None:
    path = TilePath(level, index, width)
    assert parse_path(str(path)) == path


def test_tile_indexes_are_written_in_threes() -> None:
    assert str(TilePath(0, 1234067)) == "tile/0/x001/x234/067"
    assert str(TilePath(None, 5, 12)) == "tile/entries/005.p/12"


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/x000/001", "tile/00/001", "tile/64/001", "tile/0/1", "tile/0/001.p/0",
        "tile/0/001.p/256", "tile/0/001.p/01", "tile/0/001/", "tile/0/../001", "tile/0/٠٠١",
        "tile/-1/001", "tile/entries/x001", "", "tile/0/001\n",
    ],
)  # fmt: skip
def test_any_other_tile_path_is_refused(path: str) -> None:
    with pytest.raises(TilePathMalformed):
        parse_path(path)


def test_an_entry_bundle_prefixes_each_leaf_with_its_length() -> None:
    assert bundle([b"ab", b""]) == b"\x00\x02ab\x00\x00"
    with pytest.raises(ValueError, match="too long"):
        bundle([b"x" * 65_536])


def test_a_checkpoint_is_signed_and_opened_again() -> None:
    note = SIGNER.sign(str(Checkpoint(ORIGIN, 3, EMPTY_ROOT)), 1_700_000_000)
    checkpoint, opened = open_checkpoint(str(note), SIGNER.verifier)
    assert checkpoint == Checkpoint(ORIGIN, 3, EMPTY_ROOT)
    assert SIGNER.verifier.check_time(opened) == 1_700_000_000
    assert str(Verifier.parse(VKEY)) == VKEY


def test_another_logs_signature_does_not_pass() -> None:
    note = Signer("other.example/log", b"o" * 32).sign(str(Checkpoint(ORIGIN, 3, EMPTY_ROOT)), 1)
    with pytest.raises(SignatureInvalid):
        open_checkpoint(str(note), SIGNER.verifier)


def test_a_checkpoint_of_another_origin_does_not_pass() -> None:
    note = SIGNER.sign(str(Checkpoint("other.example/log", 3, EMPTY_ROOT)), 1)
    with pytest.raises(NoteMalformed, match="other"):
        open_checkpoint(str(note), SIGNER.verifier)


@pytest.mark.parametrize(
    "text",
    ["", "a\n", "a\n1\n", "a\n01\nAAAA\n", "a\n-1\nAAAA\n", "a\n1\nAAAA\n", "a\n1\nAAAA\n\n",
     "a\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFV=\n"],
)  # fmt: skip
def test_a_malformed_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(NoteMalformed):
        parse_text(text)


@pytest.mark.parametrize(
    "text",
    ["", "a\n", "a\n\n", "a\n\n— n", "a\n\n- n AAAAAAAA\n", "a\n\n— n AAAA\n",
     "a\n\n— n+ AAAAAAAA\n",
     "a\x07\n\n— n AAAAAAAA\n", "a\n\n— n  AAAAAAAA\n", "a\n\n— n AAAAAAAB=\n"],
)  # fmt: skip
def test_a_malformed_note_is_refused(text: str) -> None:
    with pytest.raises(NoteMalformed):
        parse_note(text)


@pytest.mark.parametrize("vkey", ["", "a+b+c", VKEY[:-1], "x" + VKEY])
def test_a_malformed_verifier_key_is_refused(vkey: str) -> None:
    with pytest.raises(NoteMalformed):
        Verifier.parse(vkey)


def _proof(extra: bytes | None = None) -> str:
    root = node_hash(leaf_hash(b"one"), leaf_hash(b"two"))
    note = SIGNER.sign(str(Checkpoint(ORIGIN, 2, root)), 1)
    return str(TlogProof(1, (leaf_hash(b"one"),), str(note), extra))


@pytest.mark.parametrize("extra", [None, b"", b"context"])
def test_a_proof_verifies_with_the_leaf_and_the_log_key_alone(extra: bytes | None) -> None:
    if extra != b"":
        assert verify_proof(_proof(extra), b"two", VKEY).size == 2
    assert str(parse_proof(_proof(extra))) == _proof(extra)


def test_a_proof_does_not_verify_for_another_leaf() -> None:
    with pytest.raises(ProofInvalid):
        verify_proof(_proof(), b"three", VKEY)


@pytest.mark.parametrize("cut", ["c2sp.org/tlog-proof@v2\n", "index 01\n", "index\n", "\n\n"])
def test_a_malformed_proof_is_refused(cut: str) -> None:
    text = _proof()
    broken = {
        "c2sp.org/tlog-proof@v2\n": text.replace("@v1", "@v2"),
        "index 01\n": text.replace("index 1", "index 01"),
        "index\n": text.replace("index 1\n", ""),
        "\n\n": text.replace("\n\n", "\n"),
    }[cut]
    with pytest.raises(ProofMalformed):
        parse_proof(broken)
