"""Tokens of registered programs: opened by a consent, renewed, looked up, taken back.

Each consent opens one session (`sign_in_sessions`, channel `oauth`) and every token hangs on it:
ending the session, by the person on their account page or by the gateway, ends all of them with
the next request. Access tokens are opaque and live for an hour at most.
"""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from gateway import ids
from gateway.identity.models import Acr, Person, PersonStatus, SessionChannel, SignInSession
from gateway.identity.oauth.clients import Client
from gateway.identity.oauth.models import OAuthToken, TokenKind
from gateway.identity.oauth.vocabulary import (
    ACCESS_LIFE,
    ACCESS_PREFIX,
    REFRESH_IDLE,
    REFRESH_PREFIX,
    Scope,
    joined,
    scopes,
)
from gateway.identity.service_sessions import DEVICE_LENGTH, TOKEN_BYTES, digest
from gateway.journal import Act, Actor, Entry, Outcome, PartyKind
from gateway.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Issued:
    """The one time that tokens are in plain sight. `auth_time` is when the person signed in."""

    access_token: str
    refresh_token: str | None
    scope: str
    expires_in: int
    person_id: uuid.UUID
    session_id: uuid.UUID
    dpop: bool
    auth_time: datetime
    nonce: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a grant gave nothing: an OAuth error code and a plain reason for the log."""

    error: str
    reason: str


@dataclass(frozen=True, slots=True)
class Opening:
    """What a new session of a program rests on."""

    client: Client
    person_id: uuid.UUID
    scope: str
    jkt: str | None
    auth_time: datetime
    family_id: uuid.UUID
    ends_at: datetime
    nonce: str = ""
    acr: str = Acr.PASSWORD
    amr: str = "oauth"


def opened(session: Session, runtime: Runtime, actor: Actor, what: Opening) -> Issued | Refused:
    """Open the session and mint its first tokens, in the caller's transaction."""
    person = session.get(Person, what.person_id, with_for_update=True)
    if person is None or person.status != PersonStatus.ACTIVE:
        return Refused("invalid_grant", "person_stopped")
    row = SignInSession(
        id=what.family_id,
        token_sha256=digest(secrets.token_urlsafe(TOKEN_BYTES)),
        person_id=person.id,
        channel=SessionChannel.OAUTH,
        device=what.client.name[:DEVICE_LENGTH],
        acr=what.acr,
        amr=what.amr,
        created_at=runtime.clock.now(),
        authenticated_at=what.auth_time,
        # A machine proves a key of its own each time, which no page can lure out of it.
        stepped_up_at=what.auth_time if what.acr == Acr.PHR else None,
        expires_at=what.ends_at,
    )
    session.add(row)
    session.flush()
    runtime.journal.record(session, _event(actor, Act.SESSION_STARTED, person, what))
    issued = _mint(session, runtime, what.client, row, (what.scope, what.jkt))
    return replace(issued, nonce=what.nonce)


def refreshed(
    runtime: Runtime, actor: Actor, client: Client, token: str, how: tuple[str | None, str | None]
) -> Issued | Refused:
    """Exchange a refresh token for new tokens; `how` is the narrower scope asked for, and the key.

    A token that is used twice was stolen or kept: the whole session ends (RFC 9700 4.14.2).
    """
    scope, jkt = how
    with runtime.db.write() as session:
        used = _use_refresh(session, runtime, client, token)
        if used is None:
            return _replayed(session, runtime, actor, client, token)
        family = _live_session(session, runtime, used.session_id)
        refused = _check_refresh(family, used, scope, jkt)
        if refused or family is None:
            return refused or Refused("invalid_grant", "session_ended")
        person = session.get_one(Person, family.person_id)
        detail = {"client": client.id, "channel": str(SessionChannel.OAUTH)}
        ref = f"session:{family.id}"
        runtime.journal.record(
            session, Entry(_as(actor, person), Act.SESSION_REFRESHED, ref=ref, detail=detail)
        )
        kept = used.scope if scope is None else joined(scopes(scope))
        return _mint(session, runtime, client, family, (kept, used.dpop_jkt))


def revoke(runtime: Runtime, actor: Actor, client: Client, token: str) -> None:
    """Take a token of this client back (RFC 7009); with a refresh token, its whole session."""
    with runtime.db.write() as session:
        row = session.get(OAuthToken, digest(token), with_for_update=True)
        if row is None or row.client_id != client.id or row.revoked_at is not None:
            return
        row.revoked_at = runtime.clock.now()
        if row.kind == TokenKind.REFRESH:
            _end(session, runtime, actor, (row.session_id, client, "revoked"))
        else:
            runtime.journal.record(session, _revoked(session, actor, client, row.session_id))


def _revoked(session: Session, actor: Actor, client: Client, session_id: uuid.UUID) -> Entry:
    person = session.get_one(Person, session.get_one(SignInSession, session_id).person_id)
    kind = PartyKind.MACHINE if client.kind == "machine" else PartyKind.PERSON
    ref, detail = f"session:{session_id}", {"client": client.id}
    return Entry(_as(actor, person, kind), Act.TOKEN_REVOKED, ref=ref, detail=detail)


