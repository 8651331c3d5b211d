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

from sqlalchemy import String, bindparam, delete, exists, select, update
from sqlalchemy.orm import Session

from gateway import ids
from gateway.db.hot import HotStatement
from gateway.errors import Problem, ProblemCode
from gateway.identity import throttle
from gateway.identity.factors import has_factor
from gateway.identity.models import (
    Acr,
    Person,
    PersonStatus,
    RoleGrant,
    SessionChannel,
    SignInSession,
)
from gateway.identity.models_factors import PendingSignIn
from gateway.identity.oauth.models import ClientKind, DeviceCode, OAuthClient, OAuthToken
from gateway.identity.service_credentials import (
    CHANGED,
    Credentials,
    check_password,
    refused,
    second_factor_required,
    unchanged,
)
from gateway.identity.service_roles import counts
from gateway.journal import Act, Actor, Entry, PartyKind
from gateway.runtime import Runtime

LIFETIME = timedelta(hours=12)
TOKEN_BYTES = 32
DEVICE_LENGTH = 120


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
    responsible_id: uuid.UUID | None = None


@dataclass(frozen=True, slots=True)
class Live:
    """A live session with the person it belongs to. `roles` are (role, scope)."""

    session_id: uuid.UUID
    person_id: uuid.UUID
    account: str
    name: str
    locale: str
    roles: frozenset[tuple[str, str]]
    acr: str = Acr.PASSWORD
    stepped_up_at: datetime | None = None
    application: Application | None = None


@dataclass(frozen=True, slots=True)
class Opening:
    """How a session is opened. `previous` is the token the browser came with; it ends.

    `detail` says more in the session's event of how the person showed who they are.
    """

    device: str
    channel: SessionChannel
    previous: str | None = None
    detail: Mapping[str, str] = field(default_factory=dict)
    acr: Acr = Acr.PASSWORD
    amr: str = "pwd"


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
            SignInSession.acr,
            SignInSession.stepped_up_at,
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
    return Live(session_id, person_id, account, name, locale, roles, *rows[0][7:9])


def sign_in(
    runtime: Runtime,
    actor: Actor,
    credentials: Credentials,
    channel: SessionChannel,
    previous: str | None = None,
) -> SignedIn:
    """Open a session with a password alone. `previous` is the token the browser came with.

    Raises Problem as `check_password` does, and 401 SECOND_FACTOR_REQUIRED for a person who has a
    second factor: see `service_second`.
    """
    checked = check_password(runtime, actor, credentials)
    opening = Opening(credentials.device, channel, previous)
    with runtime.db.write() as session:
        person = unchanged(session, checked)
        if person is not None:
            if has_factor(session, person.id):
                raise second_factor_required()
            throttle.succeeded(session, checked.counted)
            return open_session(session, runtime, actor, person, opening)
    raise refused(runtime, checked.refusal, CHANGED)


def sign_out(runtime: Runtime, actor: Actor, session_id: uuid.UUID) -> None:
    """End one of the person's own sessions; ending it twice changes nothing."""
    with runtime.db.write() as session:
        row = session.get(SignInSession, session_id, with_for_update=True)
        if row is None or row.person_id != actor.person_id:
            raise Problem(ProblemCode.NOT_FOUND)
        if row.ended_at is None:
            row.ended_at = runtime.clock.now()
            runtime.journal.record(session, _ended(actor, row.id))


def sign_out_others(runtime: Runtime, actor: Actor, keep: uuid.UUID) -> None:
    """End every session of the actor's own but `keep`."""
    assert actor.person_id is not None, "only people who are signed in have sessions"
    with runtime.db.write() as session:
        session.get_one(Person, actor.person_id, with_for_update=True)
        end_all_sessions(session, runtime, actor.person_id, keep)
        ended = Entry(actor, Act.SESSION_ENDED, ref=f"session:{keep}", detail={"others": True})
        runtime.journal.record(session, ended)


def list_sessions(session: Session, person_id: uuid.UUID, now: datetime) -> Sequence[SignInSession]:
    """The person's live sessions, newest first. What a machine opened under its own key is no
    sign-in of whoever answers for it: that stands with the organisation's programs."""
    machine = exists().where(
        OAuthToken.session_id == SignInSession.id,
        OAuthClient.id == OAuthToken.client_id,
        OAuthClient.kind == ClientKind.MACHINE,
    )
    return session.scalars(
        select(SignInSession)
        .where(SignInSession.person_id == person_id, SignInSession.ended_at.is_(None))
        .where(SignInSession.expires_at > now, ~machine)
        .order_by(SignInSession.created_at.desc(), SignInSession.id.desc())
    ).all()


