"""The person who answers for a machine accepts that, shown anew; nothing works before.

What they had shown goes on the machine: with a passkey its tokens count as confirmed by one, as a
manager could otherwise make for health and face data what no passkey of the person ever allowed.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session, aliased

from gateway.errors import Problem, ProblemCode
from gateway.identity import service_fresh
from gateway.identity.models import Acr, Organisation, Person, SignInSession
from gateway.identity.oauth.models import ClientKind, OAuthClient
from gateway.identity.oauth.service_tokens import end_sessions_of
from gateway.identity.service_fresh import WINDOW, Given, Self
from gateway.journal import Act, Actor, Entry
from gateway.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Answered:
    """A machine, whose it is, and which manager registered it."""

    client: OAuthClient
    organisation: str
    registered_by: str

    @property
    def waits(self) -> bool:
        """Whether nobody has accepted it yet."""
        return self.client.accepted_at is None

    @property
    def with_passkey(self) -> bool:
        """Whether its tokens count as confirmed by a passkey."""
        return self.client.accepted_acr == Acr.PHR


def machines_of(session: Session, person_id: uuid.UUID, now: datetime) -> Sequence[Answered]:
    """The live machines for which the person is to answer or does, oldest first."""
    maker = aliased(Person)
    rows = session.execute(
        select(OAuthClient, Organisation.name, maker.name)
        .join(Organisation, Organisation.id == OAuthClient.organisation_id)
        .outerjoin(maker, maker.id == OAuthClient.created_by)
        .where(_theirs(person_id, now))
        .order_by(OAuthClient.created_at, OAuthClient.id)
    )
    return [Answered(client, place, by or "") for client, place, by in rows]


def machine_of(session: Session, person_id: uuid.UUID, client_id: str, now: datetime) -> Answered:
    """One of them. Raises Problem 404, also for somebody else's."""
    held = {each.client.id: each for each in machines_of(session, person_id, now)}
    if client_id not in held:
        raise Problem(ProblemCode.NOT_FOUND)
    return held[client_id]


def accept(runtime: Runtime, me: Self, client_id: str, given: Given) -> None:
    """Answer for a machine from now on, or once more with a passkey.

    Raises Problem 404 for one that is not theirs, 422 and 429 as `service_fresh.ask` does, 409
    when there is nothing to accept.
    """
    with runtime.db.read() as session:
        machine_of(session, me.person_id, client_id, runtime.clock.now())
    service_fresh.ask(runtime, me, Act.CLIENT_ACCEPTED, given)
    with runtime.db.write() as session:
        service_fresh.expect(session, runtime, me, "code")
        acr = _shown(session, me, runtime.clock.now())
        if not _mark(session, runtime, (me.person_id, client_id), acr):
            raise Problem(ProblemCode.WRONG_STATE)
        detail = {"client": client_id, "acr": str(acr)}
        runtime.journal.record(session, Entry(me.actor, Act.CLIENT_ACCEPTED, detail=detail))


def end_own(runtime: Runtime, actor: Actor, client_id: str) -> bool:
    """Decline a machine, or end it when it was accepted; its tokens stop with their next use.

    Returns whether it had been accepted. Raises Problem 404 for one that is not theirs or is over.
    """
    assert actor.person_id is not None, "only people who are signed in answer for machines"
    now = runtime.clock.now()
    with runtime.db.write() as session:
        row = session.scalar(
            update(OAuthClient)
            .where(OAuthClient.id == client_id, _theirs(actor.person_id, now))
            .values(ended_at=now)
            .returning(OAuthClient)
        )
        if row is None:
            raise Problem(ProblemCode.NOT_FOUND)
        end_sessions_of(session, runtime, client_id)
        accepted = row.accepted_at is not None
        act = Act.CLIENT_ENDED if accepted else Act.CLIENT_DECLINED
        runtime.journal.record(session, Entry(actor, act, detail={"client": client_id}))
        return accepted


def _theirs(person_id: uuid.UUID, now: datetime) -> ColumnElement[bool]:
    return (
        (OAuthClient.kind == ClientKind.MACHINE)
        & (OAuthClient.responsible_id == person_id)
        & OAuthClient.ended_at.is_(None)
        & (OAuthClient.expires_at > now)
    )


def _mark(session: Session, runtime: Runtime, whose: tuple[uuid.UUID, str], acr: Acr) -> bool:
    """Whether this request is the one that accepts: of parallel ones exactly one is."""
    person_id, client_id = whose
    now = runtime.clock.now()
    open_: ColumnElement[bool] = OAuthClient.accepted_at.is_(None)
    if acr is Acr.PHR:
        open_ = open_ | (OAuthClient.accepted_acr != Acr.PHR)
    marked = session.scalar(
        update(OAuthClient)
        .where(OAuthClient.id == client_id, _theirs(person_id, now), open_)
        .values(accepted_at=now, accepted_acr=acr)
        .returning(OAuthClient.id)
    )
    return marked is not None


def _shown(session: Session, me: Self, now: datetime) -> Acr:
    """What this session has shown within 15 minutes, besides the password just now."""
    row = session.get_one(SignInSession, me.session_id)
    if row.stepped_up_at is not None and now < row.stepped_up_at + WINDOW:
        return Acr.PHR
    lately = row.factor_shown_at is not None and now < row.factor_shown_at + WINDOW
    return Acr.MFA if row.factor_shown and lately else Acr.PASSWORD
