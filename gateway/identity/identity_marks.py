"""Who was checked: the keyed hash of a CI, of which one account holds each, and the record."""

from __future__ import annotations

import hashlib
import hmac
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from gateway import ids
from gateway.errors import Problem, ProblemCode
from gateway.identity.identity_verifier import Verified
from gateway.identity.models import Attestation, AttestationKind, Person, PersonStatus
from gateway.identity.models_crowd import IdentityMark
from gateway.identity.service_people import get_person, personal
from gateway.journal import Act, Actor, Entry
from gateway.keys import Purpose
from gateway.runtime import Runtime

VALID = timedelta(days=365)
LABEL = b"sumun identity check|"


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found, with the check's name at the verifier; `checked_by` saw it in person."""

    verified: Verified
    reference: str
    checked_by: uuid.UUID | None = None
    reason: str = ""


class Unfit(Exception):
    """The answer does not fit this account."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def claim(
    session: Session, runtime: Runtime, person_id: uuid.UUID, mark: str, found: Verified
) -> None:
    """Bind the person behind `mark` to the account. Raises Unfit."""
    live = IdentityMark.ended_at.is_(None)
    holder = session.scalar(select(IdentityMark.person_id).where(IdentityMark.mark == mark, live))
    if holder not in {None, person_id}:
        raise Unfit("identity_known")
    own = session.scalar(select(IdentityMark).where(IdentityMark.person_id == person_id, live))
    if own is not None and own.mark != mark:
        raise Unfit("identity_differs")
    if own is not None:
        own.level, own.checked_at = found.level, found.at
        return
    session.add(
        IdentityMark(
            id=ids.new(runtime.clock),
            person_id=person_id,
            mark=mark,
            verifier=found.verifier,
            level=found.level,
            checked_at=found.at,
        )
    )
    session.flush()


def mark_of(runtime: Runtime, ci: str) -> str:
    """The keyed hash under which a CI is known; without the key nobody can make it from a CI."""
    key = runtime.keys.current(Purpose.LOOKUP).material
    return hmac.new(key, LABEL + ci.encode(), hashlib.sha256).hexdigest()


def record_in(
    session: Session, runtime: Runtime, actor: Actor, person: Person, found: Checked
) -> Attestation:
    """Store a check that counts, with its event, in the caller's transaction."""
    now = runtime.clock.now()
    row = Attestation(
        id=ids.new(runtime.clock),
        kind=AttestationKind.IDENTITY,
        person_id=person.id,
        issuer=found.verified.verifier,
        reference=found.reference,
        reason=found.reason,
        level=found.verified.level,
        valid_from=min(found.verified.at, now),
        valid_until=found.verified.at + VALID,
        checked_by=found.checked_by,
        checked_at=now,
        created_at=now,
    )
    session.add(row)
    session.flush()
    detail = {"level": row.level, "verifier": row.issuer, "attestation": str(row.id)}
    runtime.journal.record(session, _about(actor, Act.IDENTITY_CHECKED, person, detail))
    return row


def release(runtime: Runtime, actor: Actor, account_of: uuid.UUID) -> None:
    """Let the person behind a closed account be checked again under another one.

    The operator's way on for IDENTITY_KNOWN. Raises Problem 404, 409 where nothing is held or the
    account is not closed.
    """
    with runtime.db.write() as session:
        person = get_person(session, account_of, lock=True)
        if person.status != PersonStatus.CLOSED:
            raise Problem(
                ProblemCode.WRONG_STATE,
                "닫힌 계정의 본인확인 기록만 풀 수 있습니다. 먼저 그 계정을 닫아 주십시오.",
                "Only a closed account's identity can be released. Close the account first.",
            )
        freed = session.scalars(
            update(IdentityMark)
            .where(IdentityMark.person_id == person.id, IdentityMark.ended_at.is_(None))
            .values(ended_at=runtime.clock.now())
            .returning(IdentityMark.id)
        ).all()
        if not freed:
            raise Problem(ProblemCode.WRONG_STATE)
        runtime.journal.record(session, _about(actor, Act.IDENTITY_RELEASED, person, {}))


def _about(actor: Actor, act: Act, person: Person, detail: Mapping[str, object]) -> Entry:
    other = actor.person_id != person.id
    return Entry(
        actor,
        act,
        subjects=[person.id],
        ref=f"person:{person.id}",
        detail=detail,
        about={person.id: personal(person)} if other else {},
    )
