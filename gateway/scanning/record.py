"""Stores a finished scan with its findings, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from gateway import ids
from gateway.clock import Clock
from gateway.scanning.model import RULESET, UNSCANNABLE
from gateway.scanning.models import FindingRow, Scan
from gateway.scanning.tally import Tally


def store_scan(
    session: Session, clock: Clock, subject: str, content_sha256: str, tally: Tally
) -> Scan:
    """Add the scan of `subject` ("kind:id"), made on the content with this digest."""
    scan = Scan(
        id=ids.new(clock),
        subject=subject,
        content_sha256=content_sha256,
        ruleset=RULESET,
        verdict=tally.verdict,
        files=tally.files,
        bytes=tally.bytes,
        counts=dict(tally.counts),
        finished_at=clock.now(),
    )
    session.add(scan)
    session.flush()
    if tally.kept:
        session.execute(insert(FindingRow), list(_rows(clock, scan, tally)))
    return scan


def _rows(clock: Clock, scan: Scan, tally: Tally) -> Iterator[dict[str, Any]]:
    for found in tally.kept:
        kind = found.entity_type
        yield {
            "id": ids.new(clock),
            "scan_id": scan.id,
            "path": found.path,
            "location": dict(found.location),
            "entity_type": kind,
            "start": found.start,
            "end": found.end,
            "score_permille": found.score_permille,
            "recognizer": found.recognizer,
            "context": found.context,
            "declared": kind in tally.declared and kind != UNSCANNABLE,
        }
