"""Changing a password, and recovery through the operator; both end other sessions."""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from gateway.errors import Problem, ProblemCode
from gateway.identity import guessing, passwords, throttle
from gateway.identity.models import Person, PersonStatus, RecoveryToken
from gateway.identity.service_people import acting, get_person
from gateway.identity.service_sessions import TOKEN_BYTES, digest, end_all_sessions
from gateway.identity.throttle import Kind
from gateway.identity.ways import expect_live
from gateway.journal import Act, Actor, Entry, Outcome, PartyKind
from gateway.runtime import Runtime
from gateway.security.throttle import group

RECOVERY_LIFETIME = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Recovery:
    """The one time that a recovery token is in plain sight."""

    token: str
    expires_at: datetime


def change_password(
    runtime: Runtime, actor: Actor, present: str, new: str, keep: uuid.UUID | None
) -> None:
    """Set a new password after giving the present one; every session but `keep` ends.

    The new one is hashed outside the transaction, so whether the present one is still the present
    one, and `keep` still open, is asked in it. Raises Problem 422 for a wrong present or an unfit
    new password, 429 while blocked, 409 or 401 when either changed meanwhile.
    """
    with runtime.db.read() as session:
        person = get_person(session, actor.person_id)
    passwords.check_rules(new, person.account)
    guessing.ask_again(runtime, actor, Act.PASSWORD_CHANGED, person, ("present", present))
    hashed = passwords.hashed(runtime.db, new)
    with runtime.db.write() as session:
        changed = get_person(session, person.id, lock=True)
        if changed.password_hash != person.password_hash:
            raise Problem(ProblemCode.WRONG_STATE)
        if keep is not None:
            expect_live(session, keep)
        store_password(session, runtime, changed, hashed, keep)
        runtime.journal.record(session, Entry(actor, Act.PASSWORD_CHANGED, subjects=[person.id]))


def issue_recovery(runtime: Runtime, actor: Actor, person_id: uuid.UUID) -> Recovery:
    """A single-use token for one hour, handed over by an operator who has made sure who asks.

    Earlier unused tokens of the person end. Raises Problem 404, 409 for a stopped account.
    """
    token, now = secrets.token_urlsafe(TOKEN_BYTES), runtime.clock.now()
    with runtime.db.write() as session:
        person = get_person(session, person_id)
        if person.status != PersonStatus.ACTIVE:
            raise Problem(ProblemCode.WRONG_STATE)
        _end_tokens(session, person.id, now)
        expires_at = now + RECOVERY_LIFETIME
        session.add(
            RecoveryToken(
                token_sha256=digest(token),
                person_id=person.id,
                created_at=now,
                expires_at=expires_at,
            )
        )
        runtime.journal.record(session, Entry(actor, Act.RECOVERY_ISSUED, subjects=[person.id]))
    return Recovery(token, expires_at)


def use_recovery(runtime: Runtime, actor: Actor, token: str, new: str) -> None:
    """Set a new password with a recovery token; every session of the person ends.

    Raises Problem 404 for a token that is unknown, used or run out (one answer for all three),
    422 for an unfit password, 429 while the address is blocked.
    """
    counted = [throttle.subject(runtime, Kind.RECOVERY, group(actor.place.address or ""))]
    guessing.attempt(runtime, Entry(actor, Act.RECOVERY_USED), counted)
    with runtime.db.read() as session:
        known = _live_token(session, digest(token), runtime.clock.now())
        person = session.get_one(Person, known.person_id) if known else None
    if person is None:
        raise _recovery_refused(runtime, actor)
    passwords.check_rules(new, person.account)
    hashed = passwords.hashed(runtime.db, new)
    if not _use(runtime, replace(acting(actor, person), kind=PartyKind.PERSON), token, hashed):
        raise _recovery_refused(runtime, actor)
    with runtime.db.write() as session:
        throttle.succeeded(session, counted)


def recovery_is_live(runtime: Runtime, token: str) -> bool:
    """Whether the page for a token should ask for a new password."""
    with runtime.db.read() as session:
        return _live_token(session, digest(token), runtime.clock.now()) is not None


def _live_token(
    session: Session, token_sha256: str, now: datetime, *, lock: bool = False
) -> RecoveryToken | None:
    statement = (
        select(RecoveryToken)
        .join(Person, Person.id == RecoveryToken.person_id)
        .where(RecoveryToken.token_sha256 == token_sha256, RecoveryToken.used_at.is_(None))
        .where(RecoveryToken.expires_at > now, Person.status == PersonStatus.ACTIVE)
    )
    return session.scalar(statement.with_for_update() if lock else statement)


def _use(runtime: Runtime, actor: Actor, token: str, hashed: str) -> bool:
    now = runtime.clock.now()
    with runtime.db.write() as session:
        row = _live_token(session, digest(token), now, lock=True)
        if row is None:
            return False
        person = get_person(session, row.person_id, lock=True)
        _end_tokens(session, person.id, now)
        store_password(session, runtime, person, hashed, None)
        runtime.journal.record(session, Entry(actor, Act.RECOVERY_USED, subjects=[person.id]))
    return True


def store_password(
    session: Session, runtime: Runtime, person: Person, hashed: str, keep: uuid.UUID | None
) -> None:
    """Set a hash in the caller's transaction; every session but `keep` ends, and every token."""
    person.password_hash, person.password_changed_at = hashed, runtime.clock.now()
    end_all_sessions(session, runtime, person.id, keep)
    # A recovery token from before would undo what the person has just done.
    _end_tokens(session, person.id, runtime.clock.now())


def _end_tokens(session: Session, person_id: uuid.UUID, now: datetime) -> None:
    session.execute(
        update(RecoveryToken)
        .where(RecoveryToken.person_id == person_id, RecoveryToken.used_at.is_(None))
        .values(used_at=now)
    )


def _recovery_refused(runtime: Runtime, actor: Actor) -> Problem:
    runtime.folding.record(Entry(actor, Act.RECOVERY_USED, Outcome.DENY, reason="token_invalid"))
    return Problem(
        ProblemCode.NOT_FOUND,
        "이 복구 주소는 이미 썼거나 유효 시간이 지났습니다. 운영자에게 새로 요청해 주십시오.",
        "This recovery address was used or has run out. Please ask the operator for a new one.",
    )
