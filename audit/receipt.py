"""Receipts: the log's signed promise that an event is in it, given out with the answer.

Like the SCT of Certificate Transparency, a receipt costs no proof when it is issued. Whoever
holds one can show later that the log left the event out.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass

from audit.checkpoint import parse_decimal, parse_hash
from audit.errors import NoteMalformed, ReceiptMalformed, SignatureInvalid
from audit.event import EVENT_ID
from audit.merkle import HASH_BYTES, TILE_WIDTH
from audit.note import Note, Verifier, parse_note, strict_b64decode

HEADER = "sumun-receipt/v1"
# What was promised is in the published log at the latest so long after the receipt.
PUBLISHED_WITHIN_SECONDS = 60
_LINE = re.compile("^[ \t]*sumun-receipt:(.*)$", re.IGNORECASE | re.MULTILINE)
_TEXT = re.compile(
    rf"{re.escape(HEADER)}\n(?P<origin>\S+)\nevent (?P<event>\S+)\nleaf (?P<leaf>\S+)\n"
    r"time (?P<time>\S+)\nepoch (?P<epoch>\S+)\n"
)


@dataclass(frozen=True, slots=True)
class Promise:
    """An event that was written: durable already, or queued in a transaction of the caller."""

    event_id: str
    leaf_hash: bytes
    time_ms: int
    durable: bool


# Whoever answers a request collects here what was written for it; None collects nothing.
COLLECTING: ContextVar[list[Promise] | None] = ContextVar("COLLECTING", default=None)


def collect(promise: Promise) -> None:
    """Tell whoever collects in this context."""
    collected = COLLECTING.get()
    if collected is not None:
        collected.append(promise)


@dataclass(frozen=True, slots=True)
class Receipt:
    """The event's id, the hash of its leaf (32 bytes), its time, and the log's epoch then."""

    origin: str
    event_id: str
    leaf_hash: bytes
    time_ms: int
    epoch: int

    def __str__(self) -> str:
        """Return the text that is signed."""
        leaf = b64encode(self.leaf_hash).decode()
        return (
            f"{HEADER}\n{self.origin}\nevent {self.event_id}\nleaf {leaf}\n"
            f"time {self.time_ms}\nepoch {self.epoch}\n"
        )


def header_value(note: str) -> str:
    """Return a receipt as an HTTP header carries it: base64 of the note."""
    return b64encode(note.encode()).decode()


def receipts_in(text: str) -> list[str]:
    """Return each receipt of a file: a note, the header's value, or answers' saved header lines."""
    values = [value.strip() for value in _LINE.findall(text)]
    return values or [text]


def parse_receipt(text: str) -> tuple[Receipt, Note]:
    """Parse a receipt, as a note or as the header carried it; signatures are not verified.

    Raises ReceiptMalformed.
    """
    try:
        plain = text if text.startswith(HEADER) else strict_b64decode(text.strip()).decode("utf-8")
        note = parse_note(plain)
        match = _TEXT.fullmatch(note.text)
        if match is None or EVENT_ID.fullmatch(match["event"]) is None:
            raise NoteMalformed("its lines are not those of a receipt")
        leaf, time_ms = parse_hash(match["leaf"]), parse_decimal(match["time"])
        epoch = parse_decimal(match["epoch"])
        return Receipt(match["origin"], match["event"], leaf, time_ms, epoch), note
    except (NoteMalformed, UnicodeDecodeError) as error:
        raise ReceiptMalformed(f"not a receipt: {error}") from error


def open_receipt(text: str, keys: Sequence[Verifier]) -> Receipt:
    """Parse a receipt and verify it under one of the log's keys, old ones too.

    Raises ReceiptMalformed or SignatureInvalid.
    """
    receipt, note = parse_receipt(text)
    for key in keys:
        try:
            key.check(note)
        except SignatureInvalid:
            continue
        if receipt.origin == key.name:
            return receipt
    raise SignatureInvalid(f"no key of this log signed the receipt of {receipt.origin}")


def find_leaf(leaf: bytes, below: int, read: Callable[[int, int, int], bytes]) -> int | None:
    """Return the index of a leaf hash among the first `below`, from the tiles; None if absent.

    `read` takes level, tile index and width. Raises TileMissing from it.
    """
    for tile in range((below + TILE_WIDTH - 1) // TILE_WIDTH):
        width = min(TILE_WIDTH, below - tile * TILE_WIDTH)
        data = read(0, tile, width)
        at = data.find(leaf)
        while at >= 0 and at % HASH_BYTES:
            at = data.find(leaf, at + 1)
        if at >= 0:
            return tile * TILE_WIDTH + at // HASH_BYTES
    return None
