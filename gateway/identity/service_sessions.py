"""Sign-in, and the server-side sessions that it opens.

A session is 256 random bits in the person's hands and their SHA-256 in the database. It is read
on every request together with the person's status and roles, so ending it, suspending the person
or ending a role holds from the next request on.
"""

from __future__ import annotations

import hashlib
import secrets
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import String, bindparam, select, update
from sqlalchemy.orm import Session

from gateway import ids
from gateway.db.hot import HotStatement
from gateway.errors import Problem, ProblemCode
from gateway.identity import guessing, passwords, rules, throttle
from gateway.identity.models import Person, PersonStatus, RoleGrant, SessionChannel, SignInSession
from gateway.identity.service_roles import counts
from gateway.journal import Act, Actor, Entry, Outcome, PartyKind
from gateway.runtime import Runtime

LIFETIME = timedelta(hours=12)
TOKEN_BYTES = 32
DEVICE_LENGTH = 120


@dataclass(frozen=True, slots=True)
class Credentials:
    """What somebody claims to be; `device` is how they name the machine they sit at."""

    account: str
    password: str
    device: str = ""


@dataclass(frozen=True, slots=True)
class Opening:
    """Where a session begins. `previous` is the token the browser came with; it ends.

    `detail` says in the session's event how the person showed who they are.
    """

    device: str
    channel: SessionChannel
    previous: str | None = None
    detail: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The one time that a session's token is in plain sight."""

    token: str
    person_id: uuid.UUID
    expires_at: datetime
    locale: str


@dataclass(frozen=True, slots=True)
class Application:
    """A registered program that acts for a person, or as a machine of an organisation."""

    client_id: str
    scope: frozenset[str]
    machine: bool
    organisation_id: uuid.UUID | None


@dataclass(frozen=True, slots=True)
class Live:
    """A live session with the person it belongs to. `roles` are (role, scope)."""

    session_id: uuid.UUID
    person_id: uuid.UUID
    account: str
    name: str
    locale: str
    roles: frozenset[tuple[str, str]]
    application: Application | None = None


def digest(token: str) -> str:
    """How a token is stored."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _lookup() -> Any:
    now = bindparam("now", type_=SignInSession.expires_at.type)
    return (
        select(
            SignInSession.id,
            Person.id,
            Person.account,
            Person.name,
            Person.locale,
            RoleGrant.role,
            RoleGrant.scope,
        )
        .join(Person, Person.id == SignInSession.person_id)
        .outerjoin(RoleGrant, (RoleGrant.person_id == Person.id) & counts(now))
        .where(SignInSession.token_sha256 == bindparam("digest", type_=String()))
        .where(SignInSession.channel == bindparam("channel", type_=String()))
        .where(SignInSession.ended_at.is_(None), SignInSession.expires_at > now)
        .where(Person.status == PersonStatus.ACTIVE)
    )


LOOKUP = HotStatement(_lookup())


def find_live(runtime: Runtime, token: str, channel: SessionChannel) -> Live | None:
    """The live session of `token`, read anew each time; None for anything else."""
    rows = runtime.db.hot.rows(
        LOOKUP, digest=digest(token), channel=str(channel), now=runtime.clock.now()
    )
    if not rows:
        return None
    roles = frozenset((row[5], row[6]) for row in rows if row[5] is not None)
    session_id, person_id, account, name, locale = rows[0][:5]
    return Live(session_id, person_id, account, name, locale, roles)


def sign_in(
    runtime: Runtime,
    actor: Actor,
    credentials: Credentials,
    channel: SessionChannel,
    previous: str | None = None,
) -> SignedIn:
    """Open a session. `previous` is the token the browser came with; it ends.

    Raises Problem 401 with one answer for unknown names and wrong passwords, and with another for
    a right password of a stopped account; 429 while blocked. Every refusal is an event.
    """
    folded = rules.fold(credentials.account)
    tried = _tried(runtime, actor, credentials.account, folded)
    counted = guessing.counted_by(runtime, actor, folded)
    guessing.attempt(runtime, tried, counted)
    person = _verified(runtime, folded, credentials.password)
    if person is None:
        raise _refused(runtime, tried, guessing.WRONG, ProblemCode.SIGN_IN_FAILED)
    if person.status != PersonStatus.ACTIVE:
        raise _refused(runtime, tried, f"account_{person.status}", ProblemCode.SIGN_IN_FAILED)
    how = Opening(credentials.device, channel, previous)
    opened = _open(runtime, actor, person, how, counted)
    if opened is None:
        raise _refused(runtime, tried, "changed_meanwhile", ProblemCode.SIGN_IN_FAILED)
    return opened


def sign_out(runtime: Runtime, actor: Actor, session_id: uuid.UUID) -> None:
    """End one of the person's own sessions; ending it twice changes nothing."""
    with runtime.db.write() as session:
        row = session.get(SignInSession, session_id, with_for_update=True)
        if row is None or row.person_id != actor.person_id:
            raise Problem(ProblemCode.NOT_FOUND)
        if row.ended_at is None:
            row.ended_at = runtime.clock.now()
            runtime.journal.record(session, _ended(actor, row.id))


