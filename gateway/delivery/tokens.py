"""Signed download addresses: what a token says, and the one way to write it.

A token is base64url without padding over fixed binary fields, then HMAC-SHA-256 over those
fields and the canonical path. It needs no look-up to be checked. Each of these has exactly one
valid spelling: base64url with the spare bits zero, the field layout, the path.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import struct
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from gateway.keys import Key

VERSION = 1
READ = 1
"""The method class of this version: GET and HEAD."""

# version, method class, kind, kid, grant, epoch, subject, not before, expires, jti, sha256, size,
# length of the media type. Times are milliseconds since 1970 UTC; all numbers are big endian.
_HEAD = struct.Struct(">BBBI16sQ16sQQ16s32sQB")
_PATH = struct.Struct(">H")
_LABEL = b"sumun-url-v1\x00"
MAC_BYTES = 32
JTI_BYTES = 16
MAX_TOKEN = 800
MAX_MEDIA_TYPE = 255


class Kind(IntEnum):
    """What the subject of a token is: a dataset version's item, or an export's content."""

    ITEM = 1
    EXPORT = 2


class TokenInvalid(Exception):
    """The token is malformed or forged; which of the two is nobody's business."""


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token grants: one object, to whoever carries it, while the grant lives.

    `subject_id` is the version's or export's id, by `kind`. The window [not_before_ms,
    expires_ms) is in milliseconds since 1970 UTC. `sha256` is hex, `size` bytes.
    """

    kind: Kind
    grant_id: uuid.UUID
    epoch: int
    subject_id: uuid.UUID
    not_before_ms: int
    expires_ms: int
    jti: bytes
    sha256: str
    size: int
    media_type: str


def seal(claims: Claims, path: str, key: Key) -> str:
    """The token of `claims` for the canonical `path`, signed with `key`."""
    fields = _pack(claims, int(key.kid))
    return _encode(fields + _mac(key, fields, path))


def unseal(token: str, path: str, keys: Iterable[Key]) -> Claims:
    """The claims of a token that one of `keys` signed for exactly this canonical `path`.

    Raises TokenInvalid. Times are not looked at.
    """
    raw = _decode(token)
    if len(raw) < _HEAD.size + MAC_BYTES:
        raise TokenInvalid
    fields, mac = raw[:-MAC_BYTES], raw[-MAC_BYTES:]
    kid, claims = _unpack(fields)
    key = next((key for key in keys if key.kid == str(kid)), None)
    if key is None or not hmac.compare_digest(mac, _mac(key, fields, path)):
        raise TokenInvalid
    return claims


def _pack(claims: Claims, kid: int) -> bytes:
    media = claims.media_type.encode("ascii")
    head = _HEAD.pack(
        VERSION,
        READ,
        claims.kind,
        kid,
        claims.grant_id.bytes,
        claims.epoch,
        claims.subject_id.bytes,
        claims.not_before_ms,
        claims.expires_ms,
        claims.jti,
        bytes.fromhex(claims.sha256),
        claims.size,
        len(media),
    )
    return head + media


def _unpack(fields: bytes) -> tuple[int, Claims]:
    version, method, kind, kid, grant, epoch, subject, start, end, jti, digest, size, length = (
        _HEAD.unpack_from(fields)
    )
    media = fields[_HEAD.size :]
    known = (version, method) == (VERSION, READ) and kind in Kind.__members__.values()
    if not known or len(media) != length or not media.isascii():
        raise TokenInvalid
    claims = Claims(
        Kind(kind),
        uuid.UUID(bytes=grant),
        epoch,
        uuid.UUID(bytes=subject),
        start,
        end,
        jti,
        digest.hex(),
        size,
        media.decode("ascii"),
    )
    return kid, claims


def _mac(key: Key, fields: bytes, path: str) -> bytes:
    name = path.encode()
    message = _LABEL + fields + _PATH.pack(len(name)) + name
    return hmac.new(key.material, message, hashlib.sha256).digest()


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def _decode(token: str) -> bytes:
    if not token or len(token) > MAX_TOKEN or not token.isascii():
        raise TokenInvalid
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise TokenInvalid from None
    # Spare bits and foreign alphabets decode to the same bytes; only one spelling is ours.
    if _encode(raw) != token:
        raise TokenInvalid
    return raw
