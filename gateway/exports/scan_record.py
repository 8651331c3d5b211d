"""Writes what the scan of an export found, and what follows from it, in one transaction."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from sqlalchemy.orm import Session

from gateway.access import quota
from gateway.catalog.models import Dataset
from gateway.exports.events import Named, entry, named
from gateway.exports.failure import Failure
from gateway.exports.holding import PASSING
from gateway.exports.models import Export, ExportKind, ExportState
from gateway.exports.reviewers import origins
from gateway.jobs import queue
from gateway.jobs.queue import Leased
from gateway.journal import Act, Actor, Outcome
from gateway.runtime import Runtime
from gateway.scanning.models import Scan
from gateway.scanning.record import store_scan
from gateway.scanning.tally import Tally
from policies.vocabulary import Delivery

OPEN = frozenset({ExportState.SUBMITTED, ExportState.SCANNING})
NEEDS_REVIEW = "OUTPUT_REVIEW_PENDING"


@dataclass(frozen=True, slots=True)
class Work:
    """What one job handles, as it stood when the job began."""

    export_id: uuid.UUID
    kind: ExportKind
    grant_id: uuid.UUID
    version_id: uuid.UUID | None
    patterns: tuple[str, ...]
    content_sha256: str | None
    bytes: int
    declared: frozenset[str]
    sensitivity: str


@dataclass(frozen=True, slots=True)
class Content:
    """The ZIP file that was scanned, and the digest of its list of members."""

    sha256: str
    size: int
    items: int
    manifest_sha256: str | None


def begin(runtime: Runtime, leased: Leased) -> Work | None:
    """Mark the export as being scanned; None when an earlier attempt has concluded it."""
    with runtime.db.write() as session:
        export = _locked(session, leased)
        if export.state not in OPEN:
            return None
        if export.state != ExportState.SCANNING:
            _turn(runtime, export, ExportState.SCANNING)
        dataset = session.get_one(Dataset, export.dataset_id)
        return Work(
            export.id,
            ExportKind(export.kind),
            export.grant_id,
            export.version_id,
            tuple(export.patterns),
            export.content_sha256,
            export.bytes,
            frozenset(dataset.declared),
            dataset.sensitivity,
        )


def conclude(runtime: Runtime, leased: Leased, content: Content, tally: Tally) -> None:
    """Store scan and verdict, release or hold, and end the job, all in one transaction."""
    with runtime.db.write() as session:
        export = _locked(session, leased)
        if export.state in OPEN:
            export.content_sha256, export.bytes = content.sha256, content.size
            export.manifest_sha256, export.items = content.manifest_sha256, content.items
            scan = store_scan(session, runtime.clock, f"export:{export.id}", content.sha256, tally)
            export.scan_id = scan.id
            _apply(runtime, session, named(session, export), scan)
        queue.complete(session, runtime.clock, leased)


def fail(runtime: Runtime, leased: Leased, failure: Failure) -> None:
    """End an export that cannot be finished; what a package took of the quota comes back."""
    with runtime.db.write() as session:
        export = _locked(session, leased)
        if export.state in OPEN:
            if export.kind == ExportKind.PACKAGE:
                quota.give_back(session, export.grant_id, export.bytes)
            export.failure = failure
            _turn(runtime, export, ExportState.FAILED)
            event = entry(
                Actor.system(),
                Act.EXPORT_FAILED,
                named(session, export),
                outcome=Outcome.FAILURE,
                reason=str(failure),
            )
            runtime.journal.record(session, event)
        queue.complete(session, runtime.clock, leased)


def release(runtime: Runtime, session: Session, actor: Actor, about: Named) -> None:
    """Let the export's owner fetch it, with its event."""
    about.export.released_at = runtime.clock.now()
    _turn(runtime, about.export, ExportState.RELEASED)
    detail = {"bytes": about.export.bytes, "items": about.export.items}
    runtime.journal.record(session, entry(actor, Act.EXPORT_RELEASED, about, detail=detail))


def _locked(session: Session, leased: Leased) -> Export:
    export_id = uuid.UUID(leased.payload["export_id"])
    return session.get_one(Export, export_id, with_for_update=True)


def _turn(runtime: Runtime, export: Export, state: ExportState) -> None:
    export.state, export.turn_since = state, runtime.clock.now()


def _apply(runtime: Runtime, session: Session, about: Named, scan: Scan) -> None:
    detail = {
        "verdict": str(scan.verdict),
        "ruleset": scan.ruleset,
        "files": scan.files,
        "bytes": scan.bytes,
        "counts": scan.counts,
    }
    system = Actor.system()
    runtime.journal.record(session, entry(system, Act.EXPORT_SCANNED, about, detail=detail))
    at_a_seat = [dataset.slug for dataset in origins(session, about.export)]
    reason = _why_held(about, scan, at_a_seat)
    if reason is None:
        release(runtime, session, system, about)
        return
    _turn(runtime, about.export, ExportState.HELD)
    told = {"safe_zone_data": at_a_seat} if at_a_seat else None
    held = entry(system, Act.EXPORT_HELD, about, reason=reason, detail=told)
    runtime.journal.record(session, held)


def _why_held(about: Named, scan: Scan, at_a_seat: list[str]) -> str | None:
    """Nothing leaves a safe zone without a person's yes, whatever the scan says, nor whatever
    grant is named for what was handed in from there."""
    if scan.verdict not in PASSING:
        return str(scan.verdict)
    result = about.export.kind == ExportKind.RESULT
    zone = about.dataset.delivery == Delivery.SAFE_ZONE
    return NEEDS_REVIEW if at_a_seat or (result and zone) else None
