"""C2SP tlog-checkpoint: origin, size and root, signed as a note."""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import dataclass

from audit.errors import NoteMalformed
from audit.merkle import HASH_BYTES
from audit.note import Note, Verifier, parse_note, strict_b64decode

_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree head: `size` leaves under `root` (32 bytes), issued by `origin`."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return the note text."""
        lines = (self.origin, str(self.size), b64encode(self.root).decode(), *self.extensions)
        return "".join(f"{line}\n" for line in lines)


def parse_text(text: str) -> Checkpoint:
    """Parse a checkpoint's note text. Raises NoteMalformed."""
    lines = text.split("\n")
    if len(lines) < 4 or lines[-1] != "" or not all(lines[:-1]):
        raise NoteMalformed("a checkpoint has at least three lines, none of them empty")
    origin, size, root, *extensions = lines[:-1]
    return Checkpoint(origin, parse_decimal(size), parse_hash(root), tuple(extensions))


def parse_decimal(text: str) -> int:
    """Parse a non-negative decimal without leading zeros, below 10**19."""
    if _DECIMAL.fullmatch(text) is None:
        raise NoteMalformed("not a decimal number without leading zeros")
    return int(text)


def parse_hash(text: str) -> bytes:
    """Parse a base64 SHA-256 hash."""
    data = strict_b64decode(text)
    if len(data) != HASH_BYTES:
        raise NoteMalformed("a hash has 32 bytes")
    return data


def open_checkpoint(text: str, verifier: Verifier) -> tuple[Checkpoint, Note]:
    """Parse a signed checkpoint and verify it. Raises NoteMalformed or SignatureInvalid.

    The origin must be the verifier's name, so that no other log's checkpoint passes.
    """
    note = parse_note(text)
    verifier.check(note)
    checkpoint = parse_text(note.text)
    if checkpoint.origin != verifier.name:
        raise NoteMalformed(f"the checkpoint is of {checkpoint.origin}, not {verifier.name}")
    return checkpoint, note
