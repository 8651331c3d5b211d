"""The job that scans a version before it may open. Runs in the worker.

At least once: it reads the manifest the job names, and writes its verdict and the job's end in
one transaction. If the version has another manifest by then, the verdict is not used.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.catalog import manifest, verdicts
from gateway.catalog.items import Item
from gateway.catalog.models import Dataset, DatasetVersion
from gateway.catalog.seen_contents import SeenContents
from gateway.catalog.service_versions import version_entry
from gateway.jobs import queue
from gateway.jobs.queue import Leased
from gateway.journal import Act, Actor
from gateway.runtime import Runtime
from gateway.scanning.model import FileReport, Reason, unscannable_report
from gateway.scanning.models import Scan
from gateway.scanning.record import store_scan
from gateway.scanning.shared import Scans, warm_scanner
from gateway.scanning.tally import Tally
from gateway.storage import ObjectMissing, Store
from policies.vocabulary import Sensitivity, VersionState

CONFINED_ONLY = frozenset({Sensitivity.SENSITIVE, Sensitivity.CRITICAL})


@dataclass(frozen=True, slots=True)
class Subject:
    """What one job scans, as it stood when the job began."""

    version_id: uuid.UUID
    manifest_sha256: str
    index_sha256: str | None
    sensitivity: str
    declared: frozenset[str]


def scan_version(
    runtime: Runtime,
    leased: Leased,
    open_scanner: Callable[[], AbstractContextManager[Scans]] = warm_scanner,
) -> None:
    """Scan the version that the job names and record the verdict; twice is harmless.

    Raises StoreUnavailable, ManifestBroken or ScanError: then the job is tried again.
    """
    subject = _subject(runtime, leased)
    if subject is None:
        return
    _ensure_index(runtime, subject)
    tally = Tally(subject.declared)
    with open_scanner() as scanner:
        _inspect(runtime.store, subject, scanner, tally)
        if subject.sensitivity in CONFINED_ONLY and not scanner.confined:
            tally.note_unconfined()
    _conclude(runtime, leased, subject, tally)


def _subject(runtime: Runtime, leased: Leased) -> Subject | None:
    """What to scan, or None if the version has moved on since the job was made."""
    version_id = uuid.UUID(leased.payload["version_id"])
    with runtime.db.read() as session:
        version = session.get(DatasetVersion, version_id)
        if version is None or not _is_wanted(version, leased.payload["manifest_sha256"]):
            return None
        dataset = session.get_one(Dataset, version.dataset_id)
    return Subject(
        version_id,
        leased.payload["manifest_sha256"],
        version.index_sha256,
        dataset.sensitivity,
        frozenset(dataset.declared),
    )


def _is_wanted(version: DatasetVersion, manifest_sha256: str) -> bool:
    return version.manifest_sha256 == manifest_sha256 and version.state in {
        VersionState.SCANNING,
        VersionState.RELEASED,
    }


def _ensure_index(runtime: Runtime, subject: Subject) -> None:
    """Build the look-up file anew when it is lost: the manifest holds everything it needs."""
    if subject.index_sha256 and runtime.store.exists(subject.index_sha256):
        return
    items = manifest.read(runtime.store, subject.manifest_sha256)
    index = manifest.write_index(runtime.store, items)
    with runtime.db.write() as session:
        version = session.get_one(DatasetVersion, subject.version_id, with_for_update=True)
        if version.manifest_sha256 == subject.manifest_sha256:
            version.index_sha256 = index.sha256


def _inspect(store: Store, subject: Subject, scanner: Scans, tally: Tally) -> None:
    with closing(SeenContents()) as seen:
        for item in manifest.read(store, subject.manifest_sha256):
            tally.count(item.size)
            if seen.first_time(item):
                tally.add(_report(store, scanner, item))


def _report(store: Store, scanner: Scans, item: Item) -> FileReport:
    try:
        with _local(store, item) as path:
            return scanner.scan(path, item.path)
    except ObjectMissing:
        return unscannable_report(item.path, item.size, Reason.UNREADABLE)


@contextmanager
def _local(store: Store, item: Item) -> Iterator[Path]:
    """The object as a local file: where it lies, or a copy for as long as it is read."""
    stored = store.local_path(item.sha256)
    if stored is not None:
        if not stored.exists():
            raise ObjectMissing(item.sha256)
        yield stored
        return
    with store.stage() as staging:
        store.fetch(item.sha256, item.size, staging)
        yield staging.finish().path


def _conclude(runtime: Runtime, leased: Leased, subject: Subject, tally: Tally) -> None:
    with runtime.db.write() as session:
        version = session.get_one(DatasetVersion, subject.version_id, with_for_update=True)
        if _is_wanted(version, subject.manifest_sha256):
            name = f"version:{subject.version_id}"
            scan = store_scan(session, runtime.clock, name, subject.manifest_sha256, tally)
            _apply(runtime, session, version, scan)
        queue.complete(session, runtime.clock, leased)


def _apply(runtime: Runtime, session: Session, version: DatasetVersion, scan: Scan) -> None:
    """Set the version's state by the verdict, and record both events."""
    version.scan_id, version.ruleset = scan.id, scan.ruleset
    version.scanned_manifest = scan.content_sha256
    passed = verdicts.passes(scan)
    if not passed:
        version.state = VersionState.HELD
    elif version.state == VersionState.SCANNING:
        version.state = VersionState.DRAFT
    dataset = session.scalars(select(Dataset).where(Dataset.id == version.dataset_id)).one()
    for act in (Act.VERSION_SCANNED, *(() if passed else (Act.VERSION_HELD,))):
        detail = {
            "verdict": str(scan.verdict),
            "ruleset": scan.ruleset,
            "files": scan.files,
            "bytes": scan.bytes,
            "counts": scan.counts,
        }
        event = version_entry(Actor.system(), act, dataset, version, detail=detail)
        runtime.journal.record(session, event)
