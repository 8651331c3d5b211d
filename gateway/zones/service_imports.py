"""Imports: asked for by the person, decided and carried in by staff who are somebody else.

The gate does not take the file itself: an approval is bound to its SHA-256, and staff compare the
carrier with it before anything is copied into the zone.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from sqlalchemy.orm import Session

from gateway import ids
from gateway.access import service as access
from gateway.access.ask import Ask, Intent
from gateway.access.grants import checked_reason
from gateway.access.grounds import grounds_in
from gateway.applications.service_transaction import Refused, transact
from gateway.errors import Problem, ProblemCode
from gateway.identity import rules
from gateway.journal import Act, Actor, Outcome
from gateway.runtime import Runtime
from gateway.web.idempotency import Answer, Attempt, replay_or_run
from gateway.zones.events import Named, entry, named
from gateway.zones.models import ZoneImport
from gateway.zones.service_bookings import own_grant
from gateway.zones.service_facts import zone_facts
from gateway.zones.service_sessions import expect_another, inside, judge, require_staff
from gateway.zones.service_zones import is_for, not_here, open_zone
from policies.vocabulary import Action, ImportState

NAME_LENGTH = 200
CHANGED = "IMPORT_CONTENT_CHANGED"
CREATED = 201


@dataclass(frozen=True, slots=True)
class NewImport:
    """A file to be brought in: its name, `bytes`, hex SHA-256, and what it is needed for."""

    zone: str
    grant_id: uuid.UUID
    name: str
    bytes: int
    sha256: str
    reason: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What staff decide, with the note that the person reads."""

    approve: bool
    note: str


def request_import(
    runtime: Runtime, actor: Actor, new: NewImport, attempt: Attempt | None = None
) -> uuid.UUID:
    """Ask to bring a file into a zone; returns the request's id.

    Raises Problem NOT_FOUND as booking does, ACCESS_DENIED with every blocker when it could not
    be brought in even after approval, VALIDATION_FAILED (name, reason).
    """
    name, reason = rules.line("name", new.name, NAME_LENGTH), checked_reason(new.reason)
    with runtime.db.read() as session:
        grant, zone = own_grant(session, actor, new.grant_id), open_zone(session, new.zone)
        if not is_for(session, zone.id, grant.dataset_id):
            raise not_here()
        facts = inside(session, grant.id, runtime.clock.now(), ImportState.APPROVED)
    ask = Ask(Action.IMPORT_TO_ZONE, person_id=actor.person_id, grant_id=grant.id, zone=facts)
    gathered, decision = access.consider(runtime, ask)
    if not decision.allowed:
        access.refuse(runtime, actor, gathered, decision, Intent(detail={"zone": zone.slug}))
    row = ZoneImport(
        id=ids.new(runtime.clock),
        zone_id=zone.id,
        grant_id=grant.id,
        person_id=grant.person_id,
        name=name,
        bytes=new.bytes,
        sha256=new.sha256,
        reason=reason,
        state=ImportState.SUBMITTED,
        created_at=runtime.clock.now(),
    )
    return _stored(runtime, actor, row, attempt)


def decide(runtime: Runtime, actor: Actor, import_id: uuid.UUID, given: Verdict) -> None:
    """Approve or reject a request, with a note of 10 characters at least, which the person reads.

    Raises Problem NOT_FOUND for everybody who is not staff of the zone, FORBIDDEN for one's own
    and those of one's research projects, WRONG_STATE when it was decided before,
    VALIDATION_FAILED (note).
    """
    transact(runtime, lambda session: _decide(session, runtime, actor, import_id, given))


def bring_in(runtime: Runtime, actor: Actor, import_id: uuid.UUID, sha256: str) -> None:
    """Staff record that the approved file was brought in; `sha256` is what they computed.

    Raises Problem as `decide`, ACCESS_DENIED with every blocker, CONFLICT when the file is not
    the one that was approved.
    """
    transact(runtime, lambda session: _bring_in(session, runtime, actor, import_id, sha256))


def _stored(runtime: Runtime, actor: Actor, row: ZoneImport, attempt: Attempt | None) -> uuid.UUID:
    def run() -> Answer:
        session.add(row)
        session.flush()
        event = entry(actor, Act.ZONE_IMPORT_REQUESTED, named(session, row))
        runtime.journal.record(session, event)
        return Answer(CREATED, {"id": str(row.id)})

    with runtime.db.write() as session:
        answer = replay_or_run(session, runtime.clock, attempt, run) if attempt else run()
    return uuid.UUID(answer.body["id"])


def _decide(
    session: Session, runtime: Runtime, actor: Actor, import_id: uuid.UUID, given: Verdict
) -> None:
    reason = checked_reason(given.note)
    about, row = _for_staff(session, runtime, actor, import_id)
    _expect(row.state == ImportState.SUBMITTED)
    row.state = ImportState.APPROVED if given.approve else ImportState.REJECTED
    row.decided_by, row.decided_at = actor.person_id, runtime.clock.now()
    row.decision_note = reason
    act = Act.ZONE_IMPORT_APPROVED if given.approve else Act.ZONE_IMPORT_REJECTED
    session.flush()
    runtime.journal.record(session, entry(actor, act, about))


def _bring_in(
    session: Session, runtime: Runtime, actor: Actor, import_id: uuid.UUID, sha256: str
) -> None:
    about, row = _for_staff(session, runtime, actor, import_id)
    _expect(row.brought_in_at is None)
    state, now = ImportState(row.state), runtime.clock.now()
    facts = zone_facts(session, now, row.grant_id, zone_id=row.zone_id, zone_import=state)
    judged = judge(runtime, actor, about, Action.IMPORT_TO_ZONE, facts)
    if sha256 != row.sha256:
        raise _changed(actor, about)
    row.brought_in_by, row.brought_in_at = actor.person_id, now
    session.flush()
    told = grounds_in(session, runtime, judged.facts, judged.decision)
    runtime.journal.record(session, entry(actor, Act.ZONE_IMPORT_BROUGHT_IN, about, detail=told))


def _for_staff(
    session: Session, runtime: Runtime, actor: Actor, import_id: uuid.UUID
) -> tuple[Named, ZoneImport]:
    row = session.get(ZoneImport, import_id, with_for_update=True)
    if row is None:
        raise import_not_found()
    about = require_staff(session, runtime, actor, row)
    expect_another(session, actor, about)
    return about, row


def _changed(actor: Actor, about: Named) -> Refused:
    denial = entry(actor, Act.ACCESS_DECIDED, about, outcome=Outcome.DENY, reason=CHANGED)
    problem = Problem(
        ProblemCode.CONFLICT,
        "승인된 파일과 SHA-256이 다릅니다. 승인된 파일만 반입할 수 있습니다.",
        "The SHA-256 is not that of the approved file. Only the approved file is brought in.",
        field="sha256",
    )
    return Refused(problem, denial)


def import_not_found() -> Problem:
    """The answer for an import that does not exist, or is none of one's business."""
    return Problem(
        ProblemCode.NOT_FOUND, "해당 반입 신청이 없습니다.", "There is no such import request."
    )


def _expect(holds: bool) -> None:
    if not holds:
        raise Problem(
            ProblemCode.WRONG_STATE,
            "이 반입 신청의 현재 상태에서는 할 수 없습니다.",
            "The import request is not in a state that allows this.",
        )
