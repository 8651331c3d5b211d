"""What every service works with, opened once per process: database, keys, log, store, rules."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from audit.vault import KeyVault
from gateway.clock import Clock
from gateway.config import Settings
from gateway.db import Database
from gateway.journal import Journal
from gateway.keys import KeyStore
from gateway.storage import Store
from policies.engine import Engine


@dataclass(frozen=True)
class Runtime:
    """The parts that services are given. `engine` parses the rules on first use."""

    settings: Settings
    clock: Clock
    db: Database
    keys: KeyStore
    journal: Journal
    store: Store
    vault: KeyVault

    @cached_property
    def engine(self) -> Engine:
        return Engine.load()

    def close(self) -> None:
        """Stop the log's thread and close every connection."""
        self.journal.log.close()
        self.db.dispose()
