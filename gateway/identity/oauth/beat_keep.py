"""What the worker does for programs: says when one runs out, and forgets what has long ended."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, delete, select, update
from sqlalchemy.orm import Session

from gateway.identity.models import Membership, MembershipKind, Organisation, Person, PersonStatus
from gateway.identity.models_federation import WaitingIdentity
from gateway.identity.oauth.models import (
    AuthorizationCode,
    DeviceCode,
    OAuthClient,
    OAuthToken,
    PushedRequest,
    SeenIdentifier,
)
from gateway.identity.oauth.service_clients import WARN_BEFORE
from gateway.journal import Act, Actor, Entry
from gateway.notify import Letter, send
from gateway.runtime import Runtime

INTERVAL_SECONDS = 3600
FORGET_SECONDS = 60.0
# A replay is told from an unknown token only while the row is there, so it stays for a while.
KEPT = timedelta(days=7)
# Strangers make these, so they go soon; a device that comes late is still told that it is late.
LATE = timedelta(minutes=10)
STRANGERS = (PushedRequest, DeviceCode, SeenIdentifier, WaitingIdentity)
SUBJECT = "[수문] 프로그램 등록이 곧 끝납니다: {program} / A program runs out: {program}"
BODY = """{name} 님께

{organisation}의 프로그램 "{program}" 등록이 {day}에 끝납니다. 그 뒤에는 이 프로그램이 데이터 댐에
접속할 수 없습니다. 계속 쓰려면 그 전에 기관 관리자가 아래 화면에서 다시 등록해 주십시오.

{link}

----

To {name}

The program "{program}" of {organisation} is registered until {day} and cannot reach the data dam
after that. To keep it, a manager of the organisation registers it anew on this page before then.

{link}
"""


def keep(runtime: Runtime) -> None:
    """Warn about programs that end within 30 days, once each, and delete what ended long ago."""
    with runtime.db.read() as session:
        due = session.scalars(
            select(OAuthClient.id).where(
                OAuthClient.organisation_id.is_not(None),
                OAuthClient.ended_at.is_(None),
                OAuthClient.warned_at.is_(None),
                OAuthClient.expires_at <= runtime.clock.now() + WARN_BEFORE,
            )
        ).all()
    for client_id in due:
        _warn(runtime, client_id)
    _forget(runtime)


def _warn(runtime: Runtime, client_id: str) -> None:
    # The letters go first: sent twice they are one message, and never sent they would be missed.
    with runtime.db.read() as session:
        letters = _letters(session, runtime, session.get_one(OAuthClient, client_id))
    for letter in letters:
        send(runtime.settings, letter, runtime.clock.now())
    with runtime.db.write() as session:
        marked = session.scalar(
            update(OAuthClient)
            .where(OAuthClient.id == client_id, OAuthClient.warned_at.is_(None))
            .values(warned_at=runtime.clock.now())
            .returning(OAuthClient.id)
        )
        if marked is not None:
            detail = {"client": client_id, "letters": len(letters)}
            runtime.journal.record(session, Entry(Actor.system(), Act.CLIENT_WARNED, detail=detail))


def _letters(session: Session, runtime: Runtime, row: OAuthClient) -> list[Letter]:
    organisation = session.get_one(Organisation, row.organisation_id)
    base = runtime.settings.public_url.rstrip("/")
    day = row.expires_at.astimezone(runtime.settings.zone).date().isoformat()
    link = f"{base}/orgs/{organisation.id}/programs"
    words = {"program": row.name, "organisation": organisation.name, "day": day, "link": link}
    return [
        Letter(
            f"program-ends-{row.id}-{person.id}",
            person.name,
            person.email,
            SUBJECT.format(**words),
            BODY.format(name=person.name, **words),
        )
        for person in _concerned(session, row)
    ]


def _concerned(session: Session, row: OAuthClient) -> list[Person]:
    """The managers, and whoever answers for the program."""
    found = session.scalars(
        select(Person)
        .join(Membership, Membership.person_id == Person.id)
        .where(Membership.organisation_id == row.organisation_id, Membership.ended_at.is_(None))
        .where(Membership.confirmed_by.is_not(None), Person.status == PersonStatus.ACTIVE)
        .where((Membership.kind == MembershipKind.MANAGER) | (Person.id == row.responsible_id))
        .order_by(Person.id)
    )
    return list(found)


def forget_strangers(runtime: Runtime) -> None:
    """Delete what strangers may leave and what has run out; without a write when there is none."""
    before = runtime.clock.now() - LATE
    with runtime.db.read() as session:
        over = [kind for kind in STRANGERS if session.scalar(_any_before(kind, before))]
    for kind in over:
        with runtime.db.write() as session:
            session.execute(delete(kind).where(kind.expires_at < before))


def _any_before(kind: Any, before: datetime) -> Select[tuple[datetime]]:
    return select(kind.expires_at).where(kind.expires_at < before).limit(1)


def _forget(runtime: Runtime) -> None:
    before = runtime.clock.now() - KEPT
    with runtime.db.write() as session:
        for kind in (AuthorizationCode, OAuthToken):
            session.execute(delete(kind).where(kind.expires_at < before))
