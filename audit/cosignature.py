"""Cosignatures of witnesses: C2SP tlog-cosignature with Ed25519 keys (signature type 0x04).

A cosignature says that the witness saw this checkpoint at that time, and that it extends every
checkpoint of the same log that the witness cosigned before.
"""

from __future__ import annotations

from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit.errors import NoteMalformed, SignatureInvalid
from audit.note import (
    Note,
    Signature,
    SignatureType,
    cosigned,
    is_name,
    key_id,
    parse_vkey,
    verify_cosignature,
    write_vkey,
)

_KIND = SignatureType.COSIGNATURE


@dataclass(frozen=True, slots=True)
class WitnessKey:
    """A witness's public key: its name and 32 bytes of Ed25519."""

    name: str
    public: bytes

    @classmethod
    def parse(cls, vkey: str) -> WitnessKey:
        """Parse `<name>+<8 hex digits>+<base64 of 0x04 and the key>`. Raises NoteMalformed."""
        return cls(*parse_vkey(vkey, _KIND))

    def __str__(self) -> str:
        """Return the verifier key."""
        return write_vkey(self.name, _KIND, self.public)

    @property
    def id(self) -> bytes:
        """The 4 bytes that begin each of this key's signatures."""
        return key_id(self.name, _KIND, self.public)

    def line_of(self, note: Note) -> tuple[Signature, int]:
        """Return this key's newest valid cosignature of a note and its time in seconds.

        Raises SignatureInvalid when there is none.
        """
        found = [(self._time(one, note.text), one) for one in note.signatures if self._mine(one)]
        valid = [(seconds, one) for seconds, one in found if seconds is not None]
        if not valid:
            raise SignatureInvalid(f"the checkpoint is not cosigned by {self.name}")
        seconds, line = max(valid, key=lambda pair: pair[0])
        return line, seconds

    def time_of(self, note: Note) -> int:
        """Return when this key cosigned, in seconds since 1970. Raises SignatureInvalid."""
        return self.line_of(note)[1]

    def _mine(self, line: Signature) -> bool:
        return (line.name, line.key_id) == (self.name, self.id)

    def _time(self, line: Signature, text: str) -> int | None:
        try:
            return verify_cosignature(self.name, self.public, line, text)
        except SignatureInvalid:
            return None


class Cosigner:
    """A witness's private key. `seed` is 32 secret bytes (RFC 8032).

    Raises NoteMalformed for a name that a note cannot carry, or a seed of another length.
    """

    def __init__(self, name: str, seed: bytes) -> None:
        if not is_name(name):
            raise NoteMalformed("a key name has no spaces and no plus sign")
        if len(seed) != 32:
            raise NoteMalformed("the secret of a witness key has 32 bytes")
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.key = WitnessKey(name, self._key.public_key().public_bytes_raw())

    def cosign(self, text: str, seconds: int) -> Signature:
        """Return the cosignature of a checkpoint's text at a time in seconds since 1970."""
        value = seconds.to_bytes(8, "big") + self._key.sign(cosigned(text, seconds))
        return Signature(self.key.name, self.key.id, value)
