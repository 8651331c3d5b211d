"""Sign-in where a second factor is set up, and sign-in with a passkey alone.

After a right password nothing is open yet: the browser holds a pending sign-in, good for five
minutes and for one session. Factor, pending sign-in and session change in one transaction.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from gateway.errors import Problem, ProblemCode
from gateway.identity import guessing, passkeys, proofs, throttle
from gateway.identity.factors import Factors, factors_of, has_factor
from gateway.identity.models import Acr, Person, PersonStatus, SessionChannel
from gateway.identity.models_factors import PendingSignIn
from gateway.identity.passkeys import Ceremony, Use
from gateway.identity.proofs import Proof
from gateway.identity.service_credentials import (
    CHANGED,
    Checked,
    Credentials,
    check_password,
    refused,
    second_factor_required,
    unchanged,
)
from gateway.identity.service_people import acting
from gateway.identity.service_sessions import (
    TOKEN_BYTES,
    Opening,
    SignedIn,
    digest,
    open_session,
    short_device,
)
from gateway.identity.throttle import Kind
from gateway.journal import Act, Actor, Entry, Outcome, PartyKind
from gateway.runtime import Runtime
from gateway.security.throttle import group

LIFETIME = timedelta(minutes=5)
WRONG_FACTOR, WRONG_PASSKEY = "wrong_second_factor", "wrong_passkey"


@dataclass(frozen=True, slots=True)
class Pending:
    """The one time that the token of a pending sign-in is in plain sight."""

    token: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Shown:
    """What somebody answers the second question with: a typed code, or a passkey's answer."""

    code: str = ""
    passkey: str = ""


@dataclass(frozen=True, slots=True)
class Entered:
    """A session that a second factor opened; `recovery` when a recovery code stood in for it."""

    signed_in: SignedIn
    recovery: bool


def begin(
    runtime: Runtime, actor: Actor, credentials: Credentials, previous: str | None = None
) -> SignedIn | Pending:
    """The first step in a browser: a session, or where a factor is set up a pending sign-in.

    Raises Problem as `service_sessions.check_password` does.
    """
    checked = check_password(runtime, actor, credentials)
    opening = Opening(credentials.device, SessionChannel.BROWSER, previous)
    with runtime.db.write() as session:
        person = unchanged(session, checked)
        if person is not None:
            throttle.succeeded(session, checked.counted)
            if has_factor(session, person.id):
                return pend(session, runtime, person, opening)
            return open_session(session, runtime, actor, person, opening)
    raise refused(runtime, checked.refusal, CHANGED)


def sign_in_client(
    runtime: Runtime, actor: Actor, credentials: Credentials, code: str = ""
) -> SignedIn:
    """A client's session, with `code` where a factor is set up.

    Raises Problem as `check_password` does, SECOND_FACTOR_REQUIRED without a code, 401 for a wrong
    one, 429 while codes are blocked.
    """
    checked = check_password(runtime, actor, credentials)
    with runtime.db.read() as session:
        needed = has_factor(session, checked.person.id)
    proof = _code_of(runtime, actor, checked, code) if needed else None
    how = Opening(credentials.device, SessionChannel.CLIENT)
    opened = _opened(runtime, actor, how, proof, lambda session: unchanged(session, checked))
    if opened is None:
        raise refused(runtime, checked.refusal, CHANGED)
    with runtime.db.write() as session:
        throttle.succeeded(session, [*checked.counted, _counted(runtime, checked.person.id)])
    return opened


def _code_of(runtime: Runtime, actor: Actor, checked: Checked, code: str) -> Proof:
    person = checked.person
    if not code:
        with runtime.db.write() as session:
            throttle.succeeded(session, checked.counted)
        raise second_factor_required()
    guessing.attempt(runtime, checked.refusal, [_counted(runtime, person.id)])
    proof = proofs.by_code(runtime, person.id, code)
    if proof is None:
        raise _wrong(runtime, _refusal(actor, person.id), WRONG_FACTOR)
    return proof


def waiting(runtime: Runtime, token: str) -> Factors | None:
    """What the person behind a pending sign-in may answer with; None once it is over."""
    with runtime.db.read() as session:
        row = _live(session, token, runtime.clock.now())
        return factors_of(session, row.person_id) if row else None


def finish(
    runtime: Runtime, actor: Actor, token: str, shown: Shown, previous: str | None = None
) -> Entered:
    """The second step: a session for a pending sign-in and a right factor.

    Raises Problem 401 for a pending sign-in that is over, or a factor that does not hold; 429
    while this person's factors are blocked.
    """
    with runtime.db.read() as session:
        row = _live(session, token, runtime.clock.now())
    if row is None:
        raise over()
    refusal, counted = _refusal(actor, row.person_id), [_counted(runtime, row.person_id)]
    guessing.attempt(runtime, refusal, counted)
    proof = _proof(runtime, token, row.person_id, shown)
    if proof is None:
        raise _wrong(runtime, refusal, WRONG_FACTOR, bool(shown.passkey))
    opening = Opening(row.device, SessionChannel.BROWSER, previous, detail=row.detail, amr=row.amr)
    now = runtime.clock.now()
    opened = _opened(runtime, actor, opening, proof, lambda session: _use(session, token, now))
    if opened is None:
        raise _wrong(runtime, refusal, WRONG_FACTOR, bool(shown.passkey))
    with runtime.db.write() as session:
        throttle.succeeded(session, counted)
    return Entered(opened, proof.recovery)


