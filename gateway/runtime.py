"""What every service works with, opened once per process: database, keys, log, store, rules."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from audit.vault import KeyVault
from gateway.clock import Clock
from gateway.config import Settings
from gateway.db import Database
from gateway.journal import Journal
from gateway.journal.folding import Folding
from gateway.keys import KeyStore
from gateway.storage import Store
from policies import ontology
from policies.ontology import Ontology


@dataclass(frozen=True)
class Runtime:
    """The parts that services are given. `ontology` is read on first use.

    `folding` counts the refusals that would fill the log if each were written.
    """

    settings: Settings
    clock: Clock
    db: Database
    keys: KeyStore
    journal: Journal
    store: Store
    vault: KeyVault
    folding: Folding

    @cached_property
    def ontology(self) -> Ontology:
        """The operator's disease ontology (`ontology.obo` in the home), else the small one."""
        own = self.settings.home / "ontology.obo"
        return ontology.read(own) if own.exists() else ontology.shipped()

    @cached_property
    def audit_db(self) -> Database:
        """Where auditors read: a read-only role of their own if one is set, else the main one."""
        url = self.settings.audit_database_url
        return Database(url) if url else self.db

    def close(self) -> None:
        """Write the counts that wait, stop the log's thread and close every connection."""
        self.folding.close()
        self.journal.log.close()
        if "audit_db" in self.__dict__:
            self.audit_db.dispose()
        self.db.dispose()
