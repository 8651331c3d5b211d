"""Per-person keys and keyed tokens: the cryptography behind erasable, searchable leaves.

Each person has one AES-256-GCM key, wrapped under the key-encryption key in `audit_person_keys`.
Tokens are HMAC-SHA-256 under the look-up key, cut to 128 bits, domain-separated. The same
look-up key derives the MAC keys of the outbox and of the key rows.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from audit.dbapi import Sql
from audit.entropy import random_bytes
from audit.errors import LogUnavailable, SealBroken
from audit.event import Domain

KEY_BYTES = 32
_NONCE_BYTES = 12
_CACHED_PEOPLE = 4096

_SELECT = (
    "SELECT wrapped, created_ms, destroyed_ms, mac FROM audit_person_keys WHERE person_token = ?"
)
_INSERT = (
    "INSERT INTO audit_person_keys (person_token, wrapped, created_ms, destroyed_ms, mac) "
    "VALUES (?, ?, ?, NULL, ?) ON CONFLICT (person_token) DO NOTHING"
)
_DESTROY = (
    "UPDATE audit_person_keys SET wrapped = ?, destroyed_ms = ?, mac = ? "
    "WHERE person_token = ? AND destroyed_ms IS NULL"
)


class KeyVault:
    """Tokens, MACs and person keys. Safe to share between threads.

    `lookup_key` and `wrap_key` are 32 secret bytes each. Unwrapped keys are kept in a bounded
    least-recently-used cache, for sealing only: opening always reads the row, so a destroyed key
    stops opening anything at once.
    """

    def __init__(self, lookup_key: bytes, wrap_key: bytes) -> None:
        if len(lookup_key) != KEY_BYTES or len(wrap_key) != KEY_BYTES:
            raise ValueError("look-up key and key-encryption key have 32 bytes each")
        self._lookup = lookup_key
        self._wrap = AESGCM(wrap_key)
        self._outbox_mac = _derive(lookup_key, b"sumun-audit-outbox-v1")
        self._row_mac = _derive(lookup_key, b"sumun-audit-person-key-v1")
        self._redaction = _derive(lookup_key, b"sumun-audit-redaction-v1")
        self._cache: OrderedDict[str, AESGCM] = OrderedDict()
        self._lock = threading.Lock()
        # One event asks for the same person's token several times, and people come again.
        self._token = lru_cache(maxsize=2 * _CACHED_PEOPLE)(self._compute_token)

    def token(self, domain: Domain, value: str) -> str:
        """Return the keyed token of a value in a domain: 32 hexadecimal digits."""
        return self._token(domain, value)

    def _compute_token(self, domain: Domain, value: str) -> str:
        message = domain.value.encode() + b"\0" + value.encode()
        return hmac.digest(self._lookup, message, "sha256")[:16].hex()

    def outbox_mac(self, queued_ns: int, event_id: str, leaf: bytes) -> bytes:
        """Return the MAC that makes an edit of an outbox row visible."""
        return _mac(self._outbox_mac, b"row", str(queued_ns).encode(), event_id.encode(), leaf)

    def promise_mac(self, event_id: str) -> bytes:
        """Return the MAC of the promise that an outbox row exists for this event."""
        return _mac(self._outbox_mac, b"promise", event_id.encode())

    def redaction_key(self, bundle: str, index: int) -> bytes:
        """Return the key (32 bytes) under which one entry is redacted in one evidence bundle."""
        return _mac(self._redaction, bundle.encode(), str(index).encode())

    def cached(self, token: str) -> AESGCM | None:
        """Return a person's key if this process holds it."""
        with self._lock:
            key = self._cache.get(token)
            if key is not None:
                self._cache.move_to_end(token)
            return key

    def remember(self, token: str, key: AESGCM) -> None:
        """Cache a key whose row is known to be committed."""
        with self._lock:
            self._cache[token] = key
            if len(self._cache) > _CACHED_PEOPLE:
                self._cache.popitem(last=False)

    def forget(self, token: str) -> None:
        """Drop a destroyed key from this process."""
        with self._lock:
            self._cache.pop(token, None)

    def load(self, sql: Sql, token: str) -> KeyRow | None:
        """Return a person's key row, authenticated, or None. Raises SealBroken if altered."""
        row = sql.one(_SELECT, (token,))
        return None if row is None else self.open_row(token, row)

    def open_row(self, token: str, row: Iterable[object]) -> KeyRow:
        """Authenticate (wrapped, created_ms, destroyed_ms, mac). Raises SealBroken."""
        wrapped, created_ms, destroyed_ms, mac = row
        if not isinstance(wrapped, bytes) or not isinstance(mac, bytes):
            raise SealBroken(f"the key row of {token} is damaged")
        if not hmac.compare_digest(mac, self._mac_row(token, wrapped, created_ms, destroyed_ms)):
            raise SealBroken(f"the key row of {token} was altered")
        if destroyed_ms is not None:
            return KeyRow(None, int(str(destroyed_ms)))
        try:
            data_key = self._wrap.decrypt(
                wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], _wrap_aad(token)
            )
        except (InvalidTag, ValueError) as error:
            raise SealBroken(f"the key of {token} does not open under this wrap key") from error
        return KeyRow(AESGCM(data_key), None)

    def create(self, sql: Sql, token: str, now_ms: int) -> KeyRow:
        """Insert a key for a person unless another transaction was first; return the winner."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        data_key = AESGCM.generate_key(bit_length=256)
        wrapped = nonce + self._wrap.encrypt(nonce, data_key, _wrap_aad(token))
        mac = self._mac_row(token, wrapped, now_ms, None)
        sql.run(_INSERT, (token, wrapped, now_ms, mac))
        row = self.load(sql, token)
        if row is None:
            raise LogUnavailable("a person key was created but cannot be read back")
        return row

    def destroy(self, sql: Sql, person_id: str, time_ms: int) -> bool:
        """Destroy a person's key in the caller's transaction; False if there was none alive.

        The caller records `subject.erased` with this person as subject and the same `time_ms` in
        the same transaction: the verifier demands the pair.
        """
        token = self.token(Domain.PERSON, person_id)
        row = sql.one(_SELECT, (token,))
        if row is None:
            return False
        mac = self._mac_row(token, b"", row[1], time_ms)
        self.forget(token)
        return sql.run(_DESTROY, (b"", time_ms, mac, token)) == 1

    def _mac_row(self, token: str, wrapped: bytes, created: object, destroyed: object) -> bytes:
        times = f"{created}|{destroyed}".encode()
        return _mac(self._row_mac, token.encode(), wrapped, times)


class KeyRow:
    """A person's key: alive (`key`) or destroyed at `destroyed_ms`."""

    __slots__ = ("destroyed_ms", "key")

    def __init__(self, key: AESGCM | None, destroyed_ms: int | None) -> None:
        self.key = key
        self.destroyed_ms = destroyed_ms