def end_sessions_of(session: Session, runtime: Runtime, client_id: str) -> None:
    """End every session of a client, in the caller's transaction."""
    held = select(OAuthToken.session_id).where(OAuthToken.client_id == client_id)
    session.execute(
        update(SignInSession)
        .where(SignInSession.id.in_(held), SignInSession.ended_at.is_(None))
        .values(ended_at=runtime.clock.now())
    )


def end_family(
    session: Session, runtime: Runtime, actor: Actor, family: tuple[uuid.UUID, Client, str]
) -> None:
    """End the session of a code that was used twice; nothing when it was never opened."""
    _end(session, runtime, actor, family)


def _mint(
    session: Session,
    runtime: Runtime,
    client: Client,
    family: SignInSession,
    what: tuple[str, str | None],
) -> Issued:
    scope, jkt = what
    now = runtime.clock.now()
    access_ends = min(now + ACCESS_LIFE, family.expires_at)
    access = ACCESS_PREFIX + secrets.token_urlsafe(TOKEN_BYTES)
    refresh = REFRESH_PREFIX + secrets.token_urlsafe(TOKEN_BYTES)
    keeps = Scope.OFFLINE_ACCESS in scopes(scope)
    lives = [(access, TokenKind.ACCESS, access_ends)]
    if keeps:
        lives.append((refresh, TokenKind.REFRESH, min(now + REFRESH_IDLE, family.expires_at)))
    for token, kind, ends_at in lives:
        session.add(
            OAuthToken(
                token_sha256=digest(token),
                kind=kind,
                session_id=family.id,
                client_id=client.id,
                scope=scope,
                dpop_jkt=jkt,
                created_at=now,
                expires_at=ends_at,
            )
        )
    return Issued(
        access,
        refresh if keeps else None,
        scope,
        int((access_ends - now).total_seconds()),
        family.person_id,
        family.id,
        jkt is not None,
        family.authenticated_at,
    )


def _use_refresh(
    session: Session, runtime: Runtime, client: Client, token: str
) -> OAuthToken | None:
    now = runtime.clock.now()
    return session.scalar(
        update(OAuthToken)
        .where(OAuthToken.token_sha256 == digest(token), OAuthToken.kind == TokenKind.REFRESH)
        .where(OAuthToken.client_id == client.id, OAuthToken.expires_at > now)
        .where(OAuthToken.used_at.is_(None), OAuthToken.revoked_at.is_(None))
        .values(used_at=now)
        .returning(OAuthToken)
    )


def _check_refresh(
    family: SignInSession | None, used: OAuthToken, scope: str | None, jkt: str | None
) -> Refused | None:
    if family is None:
        return Refused("invalid_grant", "session_ended")
    if used.dpop_jkt is not None and used.dpop_jkt != jkt:
        return Refused("invalid_grant", "other_key")
    if scope is not None and not (scopes(scope) and scopes(scope) <= scopes(used.scope)):
        return Refused("invalid_scope", "wider_scope")
    return None


def _live_session(
    session: Session, runtime: Runtime, session_id: uuid.UUID
) -> SignInSession | None:
    return session.scalar(
        select(SignInSession)
        .join(Person, Person.id == SignInSession.person_id)
        .where(SignInSession.id == session_id, SignInSession.ended_at.is_(None))
        .where(SignInSession.expires_at > runtime.clock.now())
        .where(Person.status == PersonStatus.ACTIVE)
        .with_for_update(of=SignInSession)
    )


def _replayed(
    session: Session, runtime: Runtime, actor: Actor, client: Client, token: str
) -> Refused:
    known = session.get(OAuthToken, digest(token))
    if known is None or known.client_id != client.id or known.kind != TokenKind.REFRESH:
        return Refused("invalid_grant", "unknown_token")
    if known.used_at is not None:
        _end(session, runtime, actor, (known.session_id, client, "refresh_replayed"))
        return Refused("invalid_grant", "refresh_replayed")
    return Refused("invalid_grant", "token_ended")


def _end(
    session: Session, runtime: Runtime, actor: Actor, family: tuple[uuid.UUID, Client, str]
) -> None:
    session_id, client, reason = family
    row = session.get(SignInSession, session_id, with_for_update=True)
    if row is None or row.ended_at is not None:
        return
    row.ended_at = runtime.clock.now()
    entry = Entry(
        actor,
        Act.SESSION_ENDED,
        Outcome.SUCCESS,
        subjects=[row.person_id],
        ref=f"session:{row.id}",
        reason=reason,
        detail={"client": client.id},
    )
    runtime.journal.record(session, entry)


def _event(actor: Actor, act: Act, person: Person, what: Opening) -> Entry:
    detail = {
        "client": what.client.id,
        "channel": str(SessionChannel.OAUTH),
        "scope": what.scope,
        "dpop": what.jkt is not None,
    }
    machine = what.client.kind == "machine"
    kind = PartyKind.MACHINE if machine else PartyKind.PERSON
    return Entry(_as(actor, person, kind), act, ref=f"session:{what.family_id}", detail=detail)


def _as(actor: Actor, person: Person, kind: PartyKind = PartyKind.PERSON) -> Actor:
    personal = {"account": person.account, "name": person.name}
    return replace(actor, kind=kind, person_id=person.id, personal=personal)


def new_family(runtime: Runtime) -> uuid.UUID:
    """The id of a session that a code or a device will open."""
    return ids.new(runtime.clock)
