"""Programs without a browser of their own: devices that wait for a person's yes (RFC 8628)."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from gateway.identity.models import Person
from gateway.identity.oauth import service_tokens as tokens
from gateway.identity.oauth.browsers import carried, still_signed_in
from gateway.identity.oauth.clients import Client
from gateway.identity.oauth.models import DeviceCode
from gateway.identity.oauth.service_tokens import Issued, Opening, Refused
from gateway.identity.oauth.vocabulary import DEVICE_INTERVAL, DEVICE_LIFE, SESSION_LIFE
from gateway.identity.oauth.waiting import check_room
from gateway.identity.service_people import get_person
from gateway.identity.service_sessions import TOKEN_BYTES, digest
from gateway.identity.ways import expect_live
from gateway.journal import Act, Actor, Entry, Outcome
from gateway.runtime import Runtime

# RFC 8628 6.1: no vowels and nothing that looks alike, so no words and no doubt.
USER_CODE_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
USER_CODE_LENGTH = 8


@dataclass(frozen=True, slots=True)
class NewDevice:
    """The one time that a device's codes are in plain sight."""

    device_code: str
    user_code: str
    expires_in: int
    interval: int


@dataclass(frozen=True, slots=True)
class WaitingDevice:
    """A device that waits for a decision, as the person's page shows it."""

    client: Client
    scope: str
    digest: str


def start_device(runtime: Runtime, client: Client, scope: str, jkt: str | None) -> NewDevice:
    """Codes for a device that cannot show a browser (RFC 8628). Raises TooManyError."""
    now = runtime.clock.now()
    device_code = secrets.token_urlsafe(TOKEN_BYTES)
    letters = "".join(secrets.choice(USER_CODE_LETTERS) for _ in range(USER_CODE_LENGTH))
    with runtime.db.write() as session:
        check_room(session, DeviceCode, client, now)
        session.add(
            DeviceCode(
                device_sha256=digest(device_code),
                user_code_sha256=digest(letters),
                client_id=client.id,
                scope=scope,
                dpop_jkt=jkt,
                interval_seconds=DEVICE_INTERVAL,
                expires_at=now + DEVICE_LIFE,
            )
        )
    shown = f"{letters[:4]}-{letters[4:]}"
    return NewDevice(device_code, shown, int(DEVICE_LIFE.total_seconds()), DEVICE_INTERVAL)


def folded_user_code(typed: str) -> str:
    """What a person typed without case, blanks and hyphens."""
    return "".join(char for char in typed.upper() if char in USER_CODE_LETTERS)[:64]


def decide_device(
    runtime: Runtime, actor: Actor, device: WaitingDevice, answer: tuple[bool, uuid.UUID]
) -> bool:
    """A person's yes or no to a waiting device; False when somebody decided before or it expired.

    `answer` is the decision and the session it was given in. Raises Problem 401 when that has
    ended meanwhile.
    """
    approved, session_id = answer
    now = runtime.clock.now()
    with runtime.db.write() as session:
        get_person(session, actor.person_id, lock=True)
        signed_in_at = expect_live(session, session_id).authenticated_at
        decided = session.scalar(
            update(DeviceCode)
            .where(DeviceCode.device_sha256 == device.digest, DeviceCode.approved.is_(None))
            .where(DeviceCode.expires_at > now)
            .values(
                approved=approved,
                person_id=actor.person_id,
                session_id=session_id,
                auth_time=signed_in_at,
            )
            .returning(DeviceCode.device_sha256)
        )
        if decided is None:
            return False
        act = Act.CONSENT_GIVEN if approved else Act.CONSENT_REFUSED
        outcome = Outcome.SUCCESS if approved else Outcome.DENY
        detail = {"client": device.client.id, "scope": device.scope}
        runtime.journal.record(session, Entry(actor, act, outcome, detail=detail))
    return True


def poll_device(
    runtime: Runtime, actor: Actor, client: Client, given: tuple[str, str | None]
) -> Issued | Refused:
    """Tokens for a device once a person said yes; `given` is its code and its key."""
    code, jkt = given
    now = runtime.clock.now()
    with runtime.db.write() as session:
        row = _locked(session, digest(code))
        refused = _device_refused(row, client, now, jkt)
        if row is None or refused:
            return refused or Refused("invalid_grant", "unknown_code")
        row.used_at = now
        assert row.person_id is not None
        assert row.auth_time is not None
        browser = still_signed_in(session, runtime, row.person_id, row.session_id)
        if browser is None:
            return Refused("invalid_grant", "session_ended")
        family, ends_at = tokens.new_family(runtime), now + SESSION_LIFE
        what = Opening(
            client, row.person_id, row.scope, jkt, row.auth_time, family, ends_at,
            **carried(browser),
        )  # fmt: skip
        return tokens.opened(session, runtime, actor, what)


def _locked(session: Session, key: str) -> DeviceCode | None:
    """The device's row; its person is locked first, as by whoever ends all of their sessions."""
    person_id = session.scalar(select(DeviceCode.person_id).where(DeviceCode.device_sha256 == key))
    if person_id is not None:
        session.get(Person, person_id, with_for_update=True)
    return session.get(DeviceCode, key, with_for_update=True)


def _device_refused(
    row: DeviceCode | None, client: Client, now: datetime, jkt: str | None
) -> Refused | None:
    if row is None or row.client_id != client.id or row.used_at is not None:
        return Refused("invalid_grant", "unknown_code")
    if row.expires_at <= now:
        return Refused("expired_token", "code_expired")
    if row.dpop_jkt is not None and row.dpop_jkt != jkt:
        return Refused("invalid_grant", "other_key")
    if row.approved is None:
        return _asked_too_soon(row, now)
    return None if row.approved else Refused("access_denied", "person_refused")


def _asked_too_soon(row: DeviceCode, now: datetime) -> Refused:
    previous, row.polled_at = row.polled_at, now
    if previous is not None and now - previous < timedelta(seconds=row.interval_seconds):
        row.interval_seconds += DEVICE_INTERVAL
        return Refused("slow_down", "asked_too_soon")
    return Refused("authorization_pending", "not_decided")


def waiting_device(
    runtime: Runtime, typed: str, find: Callable[[str], Client | None]
) -> WaitingDevice | None:
    """The device behind a user code that still waits; `find` turns a client id into a client."""
    code = folded_user_code(typed)
    with runtime.db.read() as session:
        row = session.scalar(
            select(DeviceCode)
            .where(DeviceCode.user_code_sha256 == digest(code), DeviceCode.approved.is_(None))
            .where(DeviceCode.expires_at > runtime.clock.now())
        )
        if row is None:
            return None
        client_id, scope, key = row.client_id, row.scope, row.device_sha256
    client = find(client_id)
    return WaitingDevice(client, scope, key) if client is not None else None