def list_sessions(session: Session, person_id: uuid.UUID, now: datetime) -> Sequence[SignInSession]:
    """The person's live sessions, newest first."""
    return session.scalars(
        select(SignInSession)
        .where(SignInSession.person_id == person_id, SignInSession.ended_at.is_(None))
        .where(SignInSession.expires_at > now)
        .order_by(SignInSession.created_at.desc(), SignInSession.id.desc())
    ).all()


def end_all_sessions(
    session: Session, runtime: Runtime, person_id: uuid.UUID, keep: uuid.UUID | None = None
) -> None:
    """End every session of a person but `keep`, in the caller's transaction."""
    statement = update(SignInSession).where(
        SignInSession.person_id == person_id, SignInSession.ended_at.is_(None)
    )
    if keep is not None:
        statement = statement.where(SignInSession.id != keep)
    session.execute(statement.values(ended_at=runtime.clock.now()))


def _verified(runtime: Runtime, account: str, password: str) -> Person | None:
    with runtime.db.read() as session:
        person = session.scalar(select(Person).where(Person.account == account))
    stored = person.password_hash if person else None
    # The password is cut, not refused: length must not tell a long guess from a wrong one.
    given = password[: passwords.LONGEST + 1]
    return person if passwords.matches(runtime.db, stored, given) else None


def _tried(runtime: Runtime, actor: Actor, typed: str, folded: str) -> Entry:
    """What a refusal will say. The name that was typed is sealed under the key of the person it
    names, so that it is erased with them; a name that is nobody's, under that of the month."""
    fields = {"account": typed[:64]}
    with runtime.db.read() as session:
        person = session.scalar(select(Person.id).where(Person.account == folded))
    if person is None:
        return Entry(replace(actor, personal=fields), Act.SESSION_REFUSED, Outcome.DENY)
    about = {person: fields}
    return Entry(actor, Act.SESSION_REFUSED, Outcome.DENY, subjects=[person], about=about)


def _refused(runtime: Runtime, tried: Entry, reason: str, code: ProblemCode) -> Problem:
    runtime.folding.record(replace(tried, reason=reason))
    if reason.startswith("account_"):
        return stopped()
    return Problem(
        code, "아이디 또는 비밀번호가 다릅니다.", "The account name or the password is not right."
    )


def open_session(
    session: Session, runtime: Runtime, actor: Actor, person: Person, how: Opening
) -> SignedIn:
    """Begin a session of a person whose identity was shown, in the caller's transaction.

    The one place where sessions begin; the caller has locked the person and found them active.
    """
    token, now = secrets.token_urlsafe(TOKEN_BYTES), runtime.clock.now()
    row = SignInSession(
        id=ids.new(runtime.clock),
        token_sha256=digest(token),
        person_id=person.id,
        channel=how.channel,
        device=" ".join(how.device.split())[:DEVICE_LENGTH],
        created_at=now,
        expires_at=now + LIFETIME,
    )
    session.add(row)
    _end_previous(session, how.previous, now)
    runtime.journal.record(session, _started(actor, person, row, how.detail))
    return SignedIn(token, person.id, row.expires_at, person.locale)


def stopped() -> Problem:
    """The answer to somebody who proved who they are and whose account is stopped."""
    return Problem(
        ProblemCode.SIGN_IN_FAILED,
        "이 계정은 이용이 정지되었거나 종결되었습니다. 운영자에게 문의해 주십시오.",
        "This account is suspended or closed. Please ask the operator.",
    )


def _open(
    runtime: Runtime,
    actor: Actor,
    verified: Person,
    how: Opening,
    counted: list[throttle.Subject],
) -> SignedIn | None:
    """The session, or None when the password or status changed while it was being checked."""
    with runtime.db.write() as session:
        person = session.get_one(Person, verified.id, with_for_update=True)
        if (person.password_hash, person.status) != (verified.password_hash, PersonStatus.ACTIVE):
            return None
        throttle.succeeded(session, counted)
        return open_session(session, runtime, actor, person, how)


def _end_previous(session: Session, previous: str | None, now: datetime) -> None:
    if previous:
        session.execute(
            update(SignInSession)
            .where(SignInSession.token_sha256 == digest(previous))
            .where(SignInSession.ended_at.is_(None))
            .values(ended_at=now)
        )


def _started(actor: Actor, person: Person, row: SignInSession, more: Mapping[str, str]) -> Entry:
    themselves = replace(
        actor,
        kind=PartyKind.PERSON,
        person_id=person.id,
        personal={"account": person.account, "name": person.name},
    )
    detail = {"channel": str(row.channel), **more}
    return Entry(themselves, Act.SESSION_STARTED, ref=f"session:{row.id}", detail=detail)


def _ended(actor: Actor, session_id: uuid.UUID) -> Entry:
    return Entry(actor, Act.SESSION_ENDED, ref=f"session:{session_id}")
