"""Confirming oneself with a passkey again, within a session that is open (RFC 9470)."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

from gateway.identity import guessing, passkeys, proofs, throttle
from gateway.identity.models import Acr, SessionChannel, SignInSession
from gateway.identity.oauth.vocabulary import MACHINE_AMR
from gateway.identity.passkeys import Ceremony, Use
from gateway.identity.service_fresh import Self, refuse
from gateway.identity.service_sessions import SignedIn, renew_token
from gateway.identity.throttle import Kind
from gateway.journal import Act, Entry
from gateway.runtime import Runtime


def step_up(runtime: Runtime, me: Self, answer: str, also: tuple[uuid.UUID, ...] = ()) -> SignedIn:
    """Confirm oneself with a passkey, for this session and for `also`, others of one's own: a
    client on the command line cannot ask for a passkey itself.

    The session gets a new token and its old one ends (ASVS 7.2.4): whoever had stolen that does
    not step up with its owner. Raises Problem 422 for what does not hold, 429 while blocked.
    """
    counted = [throttle.subject(runtime, Kind.FACTOR, str(me.person_id))]
    guessing.attempt(runtime, Entry(me.actor, Act.SESSION_STEPPED_UP), counted)
    proof = passkeys.proof(runtime, stepping_up(me), answer)
    stepped = None
    if proof is not None and proof.person_id == me.person_id:
        stepped = _step(runtime, me, proof, (me.session_id, *also))
    return stepped or refuse(runtime, me, Act.SESSION_STEPPED_UP, "credential", "wrong_passkey")


def _step(
    runtime: Runtime, me: Self, proof: proofs.Proof, sessions: tuple[uuid.UUID, ...]
) -> SignedIn | None:
    with runtime.db.write() as session:
        if not proof.spend(session):
            session.rollback()
            return None
        throttle.succeeded(session, [throttle.subject(runtime, Kind.FACTOR, str(me.person_id))])
        taken = session.scalars(
            update(SignInSession)
            .where(SignInSession.id.in_(sessions), SignInSession.person_id == me.person_id)
            .where(SignInSession.ended_at.is_(None), ~_of_a_machine())
            .values(acr=Acr.PHR, stepped_up_at=runtime.clock.now())
            .returning(SignInSession.id)
        ).all()
        detail = {"sessions": len(taken)}
        entry = Entry(
            me.actor, Act.SESSION_STEPPED_UP, ref=f"session:{me.session_id}", detail=detail
        )
        runtime.journal.record(session, entry)
        return renew_token(session, me.session_id)


def last_confirmed(session: Session, person_id: uuid.UUID, now: datetime) -> datetime | None:
    """When a passkey last confirmed the person in any session that is live at `now`.

    For questions about somebody whose own session is not at hand; what a machine in their name
    has shown does not count, as nobody stood before it.
    """
    moment: datetime | None = session.scalar(
        select(func.max(SignInSession.stepped_up_at, type_=SignInSession.stepped_up_at.type))
        .where(SignInSession.person_id == person_id, SignInSession.ended_at.is_(None))
        .where(SignInSession.expires_at > now, ~_of_a_machine())
    )
    return moment


def _of_a_machine() -> ColumnElement[bool]:
    """The condition that a session is one of a machine: no passkey is ever shown in that."""
    program = SignInSession.channel == SessionChannel.OAUTH
    return program & (SignInSession.amr == MACHINE_AMR)


def stepping_up(me: Self) -> Ceremony:
    """The ceremony of `step_up`, bound to the session."""
    return Ceremony(Use.STEP_UP, str(me.session_id))