class KeyRing:
    """The keys one event needs, already in hand: encoding then touches no database."""

    def __init__(self, vault: KeyVault, keys: Mapping[str, AESGCM | None]) -> None:
        self._vault = vault
        self._keys = keys

    def token(self, domain: Domain, value: str) -> str:
        """Return the keyed token of a value in a domain."""
        return self._vault.token(domain, value)

    def seal(self, person_id: str, plaintext: bytes, aad: bytes) -> bytes | None:
        """Return nonce and ciphertext under the person's key, or None if it is destroyed."""
        key = self._keys[self._vault.token(Domain.PERSON, person_id)]
        if key is None:
            return None
        nonce = random_bytes(_NONCE_BYTES)
        return nonce + key.encrypt(nonce, plaintext, aad)


class VaultReader:
    """Opens sealed fields through a connection; satisfies `audit.event.Opener`."""

    def __init__(self, vault: KeyVault, sql: Sql) -> None:
        self._vault = vault
        self._sql = sql

    def unseal(self, person_token: str, box: bytes, aad: bytes) -> bytes | None:
        """Return the plaintext, or None when the key is destroyed. Raises SealBroken."""
        row = self._vault.load(self._sql, person_token)
        if row is None:
            raise SealBroken(f"there is no key row for {person_token}")
        if row.key is None:
            return None
        try:
            return row.key.decrypt(box[:_NONCE_BYTES], box[_NONCE_BYTES:], aad)
        except (InvalidTag, ValueError) as error:
            raise SealBroken(f"a field sealed for {person_token} was altered") from error


def _derive(key: bytes, label: bytes) -> bytes:
    return hmac.digest(key, label, "sha256")


def _mac(key: bytes, *parts: bytes) -> bytes:
    """HMAC over length-prefixed parts, so that no two splits give the same message."""
    message = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
    return hmac.new(key, message, hashlib.sha256).digest()


def _wrap_aad(token: str) -> bytes:
    return b"sumun-person-key-v1|" + token.encode()
