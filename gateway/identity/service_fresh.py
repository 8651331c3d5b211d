"""Whoever changes factors shows first what they have: the password, and a factor shown just now.

A session that was left open, or opened before there was a factor, is not enough. What is shown is
never weaker than what the account has: where there is a passkey, a one-time password does not
add or remove one; a recovery code, which was given out for this, does.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NoReturn

from sqlalchemy import update
from sqlalchemy.orm import Session

from gateway.identity import guessing, proofs, rules, throttle
from gateway.identity.factors import Factors, factors_of
from gateway.identity.models import Person, SignInSession
from gateway.identity.proofs import OTP, Proof
from gateway.identity.service_people import get_person
from gateway.identity.throttle import Kind
from gateway.journal import Act, Actor, Entry, Outcome
from gateway.runtime import Runtime

WINDOW = timedelta(minutes=15)
REGISTERED = "registered"
"""What a session has shown in which a passkey was made: its owner stood before it."""


@dataclass(frozen=True, slots=True)
class Self:
    """The actor and the session they are in, which outlives the others."""

    actor: Actor
    session_id: uuid.UUID

    @property
    def person_id(self) -> uuid.UUID:
        """The signed-in person."""
        assert self.actor.person_id is not None, "only people who are signed in have factors"
        return self.actor.person_id


@dataclass(frozen=True, slots=True)
class Given:
    """What is typed before a change: the password, and where it is due a code."""

    password: str
    code: str = ""


def is_fresh(factors: Factors, row: SignInSession | None, now: datetime) -> bool:
    """Whether this session has shown in the last 15 minutes what the account has."""
    if row is None or row.ended_at is not None:
        return False
    if not factors.any or _lately(row.stepped_up_at, now):
        return True
    enough = row.factor_shown != OTP or not factors.passkeys
    return bool(row.factor_shown) and enough and _lately(row.factor_shown_at, now)


def due(runtime: Runtime, me: Self) -> Factors | None:
    """The factors of which one must be shown before a change; None when nothing is due."""
    with runtime.db.read() as session:
        factors, row = factors_of(session, me.person_id), session.get(SignInSession, me.session_id)
    return None if is_fresh(factors, row, runtime.clock.now()) else factors


def ask(runtime: Runtime, me: Self, act: Act, given: Given) -> Person:
    """The person, whose password this is, and who has shown a factor lately or shows one now.

    Raises Problem 422 at `password` or `code`, 429 while blocked.
    """
    with runtime.db.read() as session:
        person = get_person(session, me.person_id)
    guessing.ask_again(runtime, me.actor, act, person, ("password", given.password))
    factors = due(runtime, me)
    if factors is not None:
        _show(runtime, me, act, given.code, factors)
    return person


def expect(session: Session, runtime: Runtime, me: Self, field: str) -> Factors:
    """The factors before the change, in its transaction, with the person locked.

    Raises Problem 422 at `field` when a factor is due, which `ask` was too long ago to settle.
    """
    get_person(session, me.person_id, lock=True)
    factors = factors_of(session, me.person_id)
    row = session.get(SignInSession, me.session_id)
    if not is_fresh(factors, row, runtime.clock.now()):
        rules.refuse(
            field,
            "인증한 지 15분이 지났습니다. 처음부터 다시 해 주십시오.",
            "More than 15 minutes have gone by. Please try again from the start.",
        )
    return factors


def shown(session: Session, me: Self, how: str, now: datetime, **more: Any) -> None:
    """Note in the session of `me` what was shown in it, in the caller's transaction."""
    mine = update(SignInSession).where(SignInSession.id == me.session_id)
    session.execute(mine.values(factor_shown=how, factor_shown_at=now, **more))


def refuse(runtime: Runtime, me: Self, act: Act, field: str, reason: str) -> NoReturn:
    """Record the refusal, and say so at the form's field."""
    runtime.folding.record(Entry(me.actor, act, Outcome.DENY, reason=reason))
    rules.refuse(
        field,
        "확인하지 못했습니다. 처음부터 다시 해 주십시오."
        if field == "credential"
        else "일회용 비밀번호가 다릅니다. 인증 앱에 새로 나온 6자리를 입력해 주십시오.",
        "This could not be confirmed. Please try again from the start."
        if field == "credential"
        else "The one-time password is not right. Enter the six digits your app shows now.",
    )


def _lately(moment: datetime | None, now: datetime) -> bool:
    return moment is not None and now < moment + WINDOW


def _show(runtime: Runtime, me: Self, act: Act, code: str, factors: Factors) -> None:
    if not code:
        _nothing_shown(factors)
    counted = [throttle.subject(runtime, Kind.FACTOR, str(me.person_id))]
    guessing.attempt(runtime, Entry(me.actor, act), counted)
    proof = proofs.by_code(runtime, me.person_id, code)
    if proof is None or (proof.amr == OTP and factors.passkeys):
        _wrong(runtime, me, act, factors)
    if not _noted(runtime, me, proof, counted):
        _wrong(runtime, me, act, factors)


def _noted(runtime: Runtime, me: Self, proof: Proof, counted: list[throttle.Subject]) -> bool:
    with runtime.db.write() as session:
        get_person(session, me.person_id, lock=True)
        if not proof.spend(session):
            session.rollback()
            return False
        shown(session, me, proof.amr, runtime.clock.now())
        throttle.succeeded(session, counted)
        act = Act.RECOVERY_CODE_USED if proof.recovery else Act.SESSION_FACTOR_SHOWN
        entry = Entry(me.actor, act, subjects=[me.person_id], ref=f"session:{me.session_id}")
        runtime.journal.record(session, entry)
    return True


def _nothing_shown(factors: Factors) -> NoReturn:
    if factors.passkeys:
        rules.refuse(
            "code",
            "먼저 패스키로 추가 인증을 하거나, 쓰지 않은 복구 코드를 입력해 주십시오.",
            "Confirm with a passkey first, or enter an unused recovery code.",
        )
    rules.refuse(
        "code",
        "인증 앱의 새 일회용 비밀번호나 쓰지 않은 복구 코드를 입력해 주십시오.",
        "Enter a new one-time password of your app, or an unused recovery code.",
    )


def _wrong(runtime: Runtime, me: Self, act: Act, factors: Factors) -> NoReturn:
    runtime.folding.record(Entry(me.actor, act, Outcome.DENY, reason="wrong_second_factor"))
    _nothing_shown(factors)
