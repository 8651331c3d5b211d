"""Checks every part a home depends on, and says how to mend each."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from audit.dbapi import Dialect, Sql
from audit.errors import AuditError
from audit.policy_file import NONE
from audit.schema.present import missing_triggers
from gateway import schema
from gateway.agreements.carried import check_files
from gateway.clock import SystemClock
from gateway.config import Settings
from gateway.db import Database
from gateway.emergency.reading import alarm
from gateway.errors import OperatorError
from gateway.identity.federation.directory import fetch_keys, fetch_metadata
from gateway.identity.federation.refusals import Refused
from gateway.keys import KeyStore
from gateway.policy.loading import in_force
from gateway.provider_settings import IdentityProvider
from gateway.scanning.sandbox import protections
from gateway.storage import Store, StoreUnavailable
from gateway.visa_settings import VisaIssuer
from gateway.witnessing import policy_file
from gateway.witnessing.quorum import quorum

EXTRAS = {"server": "flask", "scan": "presidio-analyzer"}
MIN_FREE_BYTES = 1 << 30
# Always the same bytes, so that asking often leaves one small object and not many.
PROBE = b"sumun doctor"
EARLIEST_BELIEVABLE = 1_767_225_600  # 2026-01-01; a clock before the program was written is wrong


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at. `mend` says what to do when `ok` is False."""

    name: str
    ok: bool
    found: str
    mend: str = ""


def examine(settings: Settings) -> Iterator[Check]:
    """Every check, in the order in which later ones depend on earlier ones."""
    yield from _packages()
    yield _clock()
    yield _disk(settings.home)
    yield _guarded("keys", lambda: _keys(settings), "restore the keys folder from its backup")
    yield _guarded("database", lambda: _database(settings), "run: sumun db upgrade")
    mend = "restore what was changed; see docs/agreements.md"
    yield _guarded("agreements", lambda: _agreements(settings), mend)
    mend = "restore a backup, or put another release in force; see docs/policies.md"
    yield _guarded("rules", lambda: _release(settings), mend)
    mend = "find out who did it, run sumun audit verify, then see docs/operations.md"
    yield _guarded("log rules", lambda: _rules(settings), mend)
    yield _guarded("store", lambda: _store(settings), "check SUMUN_STORAGE_URL and its permissions")
    mend = "an auditor reviews them at /emergency; end those that nobody needs"
    yield _guarded("emergencies", lambda: _emergencies(settings), mend)
    mend = "mend the file; see docs/witnesses.md"
    yield _guarded("witnesses", lambda: _witnesses(settings), mend)
    mend = "run: sumun audit witness ask; then ask those who run the witnesses that did not sign"
    yield _guarded("witness quorum", lambda: _quorum(settings), mend)
    for provider in settings.identity_providers:
        mend = "check the table in sumun.toml and the network; see docs/federation.md"
        found = partial(_provider, provider)
        yield _guarded(f"identity provider {provider.id}", found, mend)
    for issuer in settings.visa_issuers:
        mend = "check the table in sumun.toml and the network; see docs/passports.md"
        yield _guarded(f"visa issuer {issuer.id}", partial(_visa_issuer, issuer), mend)
    for protection in protections():
        yield Check(
            f"sandbox: {protection.name}",
            protection.available,
            protection.detail,
            "sensitive files are held until this host offers it; see docs/scanning.md",
        )


def _packages() -> Iterator[Check]:
    for extra, package in EXTRAS.items():
        try:
            found = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found = ""
        mend = f"pip install 'sumun[{extra}]'"
        yield Check(f"extra {extra}", bool(found), f"{package} {found or 'missing'}", mend)


def _clock() -> Check:
    now = int(time.time())
    good = now > EARLIEST_BELIEVABLE
    return Check("clock", good, time.strftime("%F %T %Z", time.gmtime(now)), "start an NTP client")


def _disk(home: Path) -> Check:
    existing = next(folder for folder in (home, *home.parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    good = free > MIN_FREE_BYTES and os.access(existing, os.W_OK)
    return Check("disk", good, f"{free >> 20} MiB free at {existing}", "free space, or move HOME")


def _keys(settings: Settings) -> str:
    KeyStore(settings.keys).check()
    return f"{settings.keys}, readable by its owner only"


def _database(settings: Settings) -> str:
    with _opened(settings) as db:
        current = schema.current(db)
    if current != schema.head():
        raise OperatorError(f"revision {current}, newest {schema.head()}")
    return f"{db.dialect}, revision {current}"


@contextmanager
def _opened(settings: Settings) -> Iterator[Database]:
    db = Database(settings.database)
    try:
        yield db
    finally:
        db.dispose()


def _agreements(settings: Settings) -> str:
    with _opened(settings) as db:
        return f"{check_files(db)} versions, as on record"


def _release(settings: Settings) -> str:
    with _opened(settings) as db:
        return f"release {in_force(db).release[:12]} is whole"


def _rules(settings: Settings) -> str:
    """The triggers that keep the log's tables append-only."""
    with _opened(settings) as db, db.read_engine.connect() as connection:
        driver: Any = connection.connection.dbapi_connection
        gone = missing_triggers(Sql(driver, Dialect(db.dialect)))
    if gone:
        raise OperatorError(f"missing, switched off or altered: {', '.join(gone)}")
    return "every table of the log refuses what it must never undergo"


def _emergencies(settings: Settings) -> str:
    """Break-glass access that runs, or that no auditor has reviewed."""
    with _opened(settings) as db, db.read() as session:
        found = alarm(session, SystemClock().now())
    if found.live or found.unreviewed:
        raise OperatorError(f"{found.live} open now, {found.unreviewed} wait for a review")
    return "none is open, none waits for a review"


def _store(settings: Settings) -> str:
    store = Store.open(settings)
    digest = store.put(PROBE)
    if store.read(digest, 0, len(PROBE)) != PROBE:
        raise OperatorError("what was written was not read back")
    return f"{settings.storage}, written and read back"


def _witnesses(settings: Settings) -> str:
    policy = policy_file.load(settings)
    if policy.quorum == NONE:
        return "no quorum is asked for: nobody outside confirms this log"
    return f"{len(policy.witnesses)} witnesses, quorum {policy.quorum}"


def _quorum(settings: Settings) -> str:
    with _opened(settings) as db:
        found = quorum(db, settings, SystemClock().now())
    if not found.met:
        raise OperatorError(found.words)
    return found.words


def _provider(provider: IdentityProvider) -> str:
    """Its secret is there; its metadata and keys are published, and are those of the issuer."""
    provider.secret()
    if not provider.signed:
        return f"{provider.issuer}: signs nothing, publishes nothing to check"
    try:
        metadata = fetch_metadata(provider)
        keys = fetch_keys(provider, metadata.jwks_uri)
    except Refused as error:
        raise OperatorError(str(error)) from error
    return f"{provider.issuer}: metadata and {len(keys)} keys"


def _visa_issuer(issuer: VisaIssuer) -> str:
    """Every address of its keys answers with keys."""
    try:
        found = [len(fetch_keys(issuer, jku)) for jku in issuer.jku]
    except Refused as error:
        raise OperatorError(str(error)) from error
    return f"{issuer.issuer}: {sum(found)} keys"


def _guarded(name: str, check: Callable[[], str], mend: str) -> Check:
    try:
        return Check(name, True, check())
    except (OperatorError, AuditError, StoreUnavailable, SQLAlchemyError, OSError) as error:
        return Check(name, False, str(error).splitlines()[0], mend)