def sign_in_with_passkey(
    runtime: Runtime, actor: Actor, ceremony: Ceremony, answer: str, opening: Opening
) -> SignedIn:
    """A session for whoever the passkey belongs to; it is both factors, so nothing else is asked.

    Raises Problem 401 with one answer for everything that does not hold, 429 while the address is
    blocked.
    """
    counted = [throttle.subject(runtime, Kind.ADDRESS, group(actor.place.address or ""))]
    guessing.attempt(runtime, Entry(actor, Act.SESSION_REFUSED, Outcome.DENY), counted)
    proof = passkeys.proof(runtime, ceremony, answer)
    opened = None
    if proof is not None:
        admit = partial(_active, person_id=proof.person_id)
        opened = _opened(runtime, actor, opening, proof, admit)
    if opened is None:
        about = _refusal(actor, proof.person_id if proof else None)
        raise _wrong(runtime, about, WRONG_PASSKEY, passkey=True)
    with runtime.db.write() as session:
        throttle.succeeded(session, counted)
    return opened


def over() -> Problem:
    """The answer where a pending sign-in has run out or was used."""
    return Problem(
        ProblemCode.SIGN_IN_FAILED,
        "로그인 유효 시간이 지났습니다. 처음부터 다시 로그인해 주십시오.",
        "This sign-in has run out. Please start again.",
    )


def wrong_factor(passkey: bool = False) -> Problem:
    """The one answer to whatever does not hold; it speaks of a passkey to whoever showed one."""
    ko, en = ("등록한 패스키, ", "your passkey, ") if passkey else ("", "")
    return Problem(
        ProblemCode.SIGN_IN_FAILED,
        f"인증하지 못했습니다. {ko}새 일회용 비밀번호나 쓰지 않은 복구 코드로 다시 해 주십시오.",
        f"That did not work. Use {en}a new one-time password or an unused recovery code.",
    )


def _proof(runtime: Runtime, token: str, person_id: uuid.UUID, shown: Shown) -> Proof | None:
    if not shown.passkey:
        return proofs.by_code(runtime, person_id, shown.code)
    found = passkeys.proof(runtime, Ceremony(Use.SECOND, digest(token)), shown.passkey)
    return found if found is not None and found.person_id == person_id else None


def _opened(
    runtime: Runtime,
    actor: Actor,
    opening: Opening,
    proof: Proof | None,
    admit: Callable[[Session], Person | None],
) -> SignedIn | None:
    """The session, or None, changing nothing, where somebody was faster or things have changed."""
    with runtime.db.write() as session:
        person = admit(session)
        if person is None or not _shown(session, person, proof):
            session.rollback()
            return None
        if proof is not None and proof.recovery:
            runtime.journal.record(session, _used_recovery(actor, person))
        return open_session(session, runtime, actor, person, _strengthened(opening, proof))


def _shown(session: Session, person: Person, proof: Proof | None) -> bool:
    return proof.spend(session) if proof else not has_factor(session, person.id)


def _strengthened(opening: Opening, proof: Proof | None) -> Opening:
    """A passkey shows who it is by itself; a code comes after what was shown first."""
    if proof is None:
        return opening
    amr = proof.amr if proof.acr is Acr.PHR else f"{opening.amr} {proof.amr}"
    return replace(opening, acr=proof.acr, amr=amr)


def _used_recovery(actor: Actor, person: Person) -> Entry:
    themselves = replace(acting(actor, person), kind=PartyKind.PERSON)
    return Entry(themselves, Act.RECOVERY_CODE_USED, subjects=[person.id])


def _active(session: Session, person_id: uuid.UUID) -> Person | None:
    person = session.get_one(Person, person_id, with_for_update=True)
    return person if person.status == PersonStatus.ACTIVE else None


def pend(session: Session, runtime: Runtime, person: Person, how: Opening) -> Pending:
    """A sign-in half done, in the caller's transaction: `how` held, and a factor is due."""
    token, now = secrets.token_urlsafe(TOKEN_BYTES), runtime.clock.now()
    row = PendingSignIn(
        token_sha256=digest(token),
        person_id=person.id,
        device=short_device(how.device),
        amr=how.amr,
        detail=dict(how.detail),
        created_at=now,
        expires_at=now + LIFETIME,
    )
    session.add(row)
    return Pending(token, row.expires_at)


def _live(session: Session, token: str, now: datetime) -> PendingSignIn | None:
    return session.scalar(
        select(PendingSignIn)
        .join(Person, Person.id == PendingSignIn.person_id)
        .where(PendingSignIn.token_sha256 == digest(token), PendingSignIn.used_at.is_(None))
        .where(PendingSignIn.expires_at > now, Person.status == PersonStatus.ACTIVE)
    )


def _use(session: Session, token: str, now: datetime) -> Person | None:
    """Use the pending sign-in up; None when it is over."""
    person_id = session.scalar(
        update(PendingSignIn)
        .where(PendingSignIn.token_sha256 == digest(token), PendingSignIn.used_at.is_(None))
        .where(PendingSignIn.expires_at > now)
        .values(used_at=now)
        .returning(PendingSignIn.person_id)
    )
    return _active(session, person_id) if person_id else None


def _counted(runtime: Runtime, person_id: uuid.UUID) -> throttle.Subject:
    return throttle.subject(runtime, Kind.FACTOR, str(person_id))


def _refusal(actor: Actor, person_id: uuid.UUID | None) -> Entry:
    subjects = [person_id] if person_id else []
    return Entry(actor, Act.SESSION_REFUSED, Outcome.DENY, subjects=subjects)


def _wrong(runtime: Runtime, refusal: Entry, reason: str, passkey: bool = False) -> Problem:
    runtime.folding.record(replace(refusal, reason=reason))
    return wrong_factor(passkey)
