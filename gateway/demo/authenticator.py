"""A passkey in software, for the demonstration and for tests: real keys, real signatures."""

from __future__ import annotations

import hashlib
import json
import os
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from webauthn.helpers import encode_cbor

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


@dataclass
class Authenticator:
    """One passkey. `origin`, `rp_id` and `verified` are what it claims; `count` what it counts."""

    origin: str = "http://localhost:8400"
    rp_id: str = "localhost"
    verified: bool = True
    count: int = 0
    handle: str = ""
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )
    credential: bytes = field(default_factory=lambda: os.urandom(32))

    def create(self, options: str) -> str:
        """The answer to `navigator.credentials.create`."""
        wanted = json.loads(options)
        self.handle = wanted["user"]["id"]
        point = self.key.public_key().public_numbers()
        cose = {1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32), -3: point.y.to_bytes(32)}
        attested = bytes(16) + len(self.credential).to_bytes(2) + self.credential
        data = self._data(ATTESTED) + attested + encode_cbor(cose)
        statement = {"fmt": "none", "attStmt": {}, "authData": data}
        said = self._client_data("webauthn.create", wanted["challenge"])
        made = encode_cbor(statement)
        return self._answer({"clientDataJSON": _text(said), "attestationObject": _text(made)})

    def get(self, options: str) -> str:
        """The answer to `navigator.credentials.get`; counts one further."""
        self.count += 1
        said = self._client_data("webauthn.get", json.loads(options)["challenge"])
        data = self._data(0)
        signed = data + hashlib.sha256(said).digest()
        response = {
            "clientDataJSON": _text(said),
            "authenticatorData": _text(data),
            "signature": _text(self.key.sign(signed, ec.ECDSA(hashes.SHA256()))),
            "userHandle": self.handle,
        }
        return self._answer(response)

    def _data(self, flags: int) -> bytes:
        flags |= PRESENT | (VERIFIED if self.verified else 0)
        return (
            hashlib.sha256(self.rp_id.encode()).digest() + bytes([flags]) + self.count.to_bytes(4)
        )

    def _client_data(self, kind: str, challenge: str) -> bytes:
        said: dict[str, Any] = {"type": kind, "challenge": challenge, "origin": self.origin}
        return json.dumps(said | {"crossOrigin": False}).encode()

    def _answer(self, response: dict[str, str]) -> str:
        name = _text(self.credential)
        return json.dumps(
            {
                "id": name,
                "rawId": name,
                "type": "public-key",
                "response": response,
                "clientExtensionResults": {},
            }
        )
