"""Setting up, removing and resetting second factors.

Setting up or removing asks for the password once more, and where there is a factor for one that
is shown now (see `service_fresh`). The first factor, a removal and a reset end every other session:
those were opened on weaker or on lost grounds. The person is told of every change by mail.
"""

from __future__ import annotations

import hmac
import uuid
from dataclasses import dataclass

import pyotp
from sqlalchemy import Executable, delete, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from gateway import ids
from gateway.errors import Problem, ProblemCode
from gateway.identity import guessing, passkeys, proofs, rules, throttle
from gateway.identity.factors import Factors, factors_of
from gateway.identity.jobs_factors import News, tell
from gateway.identity.models import Acr, Person, SignInSession
from gateway.identity.models_factors import OneTimePassword, Passkey, RecoveryCode
from gateway.identity.passkeys import Ceremony, Use
from gateway.identity.service_fresh import (
    REGISTERED,
    WINDOW,
    Given,
    Self,
    ask,
    expect,
    refuse,
    shown,
)
from gateway.identity.service_people import get_person
from gateway.identity.service_sessions import end_all_sessions
from gateway.identity.throttle import Kind
from gateway.journal import Act, Actor, Entry
from gateway.runtime import Runtime

ISSUER = "Sumun"
MOST_PASSKEYS = 20
NAME_LENGTH = 60
TOTP_KIND, PASSKEY_KIND = "one_time_password", "passkey"


@dataclass(frozen=True, slots=True)
class Secret:
    """A TOTP secret that waits for its first code: as text, and as the address in the QR code."""

    text: str
    uri: str


def begin_totp(runtime: Runtime, me: Self, given: Given) -> Secret:
    """A new secret that counts once `confirm_totp` has seen a code of it.

    Raises Problem as `service_fresh.ask`, and 409 while a confirmed one exists.
    """
    person = ask(runtime, me, Act.FACTOR_ADDED, given)
    text = pyotp.random_base32()
    row = OneTimePassword(
        person_id=person.id,
        sealed=proofs.seal(runtime, person.id, text),
        last_step=0,
        created_at=runtime.clock.now(),
    )
    with runtime.db.write() as session:
        get_person(session, person.id, lock=True)
        known = session.get(OneTimePassword, person.id)
        if known is not None and known.confirmed_at is not None:
            raise Problem(ProblemCode.WRONG_STATE)
        session.merge(row)
    return _secret(person, text)


def waiting_totp(runtime: Runtime, me: Self, secret: str) -> Secret:
    """The secret that waits for its first code, for whoever knows it.

    Raises Problem 409 when another one waits, or none.
    """
    with runtime.db.read() as session:
        person = get_person(session, me.person_id)
        _unconfirmed(session, runtime, person.id, secret)
    return _secret(person, secret)


def confirm_totp(runtime: Runtime, me: Self, secret: str, code: str) -> tuple[str, ...]:
    """Let the secret count; its code is used up. Recovery codes when it is the first factor.

    It is given back by the page on which it was shown after the password: who has no more than
    the session never saw it. Raises Problem 422 for a wrong code, 409 when it does not wait or no
    longer, 429 while blocked.
    """
    counted = [throttle.subject(runtime, Kind.FACTOR, str(me.person_id))]
    guessing.attempt(runtime, Entry(me.actor, Act.FACTOR_ADDED), counted)
    with runtime.db.read() as session:
        row = _unconfirmed(session, runtime, me.person_id, secret)
    step = proofs.matching_step(runtime, secret, "".join(code.split()))
    if step is None:
        refuse(runtime, me, Act.FACTOR_ADDED, "code", "wrong_second_factor")
    with runtime.db.write() as session:
        had = expect(session, runtime, me, "code")
        confirmed = (
            update(OneTimePassword)
            .where(OneTimePassword.person_id == me.person_id)
            .where(OneTimePassword.sealed == row.sealed, OneTimePassword.confirmed_at.is_(None))
            .values(confirmed_at=runtime.clock.now(), last_step=step)
        )
        if not proofs.changed_one(session, confirmed):
            raise _not_waiting()
        throttle.succeeded(session, counted)
        shown(session, me, proofs.OTP, runtime.clock.now())
        return _added(session, runtime, me, had, TOTP_KIND)


