"""What a consent in the browser hands over once: authorization codes, pushed requests.

Each is used by one conditional UPDATE; whatever is wrong with the request that used it, it stays
used, so that a thief has one guess.
"""

from __future__ import annotations

import hmac
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from authlib.oauth2.rfc7636 import create_s256_code_challenge
from sqlalchemy import update
from sqlalchemy.orm import Session

from gateway.identity.oauth import service_tokens as tokens
from gateway.identity.oauth.browsers import carried, still_signed_in
from gateway.identity.oauth.clients import Client
from gateway.identity.oauth.models import AuthorizationCode, PushedRequest
from gateway.identity.oauth.service_tokens import Issued, Opening, Refused
from gateway.identity.oauth.vocabulary import (
    CODE_LIFE,
    PUSHED_LIFE,
    REQUEST_URI_PREFIX,
    SESSION_LIFE,
)
from gateway.identity.oauth.waiting import check_room
from gateway.identity.service_sessions import TOKEN_BYTES, digest
from gateway.journal import Act, Actor, Entry, Outcome
from gateway.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Consent:
    """A person's yes to one authorization request."""

    client: Client
    person_id: uuid.UUID
    session_id: uuid.UUID
    redirect_uri: str
    scope: str
    nonce: str
    challenge: str
    jkt: str | None
    auth_time: datetime
    request_uri: str | None = None


@dataclass(frozen=True, slots=True)
class Redemption:
    """What comes with a code to the token endpoint."""

    code: str
    redirect_uri: str
    verifier: str
    jkt: str | None


def push(runtime: Runtime, client: Client, parameters: Mapping[str, str]) -> tuple[str, int]:
    """Keep an authorization request (RFC 9126); its `request_uri` and life in seconds.

    Raises TooManyError.
    """
    uri, now = REQUEST_URI_PREFIX + secrets.token_urlsafe(TOKEN_BYTES), runtime.clock.now()
    with runtime.db.write() as session:
        check_room(session, PushedRequest, client, now)
        session.add(
            PushedRequest(
                uri_sha256=digest(uri),
                client_id=client.id,
                parameters=dict(parameters),
                expires_at=now + PUSHED_LIFE,
            )
        )
    return uri, int(PUSHED_LIFE.total_seconds())


def pushed(runtime: Runtime, uri: str, client_id: str) -> tuple[dict[str, str], datetime] | None:
    """The parameters behind a `request_uri` of this client that was not used yet, and when they
    were pushed."""
    with runtime.db.read() as session:
        row = session.get(PushedRequest, digest(uri))
        known = row is not None and row.client_id == client_id and row.used_at is None
        if row is None or not known or row.expires_at <= runtime.clock.now():
            return None
        return dict(row.parameters), row.expires_at - PUSHED_LIFE


def consent(runtime: Runtime, actor: Actor, given: Consent) -> str | None:
    """The code for a consent; None when its pushed request was used in the meantime."""
    code = secrets.token_urlsafe(TOKEN_BYTES)
    with runtime.db.write() as session:
        if given.request_uri and not _use_pushed(session, runtime, given.request_uri):
            return None
        session.add(
            AuthorizationCode(
                code_sha256=digest(code),
                client_id=given.client.id,
                person_id=given.person_id,
                session_id=given.session_id,
                family_id=tokens.new_family(runtime),
                redirect_uri=given.redirect_uri,
                scope=given.scope,
                nonce=given.nonce,
                challenge=given.challenge,
                dpop_jkt=given.jkt,
                auth_time=given.auth_time,
                expires_at=runtime.clock.now() + CODE_LIFE,
            )
        )
        detail = {"client": given.client.id, "scope": given.scope}
        runtime.journal.record(session, Entry(actor, Act.CONSENT_GIVEN, detail=detail))
    return code


def refuse_consent(runtime: Runtime, actor: Actor, client: Client) -> None:
    """Record a person's no."""
    entry = Entry(actor, Act.CONSENT_REFUSED, Outcome.DENY, detail={"client": client.id})
    runtime.journal.append(entry)


def redeem(runtime: Runtime, actor: Actor, client: Client, given: Redemption) -> Issued | Refused:
    """Exchange a code for tokens; one that is used twice ends what its first use opened."""
    now = runtime.clock.now()
    with runtime.db.write() as session:
        row = session.scalar(
            update(AuthorizationCode)
            .where(AuthorizationCode.code_sha256 == digest(given.code))
            .where(AuthorizationCode.client_id == client.id)
            .where(AuthorizationCode.used_at.is_(None), AuthorizationCode.expires_at > now)
            .values(used_at=now)
            .returning(AuthorizationCode)
        )
        if row is None:
            return _code_refused(session, runtime, actor, client, given.code)
        wrong = _mismatch(row, given)
        if wrong:
            return Refused("invalid_grant", wrong)
        browser = still_signed_in(session, runtime, row.person_id, row.session_id)
        if browser is None:
            return Refused("invalid_grant", "session_ended")
        what = Opening(
            client,
            row.person_id,
            row.scope,
            given.jkt,
            row.auth_time,
            row.family_id,
            now + SESSION_LIFE,
            nonce=row.nonce,
            **carried(browser),
        )
        return tokens.opened(session, runtime, actor, what)


def _code_refused(
    session: Session, runtime: Runtime, actor: Actor, client: Client, code: str
) -> Refused:
    row = session.get(AuthorizationCode, digest(code))
    if row is None or row.client_id != client.id:
        return Refused("invalid_grant", "unknown_code")
    if row.used_at is None:
        return Refused("invalid_grant", "code_expired")
    tokens.end_family(session, runtime, actor, (row.family_id, client, "code_replayed"))
    return Refused("invalid_grant", "code_replayed")


def _mismatch(row: AuthorizationCode, given: Redemption) -> str | None:
    if row.redirect_uri != given.redirect_uri:
        return "other_redirect_uri"
    challenge = create_s256_code_challenge(given.verifier)
    if not hmac.compare_digest(challenge.encode(), row.challenge.encode()):
        return "wrong_verifier"
    if row.dpop_jkt is not None and row.dpop_jkt != given.jkt:
        return "other_key"
    return None


def _use_pushed(session: Session, runtime: Runtime, uri: str) -> bool:
    now = runtime.clock.now()
    used = session.scalar(
        update(PushedRequest)
        .where(PushedRequest.uri_sha256 == digest(uri), PushedRequest.used_at.is_(None))
        .where(PushedRequest.expires_at > now)
        .values(used_at=now)
        .returning(PushedRequest.uri_sha256)
    )
    return used is not None
