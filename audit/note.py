"""C2SP signed notes with Ed25519 keys, and the log's timestamped cosignature of its own notes.

Two signature types of signed-note are used: 0x01, Ed25519 over the text, and 0x04, the Ed25519
cosignature of tlog-cosignature, which also covers a time in whole seconds.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64decode, b64encode
from dataclasses import dataclass
from enum import IntEnum

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from audit.errors import NoteMalformed, SignatureInvalid

_DASH = "— "
_MAX_SIGNATURES = 64
_MAX_NOTE_BYTES = 1_000_000
_KEY_BYTES = 32
_VKEY = re.compile(r"(?P<name>[^+\s]+)\+(?P<id>[0-9a-f]{8})\+(?P<key>[A-Za-z0-9+/=]+)")


class SignatureType(IntEnum):
    """Signature type bytes of signed-note that this library verifies."""

    ED25519 = 0x01
    COSIGNATURE = 0x04


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line: key name, 4-byte key id and the bytes after it."""

    name: str
    key_id: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class Note:
    """A text ending in a newline, with its signatures in order."""

    text: str
    signatures: tuple[Signature, ...]

    def __str__(self) -> str:
        """Return the signed note as C2SP writes it."""
        lines = (
            f"{_DASH}{one.name} {b64encode(one.key_id + one.value).decode()}\n"
            for one in self.signatures
        )
        return self.text + "\n" + "".join(lines)


def strict_b64decode(text: str) -> bytes:
    """Decode base64 and refuse every spelling but the standard one. Raises NoteMalformed."""
    try:
        data = b64decode(text.encode("ascii"), validate=True)
    except ValueError as error:
        raise NoteMalformed("not base64") from error
    if b64encode(data).decode() != text:
        raise NoteMalformed("base64 in a non-standard spelling")
    return data


def parse_note(text: str) -> Note:
    """Parse a signed note strictly; signatures are not verified. Raises NoteMalformed."""
    if len(text) > _MAX_NOTE_BYTES or any(c < " " and c != "\n" for c in text):
        raise NoteMalformed("too long, or with control characters")
    body, gap, tail = text.rpartition("\n\n")
    if not gap or not body or not tail.endswith("\n"):
        raise NoteMalformed("no text or no signatures after an empty line")
    lines = tail[:-1].split("\n")
    if len(lines) > _MAX_SIGNATURES:
        raise NoteMalformed("too many signatures")
    return Note(body + "\n", tuple(_parse_signature(line) for line in lines))


def _parse_signature(line: str) -> Signature:
    parts = line.removeprefix(_DASH).split(" ")
    if not line.startswith(_DASH) or len(parts) != 2 or not _is_name(parts[0]):
        raise NoteMalformed("a signature line is not of the form '— name base64'")
    data = strict_b64decode(parts[1])
    if len(data) < 5:
        raise NoteMalformed("a signature is too short")
    return Signature(parts[0], data[:4], data[4:])


def _is_name(name: str) -> bool:
    return bool(name) and "+" not in name and not any(c.isspace() for c in name)


def key_id(name: str, kind: SignatureType, public: bytes) -> bytes:
    """Return SHA-256(name || newline || type || key)[:4] as signed-note recommends."""
    return hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + public).digest()[:4]


@dataclass(frozen=True, slots=True)
class Verifier:
    """A log's public key: `name` (its origin) and 32 bytes of Ed25519."""

    name: str
    public: bytes

    @classmethod
    def parse(cls, vkey: str) -> Verifier:
        """Parse `<name>+<8 hex digits>+<base64 of 0x01 and the key>`. Raises NoteMalformed."""
        match = _VKEY.fullmatch(vkey)
        if match is None:
            raise NoteMalformed("not a verifier key of the form name+hash+key")
        data = strict_b64decode(match["key"])
        if len(data) != 1 + _KEY_BYTES or data[0] != SignatureType.ED25519:
            raise NoteMalformed("not an Ed25519 verifier key")
        verifier = cls(match["name"], data[1:])
        if str(verifier) != vkey:
            raise NoteMalformed("the hash in the verifier key does not belong to name and key")
        return verifier

    def __str__(self) -> str:
        """Return the verifier key as `/log/key` serves it."""
        digest = key_id(self.name, SignatureType.ED25519, self.public).hex()
        data = b64encode(bytes([SignatureType.ED25519]) + self.public).decode()
        return f"{self.name}+{digest}+{data}"

    def check(self, note: Note) -> None:
        """Raise SignatureInvalid unless the note carries this key's valid signature."""
        found = self._of(note, SignatureType.ED25519)
        self._verify(found.value, note.text.encode())

    def check_time(self, note: Note) -> int:
        """Return the seconds since 1970 of this key's cosignature. Raises SignatureInvalid."""
        found = self._of(note, SignatureType.COSIGNATURE)
        seconds = int.from_bytes(found.value[:8], "big")
        self._verify(found.value[8:], _cosigned(note.text, seconds))
        return seconds

    def _of(self, note: Note, kind: SignatureType) -> Signature:
        wanted = (self.name, key_id(self.name, kind, self.public))
        for one in note.signatures:
            if (one.name, one.key_id) == wanted:
                return one
        raise SignatureInvalid(f"the note is not signed by {self.name} (type {kind:#04x})")

    def _verify(self, signature: bytes, message: bytes) -> None:
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except (InvalidSignature, ValueError) as error:
            raise SignatureInvalid(f"the signature of {self.name} does not verify") from error


class Signer:
    """A log's private key. `seed` is 32 secret bytes (RFC 8032), `name` the origin.

    Raises NoteMalformed for a name that a note cannot carry.
    """

    def __init__(self, name: str, seed: bytes) -> None:
        if not _is_name(name):
            raise NoteMalformed("a key name has no spaces and no plus sign")
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.verifier = Verifier(name, self._key.public_key().public_bytes_raw())

    def sign(self, text: str, seconds: int) -> Note:
        """Sign a text ending in a newline, once plainly and once with a time."""
        stamp = seconds.to_bytes(8, "big") + self._key.sign(_cosigned(text, seconds))
        return Note(
            text,
            (
                self._line(SignatureType.ED25519, self._key.sign(text.encode())),
                self._line(SignatureType.COSIGNATURE, stamp),
            ),
        )

    def _line(self, kind: SignatureType, value: bytes) -> Signature:
        name = self.verifier.name
        return Signature(name, key_id(name, kind, self.verifier.public), value)


def _cosigned(text: str, seconds: int) -> bytes:
    """The message of tlog-cosignature for Ed25519."""
    return f"cosignature/v1\ntime {seconds}\n{text}".encode()
