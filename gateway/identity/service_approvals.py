"""Approvals: what allows a person or a research project more than the rules would.

A separate agreement for foreign nationals, transfer abroad, processing by others, a regulatory
sandbox. They are attestations that a steward registers and ends, each with a reason; nobody gives
one to themself.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway import ids
from gateway.errors import Problem, ProblemCode
from gateway.identity import rules
from gateway.identity.models import (
    EVERYWHERE,
    Attestation,
    AttestationKind,
    Person,
    PersonStatus,
    Role,
)
from gateway.identity.refusals import Part, role_missing
from gateway.identity.service_attestations import ISSUER_LENGTH, REFERENCE_LENGTH
from gateway.identity.service_role_reads import roles_held_by
from gateway.journal import Act, Actor, Entry
from gateway.runtime import Runtime
from gateway.web.paging import Window, keyset
from policies.vocabulary import Approval

KINDS = tuple(AttestationKind(kind) for kind in Approval)


@dataclass(frozen=True, slots=True)
class NewApproval:
    """An approval to register: for one research project, or (None) for all that a person does.

    `issuer` is who approved, `reference` the number of the document; the window is half-open.
    """

    kind: Approval
    person_id: uuid.UUID
    project_id: uuid.UUID | None
    issuer: str
    reference: str
    valid_from: datetime
    valid_until: datetime
    reason: str


def register(session: Session, runtime: Runtime, actor: Actor, new: NewApproval) -> Attestation:
    """Register an approval in the caller's transaction; it counts from `valid_from`.

    Raises Problem 403 without the role or for oneself, 422 naming the field.
    """
    _require_steward(session, runtime, actor)
    _require_another(actor, new.person_id)
    rules.period(new.valid_from, new.valid_until)
    now = runtime.clock.now()
    row = Attestation(
        id=ids.new(runtime.clock),
        kind=AttestationKind(new.kind),
        person_id=new.person_id,
        project_id=new.project_id,
        issuer=rules.line("issuer", new.issuer, ISSUER_LENGTH),
        reference=rules.line("reference", new.reference, REFERENCE_LENGTH),
        valid_from=new.valid_from,
        valid_until=new.valid_until,
        reason=rules.reason(new.reason),
        checked_by=actor.person_id,
        checked_at=now,
        created_at=now,
    )
    session.add(row)
    session.flush()
    runtime.journal.record(session, _entry(actor, Act.APPROVAL_REGISTERED, row))
    return row


def end(
    session: Session, runtime: Runtime, actor: Actor, approval_id: uuid.UUID, reason: str
) -> Attestation:
    """End an approval in the caller's transaction; it bites on the next request.

    Raises Problem 403 as `register` does, 404, 409 when it has ended, 422 for the reason.
    """
    _require_steward(session, runtime, actor)
    row = session.get(Attestation, approval_id, with_for_update=True)
    if row is None or row.kind not in KINDS:
        raise Problem(ProblemCode.NOT_FOUND)
    _require_another(actor, row.person_id)
    if row.ended_at is not None:
        raise Problem(ProblemCode.WRONG_STATE)
    row.end_reason, row.ended_at = rules.reason(reason), runtime.clock.now()
    runtime.journal.record(session, _entry(actor, Act.APPROVAL_ENDED, row))
    return row


def listed(session: Session, window: Window) -> Sequence[tuple[Attestation, Person]]:
    """Up to `window.limit` + 1 approvals that have not been ended, newest first, with whose."""
    statement: Any = (
        select(Attestation, Person)
        .join(Person, Person.id == Attestation.person_id)
        .where(Attestation.kind.in_([str(kind) for kind in KINDS]))
        .where(Attestation.ended_at.is_(None), Person.status != PersonStatus.CLOSED)
    )
    rows = session.execute(keyset(statement, [Attestation.id], window))
    return [(row.Attestation, row.Person) for row in rows]


def _require_steward(session: Session, runtime: Runtime, actor: Actor) -> None:
    """An approval opens every dataset that asks for it, so its steward is one of all of them."""
    held = roles_held_by(session, actor, runtime.clock.now())
    if (Role.STEWARD, EVERYWHERE) not in held:
        raise role_missing(actor, [Role.STEWARD], Part.ALL)


def _require_another(actor: Actor, person_id: uuid.UUID) -> None:
    if actor.person_id == person_id:
        raise Problem(
            ProblemCode.FORBIDDEN,
            "본인에 대한 승인은 다른 데이터 관리 담당자가 등록하거나 끝냅니다.",
            "An approval for yourself is registered and ended by another steward.",
        )


def _entry(actor: Actor, act: Act, row: Attestation) -> Entry:
    scope = "project" if row.project_id else "person"
    return Entry(
        actor,
        act,
        subjects=[row.person_id],
        ref=f"attestation:{row.id}",
        detail={"kind": str(row.kind), "scope": scope},
    )
