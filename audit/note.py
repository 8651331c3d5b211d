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
# Lone surrogates stand for bytes that are not UTF-8.
_FORBIDDEN = re.compile("[\x00-\x09\x0b-\x1f\ud800-\udfff]")
VKEY_FORM = "not a verifier key of the form name+hash+key"
_VKEY = re.compile(
    r"(?P<name>[^+\s\x00-\x1f\ud800-\udfff]+)\+(?P<id>[0-9a-f]{8})\+(?P<key>[A-Za-z0-9+/=]+)"
)


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

    def __str__(self) -> str:
        """Return the line as signed-note writes it, without its newline."""
        return f"{_DASH}{self.name} {b64encode(self.key_id + self.value).decode()}"


@dataclass(frozen=True, slots=True)
class Note:
    """A text ending in a newline, with its signatures in order."""

    text: str
    signatures: tuple[Signature, ...]

    def __str__(self) -> str:
        """Return the signed note as C2SP writes it."""
        return self.text + "\n" + "".join(f"{one}\n" for one in self.signatures)


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
    if len(text) > _MAX_NOTE_BYTES or _FORBIDDEN.search(text):
        raise NoteMalformed("too long, or with control characters")
    body, gap, tail = text.rpartition("\n\n")
    if not gap or not body or not tail.endswith("\n"):
        raise NoteMalformed("no text or no signatures after an empty line")
    lines = tail[:-1].split("\n")
    if len(lines) > _MAX_SIGNATURES:
        raise NoteMalformed("too many signatures")
    return Note(body + "\n", tuple(parse_signature(line) for line in lines))


def parse_signature(line: str) -> Signature:
    """Parse one signature line, without its newline. Raises NoteMalformed."""
    parts = line.removeprefix(_DASH).split(" ")
    if not line.startswith(_DASH) or len(parts) != 2 or not is_name(parts[0]):
        raise NoteMalformed("a signature line is not of the form '— name base64'")
    data = strict_b64decode(parts[1])
    if len(data) < 5:
        raise NoteMalformed("a signature is too short")
    return Signature(parts[0], data[:4], data[4:])


def is_name(name: str) -> bool:
    """Tell whether a signature line can carry this key name."""
    if not name or "+" in name or _FORBIDDEN.search(name):
        return False
    return not any(c.isspace() for c in name)


def key_id(name: str, kind: SignatureType, public: bytes) -> bytes:
    """Return SHA-256(name || newline || type || key)[:4] as signed-note recommends."""
    return hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + public).digest()[:4]


def parse_vkey(vkey: str, kind: SignatureType) -> tuple[str, bytes]:
    """Return name and Ed25519 key of a verifier key of one type. Raises NoteMalformed."""
    match = _VKEY.fullmatch(vkey)
    if match is None:
        raise NoteMalformed(VKEY_FORM)
    data = strict_b64decode(match["key"])
    if len(data) != 1 + _KEY_BYTES or data[0] != kind:
        raise NoteMalformed(f"not an Ed25519 verifier key of type {kind:#04x}")
    name, public = match["name"], data[1:]
    if write_vkey(name, kind, public) != vkey:
        raise NoteMalformed("the hash in the verifier key does not belong to name and key")
    return name, public


def write_vkey(name: str, kind: SignatureType, public: bytes) -> str:
    """Return a verifier key as signed-note writes it."""
    data = b64encode(bytes([kind]) + public).decode()
    return f"{name}+{key_id(name, kind, public).hex()}+{data}"


def verify_signature(name: str, public: bytes, signature: bytes, message: bytes) -> None:
    """Raise SignatureInvalid unless the Ed25519 signature is right."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError) as error:
        raise SignatureInvalid(f"the signature of {name} does not verify") from error


def verify_cosignature(name: str, public: bytes, line: Signature, text: str) -> int:
    """Return the seconds since 1970 that a cosignature vouches for. Raises SignatureInvalid."""
    seconds = int.from_bytes(line.value[:8], "big")
    verify_signature(name, public, line.value[8:], cosigned(text, seconds))
    return seconds


@dataclass(frozen=True, slots=True)
class Verifier:
    """A log's public key: `name` (its origin) and 32 bytes of Ed25519."""

    name: str
    public: bytes

    @classmethod
    def parse(cls, vkey: str) -> Verifier:
        """Parse `<name>+<8 hex digits>+<base64 of 0x01 and the key>`. Raises NoteMalformed."""
        return cls(*parse_vkey(vkey, SignatureType.ED25519))

    def __str__(self) -> str:
        """Return the verifier key as `/log/key` serves it."""
        return write_vkey(self.name, SignatureType.ED25519, self.public)

    def check(self, note: Note) -> None:
        """Raise SignatureInvalid unless the note carries this key's valid signature."""
        found = self._of(note, SignatureType.ED25519)
        verify_signature(self.name, self.public, found.value, note.text.encode())

    def check_time(self, note: Note) -> int:
        """Return the seconds since 1970 of this key's cosignature. Raises SignatureInvalid."""
        found = self._of(note, SignatureType.COSIGNATURE)
        return verify_cosignature(self.name, self.public, found, note.text)

    def _of(self, note: Note, kind: SignatureType) -> Signature:
        wanted = (self.name, key_id(self.name, kind, self.public))
        for one in note.signatures:
            if (one.name, one.key_id) == wanted:
                return one
        raise SignatureInvalid(f"the note is not signed by {self.name} (type {kind:#04x})")


class Signer:
    """A log's private key. `seed` is 32 secret bytes (RFC 8032), `name` the origin.

    Raises NoteMalformed for a name that a note cannot carry.
    """

    def __init__(self, name: str, seed: bytes) -> None:
        if not is_name(name):
            raise NoteMalformed("a key name has no spaces and no plus sign")
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.verifier = Verifier(name, self._key.public_key().public_bytes_raw())

    def sign(self, text: str, seconds: int) -> Note:
        """Sign a text ending in a newline, once plainly and once with a time."""
        stamp = seconds.to_bytes(8, "big") + self._key.sign(cosigned(text, seconds))
        return Note(
            text,
            (
                self._line(SignatureType.ED25519, self._key.sign(text.encode())),
                self._line(SignatureType.COSIGNATURE, stamp),
            ),
        )

    def sign_plainly(self, text: str) -> Note:
        """Sign a text ending in a newline without a time."""
        return Note(text, (self._line(SignatureType.ED25519, self._key.sign(text.encode())),))

    def _line(self, kind: SignatureType, value: bytes) -> Signature:
        name = self.verifier.name
        return Signature(name, key_id(name, kind, self.verifier.public), value)


def cosigned(text: str, seconds: int) -> bytes:
    """The message of tlog-cosignature for Ed25519."""
    return f"cosignature/v1\ntime {seconds}\n{text}".encode()
