"""Gathers the person keys that one event needs before it is encoded."""

from __future__ import annotations

from audit.dbapi import Sql
from audit.event import Domain, Event, sealed_parts
from audit.vault import KeyRing, KeyVault


def gather_cached(vault: KeyVault, event: Event) -> KeyRing | None:
    """Return a ring from this process's cache, or None if a key is not in it."""
    keys = {}
    for person_id in sealed_parts(event):
        token = vault.token(Domain.PERSON, person_id)
        key = vault.cached(token)
        if key is None:
            return None
        keys[token] = key
    return KeyRing(vault, keys)


def gather(vault: KeyVault, sql: Sql, event: Event) -> KeyRing:
    """Return a ring through the caller's transaction, creating what is missing inside it.

    Nothing is cached: the transaction may roll back and take a new key's row with it.
    """
    keys = {}
    # In order of token, so that two transactions creating the same keys cannot deadlock.
    for token in sorted(vault.token(Domain.PERSON, one) for one in sealed_parts(event)):
        key = vault.cached(token)
        if key is None:
            row = vault.load(sql, token) or vault.create(sql, token, event.time_ms)
            key = row.key
        keys[token] = key
    return KeyRing(vault, keys)