def begin_passkey(runtime: Runtime, me: Self, given: Given) -> str:
    """The options for the browser. Raises Problem as `service_fresh.ask`, 409 for too many
    passkeys."""
    person = ask(runtime, me, Act.FACTOR_ADDED, given)
    with runtime.db.read() as session:
        known = factors_of(session, person.id).passkeys
    if len(known) >= MOST_PASSKEYS or not passkeys.possible(runtime.settings):
        raise Problem(ProblemCode.WRONG_STATE)
    return passkeys.options_to_register(runtime, _registering(me), person, known)


def add_passkey(runtime: Runtime, me: Self, name: str, answer: str) -> tuple[str, ...]:
    """Store the credential in a browser's answer. Recovery codes when it is the first factor.

    Raises Problem 422 for an answer that does not hold, or a credential that is known.
    """
    name = rules.line("name", name, NAME_LENGTH)
    found = passkeys.registered(runtime, _registering(me), answer)
    if found is None:
        refuse(runtime, me, Act.FACTOR_ADDED, "credential", "wrong_passkey")
    row = Passkey(
        id=ids.new(runtime.clock),
        person_id=me.person_id,
        credential_id=found.credential.credential_id,
        public_key=found.credential.credential_public_key,
        sign_count=found.credential.sign_count,
        name=name,
        created_at=runtime.clock.now(),
    )
    try:
        with runtime.db.write() as session:
            had = expect(session, runtime, me, "credential")
            if not found.spend(session):
                raise Problem(ProblemCode.WRONG_STATE)
            session.add(row)
            session.flush()
            shown(session, me, REGISTERED, runtime.clock.now())
            return _added(session, runtime, me, had, PASSKEY_KIND)
    except IntegrityError:
        refuse(runtime, me, Act.FACTOR_ADDED, "credential", "passkey_known")


def remove_totp(runtime: Runtime, me: Self, given: Given) -> None:
    """Remove the authenticator app. Raises Problem as `service_fresh.ask`, 404 without one."""
    gone = delete(OneTimePassword).where(OneTimePassword.person_id == me.person_id)
    _remove(runtime, me, given, gone, TOTP_KIND)


def remove_passkey(runtime: Runtime, me: Self, passkey_id: uuid.UUID, given: Given) -> None:
    """Remove one of one's own passkeys. Raises Problem as `service_fresh.ask`, 404 for others'."""
    gone = delete(Passkey).where(Passkey.person_id == me.person_id, Passkey.id == passkey_id)
    _remove(runtime, me, given, gone, PASSKEY_KIND)


def renew_codes(runtime: Runtime, me: Self, given: Given) -> tuple[str, ...]:
    """New recovery codes; the old ones end. Raises Problem as `service_fresh.ask`, 409 without a
    factor."""
    ask(runtime, me, Act.RECOVERY_CODES_MADE, given)
    with runtime.db.write() as session:
        if not expect(session, runtime, me, "code").any:
            raise Problem(ProblemCode.WRONG_STATE)
        tell(session, runtime, me.person_id, News.CODES)
        return _new_codes(session, runtime, me)


