"""Receipts: parsed strictly, verified under the log's keys, and found in the tiles."""

from __future__ import annotations

import contextlib
from base64 import b64encode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.checkpoint import open_checkpoint
from audit.errors import NoteMalformed, ReceiptMalformed, SignatureInvalid
from audit.merkle import leaf_hash
from audit.note import Signer
from audit.receipt import (
    COLLECTING,
    HEADER,
    Promise,
    Receipt,
    collect,
    find_leaf,
    header_value,
    open_receipt,
    parse_receipt,
)
from tests.unit.audit.witnesses import Tree
from tests.unit.audit.world import ORIGIN, SIGNER, World, event

EVENT = "01234567-89ab-7def-8123-456789abcdef"
RECEIPT = Receipt(ORIGIN, EVENT, leaf_hash(b"leaf"), 1_795_000_000_123, 1)
NOTE = str(SIGNER.sign_plainly(str(RECEIPT)))
KEYS = [SIGNER.verifier]


@pytest.mark.parametrize("text", [NOTE, header_value(NOTE), f"  {header_value(NOTE)}\n"])
def test_a_receipt_opens_as_it_was_given_out(text: str) -> None:
    assert open_receipt(text, KEYS) == RECEIPT


def test_a_receipt_opens_under_an_old_key_too() -> None:
    newer = Signer(ORIGIN, b"n" * 32)

    assert open_receipt(NOTE, [newer.verifier, *KEYS]) == RECEIPT


def test_a_receipt_of_another_log_or_key_is_not_ours() -> None:
    other = Signer("other.example/log", b"o" * 32)
    stolen = str(SIGNER.sign_plainly(str(RECEIPT).replace(ORIGIN, "other.example/log")))

    for text in (stolen, str(other.sign_plainly(str(RECEIPT)))):
        with pytest.raises(SignatureInvalid):
            open_receipt(text, KEYS)


@pytest.mark.parametrize("at", range(0, len(str(RECEIPT)), 5))
def test_no_character_of_a_receipt_can_be_changed(at: int) -> None:
    forged = NOTE[:at] + ("A" if NOTE[at] != "A" else "B") + NOTE[at + 1 :]

    with pytest.raises((ReceiptMalformed, SignatureInvalid)):
        open_receipt(forged, KEYS)


TEXT = str(RECEIPT)
LEAF = b64encode(RECEIPT.leaf_hash).decode()


@pytest.mark.parametrize(
    "text",
    [
        TEXT.replace("v1", "v2"), TEXT.replace("event ", "events "),
        TEXT.replace(EVENT, EVENT[:-1]),
        TEXT.replace(EVENT, EVENT.upper()), TEXT.replace(LEAF, LEAF[:-1]),
        TEXT.replace(LEAF, "AAAA"), TEXT.replace("time ", "time -"),
        TEXT.replace("time ", "time 0"),
        TEXT.replace("epoch 1", "epoch x"), TEXT.replace("epoch 1", "epoch"), TEXT + "more\n",
        TEXT.replace(f"{ORIGIN}\n", ""), f"{ORIGIN}\n3\n{LEAF}\n",
    ],
)  # fmt: skip
def test_a_text_that_is_signed_and_no_receipt_is_refused(text: str) -> None:
    with pytest.raises(ReceiptMalformed):
        open_receipt(str(SIGNER.sign_plainly(text)), KEYS)


@pytest.mark.parametrize(
    "text", ["", "nonsense", HEADER, NOTE[:-1], "é", b64encode(b"\xff").decode()]
)
def test_what_is_no_signed_note_is_refused(text: str) -> None:
    with pytest.raises(ReceiptMalformed):
        parse_receipt(text)


def test_a_checkpoint_signed_by_the_log_is_no_receipt_and_the_other_way_round() -> None:
    with pytest.raises(ReceiptMalformed):
        open_receipt(Tree.of(3).note(), KEYS)
    with pytest.raises(NoteMalformed):
        open_checkpoint(NOTE, SIGNER.verifier)


@pytest.mark.parametrize("index", [0, 1, 255, 256, 299])
def test_a_leaf_is_found_among_the_hash_tiles(index: int) -> None:
    tree = Tree.of(300)

    assert find_leaf(tree.hashes[index], 300, tree.tile) == index
    assert find_leaf(leaf_hash(b"never"), 300, tree.tile) is None


def test_a_hash_across_two_others_is_not_taken_for_one() -> None:
    tree = Tree.of(3)
    across = (tree.hashes[0] + tree.hashes[1])[5:37]

    assert find_leaf(across, 3, tree.tile) is None


def test_what_is_written_is_collected_for_whoever_asks(world: World) -> None:
    log, one, two = world.log(), event(), event()
    token = COLLECTING.set([])
    try:
        log.append(one)
        world.record(log, two)
        found = COLLECTING.get()
    finally:
        COLLECTING.reset(token)
    log.append(event())

    assert found is not None
    assert [(promise.event_id, promise.durable) for promise in found] == [
        (one.event_id, True), (two.event_id, False),
    ]  # fmt: skip
    assert log.durable([two.event_id, EVENT]) == {two.event_id}
    receipts = [open_receipt(log.receipt(promise), KEYS) for promise in found]
    assert {receipt.epoch for receipt in receipts} == {1}
    hashes = {leaf_hash(bytes(row[0])) for row in world.execute("SELECT leaf FROM audit_entries")}
    assert receipts[0].leaf_hash in hashes


def test_what_was_rolled_back_is_not_durable(world: World) -> None:
    log, one = world.log(), event()
    with contextlib.suppress(KeyError), world.transaction() as connection:
        log.record(connection, one)
        raise KeyError

    assert log.durable([one.event_id]) == set()
    assert log.durable([]) == set()


def test_nothing_is_collected_where_nobody_asks() -> None:
    collect(Promise(EVENT, b"", 1, durable=True))

    assert COLLECTING.get() is None


@settings(max_examples=300, deadline=None)
@given(at=st.integers(0, len(NOTE)), cut=st.integers(0, 8), put=st.text(max_size=8))
def test_any_text_is_our_receipt_or_refused(at: int, cut: int, put: str) -> None:
    with contextlib.suppress(ReceiptMalformed, SignatureInvalid):
        assert open_receipt(NOTE[:at] + put + NOTE[at + cut :], KEYS) == RECEIPT
