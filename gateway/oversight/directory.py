"""Who a person token stands for: the log holds keyed tokens, the people's table the accounts."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit.event import Domain
from audit.vault import KeyVault
from gateway.identity.models import Person

# A row becomes visible when its transaction ends, a little after the moment it carries.
OVERLAP = timedelta(hours=1)
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC) + OVERLAP


class Directory:
    """Accounts by token, read once and then only as people are added. Accounts never change.

    Safe to share between threads.
    """

    def __init__(self, vault: KeyVault) -> None:
        self._vault = vault
        self._accounts: dict[str, str] = {}
        self._until = BEGINNING
        self._lock = threading.Lock()

    def accounts(self, session: Session, tokens: Iterable[str]) -> dict[str, str]:
        """The account of each token that belongs to a person with an account."""
        wanted = set(tokens)
        with self._lock:
            if not wanted <= self._accounts.keys():
                self._read_new(session)
            return {token: self._accounts[token] for token in wanted & self._accounts.keys()}

    def _read_new(self, session: Session) -> None:
        since = self._until - OVERLAP
        rows = session.execute(
            select(Person.id, Person.account, Person.created_at).where(Person.created_at >= since)
        )
        for person_id, account, created_at in rows:
            self._accounts[self._vault.token(Domain.PERSON, str(person_id))] = account
            self._until = max(self._until, created_at)