def reset_factors(runtime: Runtime, actor: Actor, person_id: uuid.UUID, reason: str) -> Factors:
    """Remove every factor and recovery code and end every session; what there was is returned.

    For an operator who has made sure who asks. Raises Problem 404, 409 without a factor, 422 for a
    reason that is none.
    """
    reason = rules.reason(reason)
    with runtime.db.write() as session:
        person = get_person(session, person_id, lock=True)
        had = factors_of(session, person.id)
        if not had.any:
            raise Problem(ProblemCode.WRONG_STATE)
        for table in (Passkey, OneTimePassword, RecoveryCode):
            session.execute(delete(table).where(table.person_id == person.id))
        end_all_sessions(session, runtime, person.id)
        tell(session, runtime, person.id, News.RESET)
        about = {person.id: {"account": person.account, "name": person.name, "reason": reason}}
        entry = Entry(actor, Act.FACTORS_RESET, subjects=[person.id], about=about)
        runtime.journal.record(session, entry)
    return had


def _registering(me: Self) -> Ceremony:
    return Ceremony(Use.REGISTER, str(me.session_id))


def _added(
    session: Session, runtime: Runtime, me: Self, had: Factors, kind: str
) -> tuple[str, ...]:
    entry = Entry(me.actor, Act.FACTOR_ADDED, subjects=[me.person_id], detail={"kind": kind})
    runtime.journal.record(session, entry)
    tell(session, runtime, me.person_id, News(f"{kind}_added"))
    if had.any:
        return ()
    end_all_sessions(session, runtime, me.person_id, me.session_id)
    # The password opened this session, and the factor has just been shown in it.
    session.execute(
        update(SignInSession).where(SignInSession.id == me.session_id).values(acr=Acr.MFA)
    )
    return _new_codes(session, runtime, me)


def _remove(runtime: Runtime, me: Self, given: Given, gone: Executable, kind: str) -> None:
    ask(runtime, me, Act.FACTOR_REMOVED, given)
    with runtime.db.write() as session:
        expect(session, runtime, me, "code")
        if not proofs.changed_one(session, gone):
            raise Problem(ProblemCode.NOT_FOUND)
        if not factors_of(session, me.person_id).any:
            session.execute(delete(RecoveryCode).where(RecoveryCode.person_id == me.person_id))
        end_all_sessions(session, runtime, me.person_id, me.session_id)
        tell(session, runtime, me.person_id, News(f"{kind}_removed"))
        entry = Entry(me.actor, Act.FACTOR_REMOVED, subjects=[me.person_id], detail={"kind": kind})
        runtime.journal.record(session, entry)


def _new_codes(session: Session, runtime: Runtime, me: Self) -> tuple[str, ...]:
    codes, now = proofs.new_recovery_codes(), runtime.clock.now()
    session.execute(delete(RecoveryCode).where(RecoveryCode.person_id == me.person_id))
    digests = [proofs.recovery_digest(me.person_id, code) for code in codes]
    session.add_all(
        RecoveryCode(code_sha256=each, person_id=me.person_id, created_at=now) for each in digests
    )
    runtime.journal.record(
        session, Entry(me.actor, Act.RECOVERY_CODES_MADE, subjects=[me.person_id])
    )
    return codes


def _unconfirmed(
    session: Session, runtime: Runtime, person_id: uuid.UUID, secret: str
) -> OneTimePassword:
    row = session.get(OneTimePassword, person_id)
    if row is None or row.confirmed_at is not None:
        raise _not_waiting()
    kept = proofs.unseal(runtime, person_id, row.sealed)
    known = hmac.compare_digest(kept.encode(), secret.encode())
    if not known or runtime.clock.now() >= row.created_at + WINDOW:
        raise _not_waiting()
    return row


def _not_waiting() -> Problem:
    return Problem(
        ProblemCode.WRONG_STATE,
        "등록을 기다리는 인증 앱이 아니거나 15분이 지났습니다. 처음부터 다시 등록해 주십시오.",
        "This authenticator app does not wait to be set up, or no longer: 15 minutes have gone by. "
        "Please begin again.",
    )


def _secret(person: Person, text: str) -> Secret:
    return Secret(text, pyotp.TOTP(text).provisioning_uri(name=person.account, issuer_name=ISSUER))
