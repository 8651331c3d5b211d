"""What pages and API of exports share: cursors, requests, the shapes of answers."""

from __future__ import annotations

import uuid
from typing import Any

from flask import request

from gateway.exports import holding
from gateway.exports.events import entry, named
from gateway.exports.failure import SENTENCES
from gateway.exports.models import Export
from gateway.exports.schemas import (
    Choice,
    DecisionBody,
    DecisionOut,
    ExportDetail,
    ExportOut,
    FindingOut,
)
from gateway.exports.service_decision import Verdicts
from gateway.exports.service_reading import Seen, find_for_steward, findings, see
from gateway.exports.words import turn
from gateway.identity.http import actor, rt
from gateway.journal import Act
from gateway.keys import Purpose
from gateway.scanning.models import FindingRow
from gateway.web.idempotency import HEADER, Attempt
from gateway.web.paging import Cursors, Window

# What one page shows of why an export is held.
FINDINGS = 200


def cursors() -> Cursors:
    """The maker of this gateway's cursors."""
    return Cursors(rt().keys.current(Purpose.CURSOR).material)


def attempt(body: bytes = b"") -> Attempt:
    """This POST, for doing it once."""
    key = request.headers.get(HEADER, "")
    return Attempt(str(actor().person_id), request.path, key, body)


def verdicts(body: DecisionBody) -> Verdicts:
    """The decision that was posted."""
    return Verdicts(body.decision is Choice.RELEASE, body.reason, body.content_sha256)


def visible(export_id: uuid.UUID) -> Seen:
    """The export for its owner, or for a steward, whose look is an event. Raises NOT_FOUND."""
    me = actor()
    with rt().db.read() as session:
        export = session.get(Export, export_id)
        if export is not None and export.person_id == me.person_id:
            return see(session, export)
        export = find_for_steward(session, rt(), me, export_id)
        seen, event = see(session, export), entry(me, Act.EXPORT_VIEWED, named(session, export))
    rt().journal.append(event)
    return seen


def first_findings(seen: Seen) -> list[FindingRow]:
    """The first findings of the export's scan, undeclared ones first."""
    if seen.scan is None:
        return []
    with rt().db.read() as session:
        rows = findings(session, seen.scan, Window(FINDINGS, "first"))
    return list(rows)[:FINDINGS]


def export_out(seen: Seen) -> ExportOut:
    """An export as the API lists it."""
    return ExportOut(**_fields(seen))


def export_detail(seen: Seen) -> ExportDetail:
    """An export as the API shows it to its owner or a steward."""
    found = [
        FindingOut(entity_type=row.entity_type, declared=row.declared, location=row.location)
        for row in first_findings(seen)
    ]
    ko, en = SENTENCES[seen.failure] if seen.failure else ("", "")
    held = [holding.SENTENCES[each] for each in seen.held_because]
    return ExportDetail(
        **_fields(seen),
        findings=found,
        held_ko=" ".join(ko for ko, _en in held),
        held_en=" ".join(en for _ko, en in held),
        failure_ko=ko,
        failure_en=en,
    )


def _fields(seen: Seen) -> dict[str, Any]:
    export, scan = seen.export, seen.scan
    own = {name: getattr(export, name) for name in ExportOut.model_fields if hasattr(export, name)}
    return own | {
        "state": seen.state,
        "turn": turn(seen.state),
        "dataset": seen.dataset.slug,
        "version": seen.label,
        "safe_zone_data": [dataset.slug for dataset in seen.origins],
        "verdict": scan.verdict if scan else None,
        "counts": scan.counts if scan else {},
        "failure": seen.failure,
        "decision": _decision(seen),
    }


def _decision(seen: Seen) -> DecisionOut | None:
    row = seen.decision
    if row is None:
        return None
    choice = Choice.RELEASE if row.approve else Choice.REJECT
    return DecisionOut(decision=choice, reason=row.reason, decided_at=row.decided_at)