def end_all_sessions(
    session: Session, runtime: Runtime, person_id: uuid.UUID, keep: uuid.UUID | None = None
) -> None:
    """End every session of a person but `keep`, every sign-in half done, and every device that
    was let in and has not come yet, in the caller's transaction."""
    session.execute(delete(PendingSignIn).where(PendingSignIn.person_id == person_id))
    let_in = (DeviceCode.person_id == person_id) & DeviceCode.used_at.is_(None)
    session.execute(update(DeviceCode).where(let_in).values(used_at=runtime.clock.now()))
    statement = update(SignInSession).where(
        SignInSession.person_id == person_id, SignInSession.ended_at.is_(None)
    )
    if keep is not None:
        statement = statement.where(SignInSession.id != keep)
    session.execute(statement.values(ended_at=runtime.clock.now()))


def open_session(
    session: Session, runtime: Runtime, actor: Actor, person: Person, opening: Opening
) -> SignedIn:
    """Begin a session of a person whose identity was shown, in the caller's transaction.

    The one place where sessions begin; the caller has locked the person and found them active.
    """
    token, now = secrets.token_urlsafe(TOKEN_BYTES), runtime.clock.now()
    row = SignInSession(
        id=ids.new(runtime.clock),
        token_sha256=digest(token),
        person_id=person.id,
        channel=opening.channel,
        device=short_device(opening.device),
        acr=opening.acr,
        amr=opening.amr,
        created_at=now,
        authenticated_at=now,
        stepped_up_at=now if opening.acr is Acr.PHR else None,
        # After a password or a provider comes the factor: `pwd otp`, `fed recovery`.
        factor_shown=opening.amr.split()[-1] if opening.acr is Acr.MFA else "",
        factor_shown_at=now if opening.acr is Acr.MFA else None,
        expires_at=now + LIFETIME,
    )
    session.add(row)
    _end_previous(session, runtime, actor, opening.previous)
    runtime.journal.record(session, _started(actor, person, row, opening.detail))
    return SignedIn(token, person.id, row.expires_at, person.locale)


def renew_token(session: Session, session_id: uuid.UUID) -> SignedIn:
    """Give a session another token, in the caller's transaction; its old one is worth nothing."""
    token, row = secrets.token_urlsafe(TOKEN_BYTES), session.get_one(SignInSession, session_id)
    row.token_sha256 = digest(token)
    person = session.get_one(Person, row.person_id)
    return SignedIn(token, person.id, row.expires_at, person.locale)


def short_device(device: str) -> str:
    """One line that fits its column."""
    return " ".join(device.split())[:DEVICE_LENGTH]


def _end_previous(session: Session, runtime: Runtime, actor: Actor, previous: str | None) -> None:
    """End the session that a sign-in takes the place of: of whoever sat at this browser before."""
    if not previous:
        return
    ended = session.execute(
        update(SignInSession)
        .where(SignInSession.token_sha256 == digest(previous))
        .where(SignInSession.ended_at.is_(None))
        .values(ended_at=runtime.clock.now())
        .returning(SignInSession.id, SignInSession.person_id)
    ).one_or_none()
    if ended is not None:
        entry = replace(_ended(actor, ended.id), subjects=[ended.person_id], reason="replaced")
        runtime.journal.record(session, entry)


def _started(actor: Actor, person: Person, row: SignInSession, more: Mapping[str, str]) -> Entry:
    themselves = replace(
        actor,
        kind=PartyKind.PERSON,
        person_id=person.id,
        personal={"account": person.account, "name": person.name},
    )
    detail = {"channel": str(row.channel), "acr": str(row.acr), "amr": row.amr, **more}
    return Entry(themselves, Act.SESSION_STARTED, ref=f"session:{row.id}", detail=detail)


def _ended(actor: Actor, session_id: uuid.UUID) -> Entry:
    return Entry(actor, Act.SESSION_ENDED, ref=f"session:{session_id}")
