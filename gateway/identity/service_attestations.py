"""Evidence about a person: training certificates, identity checks, IRB decisions.

The person gives it, a steward compares it with its source; until then it does not count.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ScalarSelect, func, select
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
from gateway.identity.service_role_reads import roles_held_by
from gateway.journal import Act, Actor, Entry
from gateway.runtime import Runtime
from policies.vocabulary import Approval

ISSUER_LENGTH, REFERENCE_LENGTH = 200, 120
_APPROVALS = frozenset(Approval)
HIGHEST_LEVEL = 3


class IrbForm(StrEnum):
    """What an IRB may have decided; each is evidence, from any accredited reviewer."""

    APPROVAL = "approval"
    EXEMPTION = "exemption"
    CONSENT_WAIVER = "consent_waiver"


@dataclass(frozen=True, slots=True)
class NewAttestation:
    """Evidence to add. `level` (1 to 3) is asked of identity checks, `form` of IRB decisions."""

    kind: AttestationKind
    issuer: str
    reference: str
    valid_from: datetime
    valid_until: datetime
    form: IrbForm | None = None
    level: int = 0
    project_id: uuid.UUID | None = None


def add_attestation(runtime: Runtime, actor: Actor, new: NewAttestation) -> Attestation:
    """Add evidence about oneself. Raises Problem 422 naming the field."""
    with runtime.db.write() as session:
        return add_in(session, runtime, actor, new)


def add_in(session: Session, runtime: Runtime, actor: Actor, new: NewAttestation) -> Attestation:
    """The same in the caller's transaction, for an application that brings its evidence."""
    _check(new)
    assert actor.person_id is not None
    row = Attestation(
        id=ids.new(runtime.clock),
        kind=new.kind,
        person_id=actor.person_id,
        project_id=new.project_id,
        form=new.form or "",
        issuer=rules.line("issuer", new.issuer, ISSUER_LENGTH),
        reference=rules.line("reference", new.reference, REFERENCE_LENGTH),
        level=new.level,
        valid_from=new.valid_from,
        valid_until=new.valid_until,
        created_at=runtime.clock.now(),
    )
    session.add(row)
    session.flush()
    runtime.journal.record(session, _entry(actor, Act.ATTESTATION_ADDED, row))
    return row


def check_attestation(runtime: Runtime, actor: Actor, attestation_id: uuid.UUID) -> None:
    """A steward confirms that evidence agrees with its source; an identity check then counts.

    Raises Problem 403 for one's own evidence or without the role, 404 also for evidence of a
    research project, which is confirmed in its review, 409 when checked or ended.
    """
    with runtime.db.write() as session:
        row = _get(session, attestation_id)
        _check_general(session, runtime, actor, row)
        confirm_in(session, runtime, actor, row)


def confirm_in(session: Session, runtime: Runtime, actor: Actor, row: Attestation) -> None:
    """Confirm in the transaction of a caller who has judged that `actor` may, `row` locked.

    Raises Problem 403 for one's own evidence, 409 when checked or ended.
    """
    if row.person_id == actor.person_id:
        raise Problem(
            ProblemCode.FORBIDDEN,
            "자신의 증빙 서류는 확인할 수 없습니다.",
            "Nobody can check their own evidence.",
        )
    if row.checked_at is not None or row.ended_at is not None:
        raise Problem(ProblemCode.WRONG_STATE)
    row.checked_by, row.checked_at = actor.person_id, runtime.clock.now()
    runtime.journal.record(session, _entry(actor, Act.ATTESTATION_CHECKED, row))


def end_attestation(runtime: Runtime, actor: Actor, attestation_id: uuid.UUID) -> None:
    """Take evidence back: by its holder, or by a steward who finds it does not hold.

    Raises Problem 403, 404 also for a steward and evidence of a research project, 409 when it
    has ended.
    """
    with runtime.db.write() as session:
        row = _get(session, attestation_id)
        if row.person_id != actor.person_id:
            _check_general(session, runtime, actor, row)
        if row.ended_at is not None:
            raise Problem(ProblemCode.WRONG_STATE)
        _end(session, runtime, actor, row)


