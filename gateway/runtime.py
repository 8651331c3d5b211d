"""What every service works with, opened once per process: database, keys, log, store, rules."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit.note import Signer
from audit.sequencer import Log
from audit.vault import Vault
from gateway.clock import Clock, SystemClock, to_ms
from gateway.config import Settings
from gateway.db import Database
from gateway.journal import Journal
from gateway.keys import KeyStore, Purpose
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
    vault: Vault

    @cached_property
    def engine(self) -> Engine:
        return Engine.load()

    def close(self) -> None:
        """Stop the log's thread and close every connection."""
        self.journal.log.close()
        self.db.dispose()


def log_origin(settings: Settings) -> str:
    """The origin line of the log's checkpoints: the public host, then `/log`."""
    return f"{urlsplit(settings.public_url).netloc}/log"


def log_signer(settings: Settings, keys: KeyStore) -> Signer:
    """The Ed25519 signer of the log's checkpoints."""
    seed = keys.current(Purpose.LOG).material
    return Signer(log_origin(settings), Ed25519PrivateKey.from_private_bytes(seed))
