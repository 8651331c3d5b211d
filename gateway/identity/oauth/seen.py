"""Identifiers that count once: remembered in the database, so for every process alike."""

from __future__ import annotations

import hashlib
from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.dialects import postgresql, sqlite

from gateway.identity.oauth.models import SeenIdentifier
from gateway.runtime import Runtime


def first_use(runtime: Runtime, parts: tuple[str, ...], until: datetime) -> bool:
    """Whether these parts are met for the first time; they are remembered until `until`."""
    digest = hashlib.sha256("\x00".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
    dialect = sqlite if runtime.db.sqlite else postgresql
    new = dialect.insert(SeenIdentifier).values(digest=digest, expires_at=until)
    with runtime.db.write() as session:
        session.execute(
            delete(SeenIdentifier).where(SeenIdentifier.expires_at < runtime.clock.now())
        )
        kept = new.on_conflict_do_nothing().returning(SeenIdentifier.digest)
        return session.scalar(kept) is not None