def end_identity_checks(session: Session, runtime: Runtime, actor: Actor, person: Person) -> None:
    """End every identity check of a person, in the caller's transaction."""
    for row in list_attestations(session, person.id):
        if row.kind == AttestationKind.IDENTITY and row.ended_at is None:
            _end(session, runtime, actor, row)


def list_attestations(session: Session, person_id: uuid.UUID) -> Sequence[Attestation]:
    """Everything the person ever gave, newest first."""
    return session.scalars(
        select(Attestation)
        .where(Attestation.person_id == person_id)
        .order_by(Attestation.created_at.desc(), Attestation.id.desc())
    ).all()


def level_at(person: Any, now: Any) -> ScalarSelect[int | None]:
    """The highest identity level of `person` checked and valid at `now`; NULL when there is none.

    Both may be values or expressions: the one door asks within its own statement. Nothing is
    stored, so a check counts for no moment longer than its evidence.
    """
    return (
        select(func.max(Attestation.level))
        .where(Attestation.person_id == person)
        .where(Attestation.kind == str(AttestationKind.IDENTITY))
        .where(Attestation.valid_from <= now, Attestation.valid_until > now)
        .where(Attestation.ended_at.is_(None), Attestation.checked_at.is_not(None))
        .scalar_subquery()
    )


def identity_level(session: Session, person_id: uuid.UUID, now: datetime) -> int:
    """The person's identity level at `now`: 0 (not checked) to 3."""
    return session.scalar(select(level_at(person_id, now))) or 0


def unchecked(session: Session) -> Sequence[tuple[Attestation, Person]]:
    """What waits for a steward of everything, oldest first, with the person it is about.

    Evidence of a research project waits in the review of its application instead.
    """
    rows = session.execute(
        select(Attestation, Person)
        .join(Person, Person.id == Attestation.person_id)
        .where(Attestation.checked_at.is_(None), Attestation.ended_at.is_(None))
        .where(Attestation.project_id.is_(None))
        .where(Person.status == PersonStatus.ACTIVE)
        .order_by(Attestation.created_at, Attestation.id)
    )
    return [(row.Attestation, row.Person) for row in rows]


def _check(new: NewAttestation) -> None:
    rules.period(new.valid_from, new.valid_until)
    if new.kind is AttestationKind.IDENTITY and not 1 <= new.level <= HIGHEST_LEVEL:
        rules.refuse("level", "확인 수준을 선택해 주십시오.", "Please choose the level checked.")
    if new.kind is AttestationKind.IRB and new.form is None:
        rules.refuse("form", "심의 결과를 선택해 주십시오.", "Please choose what was decided.")
    if new.kind is AttestationKind.IRB and new.project_id is None:
        rules.refuse(
            "project_id",
            "IRB 심의 결과는 연구과제의 이용신청에서 더해 주십시오.",
            "An IRB decision is added to the application of its research project.",
        )


def _check_general(session: Session, runtime: Runtime, actor: Actor, row: Attestation) -> None:
    """What counts for every application is for a steward of everything. Evidence of a research
    project is judged in its review, where a conflict of interest shows, and nowhere else."""
    held = roles_held_by(session, actor, runtime.clock.now())
    if (Role.STEWARD, EVERYWHERE) not in held:
        raise role_missing(actor, [Role.STEWARD], Part.ALL)
    # Approvals are registered and ended with a reason, in their own place.
    if row.project_id is not None or row.kind in _APPROVALS:
        raise Problem(ProblemCode.NOT_FOUND)


def _get(session: Session, attestation_id: uuid.UUID) -> Attestation:
    row = session.get(Attestation, attestation_id, with_for_update=True)
    if row is None:
        raise Problem(ProblemCode.NOT_FOUND)
    return row


def _end(session: Session, runtime: Runtime, actor: Actor, row: Attestation) -> None:
    row.ended_at = runtime.clock.now()
    runtime.journal.record(session, _entry(actor, Act.ATTESTATION_ENDED, row))


def _entry(actor: Actor, act: Act, row: Attestation) -> Entry:
    detail = {"kind": str(row.kind), "form": row.form, "level": row.level}
    return Entry(
        actor,
        act,
        subjects=[row.person_id],
        ref=f"attestation:{row.id}",
        detail=detail,
    )
