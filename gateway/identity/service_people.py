"""Accounts: sign up, be made by an operator, see and correct one's own data, stop and resume."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from gateway import ids
from gateway.errors import Problem, ProblemCode
from gateway.identity import guessing, passwords, rules
from gateway.identity.models import Person, PersonStatus
from gateway.identity.service_consents import check_consents, record_consents
from gateway.identity.service_leaving import take_away
from gateway.identity.service_role_reads import keep_an_operator
from gateway.identity.service_sessions import end_all_sessions
from gateway.identity.site_documents import SiteDocument
from gateway.journal import Act, Actor, Entry, PartyKind
from gateway.runtime import Runtime

# Matches no password: such a person signs in another way.
NO_PASSWORD = ""
NO_EMAIL = ""


@dataclass(frozen=True, slots=True)
class NewPerson:
    """What a new account is made of. `korean_national` is self-declared; None is not stated.

    `email` is None for a crowd worker who gave a telephone number instead.
    """

    account: str
    name: str
    email: str | None
    country: str = rules.KOREA
    korean_national: bool | None = None
    locale: str = "ko"


@dataclass(frozen=True, slots=True)
class Made:
    """A person about to be stored, and the event that says so."""

    person: Person
    actor: Actor
    act: Act
    consents: Mapping[SiteDocument, str] = field(default_factory=dict)


def sign_up(
    runtime: Runtime,
    actor: Actor,
    new: NewPerson,
    password: str,
    consents: Mapping[SiteDocument, str],
) -> Person:
    """Make an account for somebody who has read and accepted the site's documents.

    `consents` are the hashes of the texts that were shown. Raises Problem 409 when the account
    name is taken or a text has changed since, 422 for a field, 429 for too many from one address.
    """
    check_consents(consents)
    person = _with_password(runtime, new, password)
    guessing.count_sign_up(runtime, actor)
    person.password_hash = passwords.hashed(runtime.db, password)
    themselves = replace(acting(actor, person), kind=PartyKind.PERSON)
    _add(runtime, Made(person, themselves, Act.PERSON_SIGNED_UP, consents))
    return person


def create_person(runtime: Runtime, actor: Actor, new: NewPerson, password: str) -> Person:
    """Make an account on the host; the person accepts the site's documents when they sign in.

    Raises Problem 409 when the account name is taken, 422 for a field.
    """
    person = _with_password(runtime, new, password)
    person.password_hash = passwords.hashed(runtime.db, password)
    _add(runtime, Made(person, actor, Act.PERSON_CREATED))
    return person


def suspend(runtime: Runtime, actor: Actor, person_id: uuid.UUID, reason: str) -> None:
    """Stop an account: every session ends, and no grant serves another byte.

    Raises Problem 404, 409 for the last operator or an account that is stopped already.
    """
    _stop(runtime, actor, person_id, PersonStatus.SUSPENDED, rules.reason(reason))


def close(runtime: Runtime, actor: Actor, person_id: uuid.UUID, reason: str) -> None:
    """Close an account for good, with every way to sign in to it and every program of it. The row
    stays: others' decisions and signatures point to it.

    Raises as `suspend`.
    """
    _stop(runtime, actor, person_id, PersonStatus.CLOSED, rules.reason(reason))


def close_own(runtime: Runtime, actor: Actor, password: str) -> None:
    """Close one's own account after giving the password once more.

    Raises Problem 422 for a wrong password, 429 while blocked, 409 for the last operator.
    """
    with runtime.db.read() as session:
        person = get_person(session, actor.person_id)
    guessing.ask_again(runtime, actor, Act.PERSON_CLOSED, person, ("password", password))
    _stop(runtime, actor, person.id, PersonStatus.CLOSED, "")


def resume(runtime: Runtime, actor: Actor, person_id: uuid.UUID) -> None:
    """Let a suspended account sign in again. Raises Problem 409 for any other state."""
    with runtime.db.write() as session:
        person = get_person(session, person_id, lock=True)
        if person.status != PersonStatus.SUSPENDED:
            raise _wrong_state(person)
        person.status, person.status_reason = PersonStatus.ACTIVE, ""
        runtime.journal.record(session, _about(actor, Act.PERSON_RESUMED, person))


def get_person(session: Session, person_id: uuid.UUID | None, *, lock: bool = False) -> Person:
    """The person. Raises Problem 404."""
    person = session.get(Person, person_id, with_for_update=lock) if person_id else None
    if person is None:
        raise Problem(ProblemCode.NOT_FOUND)
    return person


def list_all(session: Session) -> Sequence[Person]:
    """Every account, oldest first."""
    return session.scalars(select(Person).order_by(Person.created_at, Person.id)).all()


def find_by_account(session: Session, account: str) -> Person | None:
    """The person of an account name in any spelling, or None."""
    return session.scalar(select(Person).where(Person.account == rules.fold(account)))


def by_account(session: Session, account: str) -> Person:
    """The person of an account name. Raises Problem 404 naming it."""
    person = find_by_account(session, account)
    if person is None:
        raise Problem(
            ProblemCode.NOT_FOUND,
            f"해당 아이디가 없습니다: {account}",
            f"There is no account {account}.",
        )
    return person


def personal(person: Person) -> dict[str, str]:
    """The fields that the log seals under the person's own key."""
    return {"account": person.account, "name": person.name}


def acting(actor: Actor, person: Person) -> Actor:
    """The same place, with `person` acting."""
    return replace(actor, person_id=person.id, personal=personal(person))


def _with_password(runtime: Runtime, new: NewPerson, password: str) -> Person:
    passwords.check_rules(password, rules.account(new.account))
    return valid_person(runtime, new)


def valid_person(runtime: Runtime, new: NewPerson) -> Person:
    """A person who has no password yet. Raises Problem 422 for a field."""
    now = runtime.clock.now()
    return Person(
        id=ids.new(runtime.clock),
        account=rules.account(new.account),
        name=rules.name(new.name),
        email=NO_EMAIL if new.email is None else rules.email(new.email),
        country=rules.country(new.country),
        korean_national=new.korean_national,
        locale=rules.locale(new.locale),
        status=PersonStatus.ACTIVE,
        status_reason="",
        password_hash=NO_PASSWORD,
        password_changed_at=now,
        created_at=now,
    )


def _add(runtime: Runtime, made: Made) -> None:
    with runtime.db.write() as session:
        add_person(session, runtime, made)


def add_person(session: Session, runtime: Runtime, made: Made) -> None:
    """Store a new person in the caller's transaction. Raises Problem 409 for a taken account."""
    try:
        session.add(made.person)
        session.flush()
        record_consents(session, runtime, made.person, made.consents)
        runtime.journal.record(session, _about(made.actor, made.act, made.person))
    except IntegrityError as error:
        raise Problem(
            ProblemCode.CONFLICT,
            "이미 쓰고 있는 아이디입니다. 다른 아이디를 정해 주십시오.",
            "This account name is taken. Please choose another.",
            field="account",
        ) from error


def _about(actor: Actor, act: Act, person: Person, reason: str = "") -> Entry:
    """An event about a person, who is also named under their own key when somebody else acts."""
    other = actor.person_id != person.id
    fields = personal(person) | ({"reason": reason} if reason else {})
    return Entry(
        actor,
        act,
        subjects=[person.id],
        ref=f"person:{person.id}",
        about={person.id: fields} if other else {},
    )


def _stop(
    runtime: Runtime, actor: Actor, person_id: uuid.UUID, status: PersonStatus, reason: str
) -> None:
    act = Act.PERSON_CLOSED if status is PersonStatus.CLOSED else Act.PERSON_SUSPENDED
    with runtime.db.write() as session:
        person = get_person(session, person_id, lock=True)
        if person.status in (PersonStatus.CLOSED, status):
            raise _wrong_state(person)
        keep_an_operator(session, person.id, runtime.clock.now())
        person.status, person.status_reason = status, reason
        end_all_sessions(session, runtime, person.id)
        gone = take_away(session, runtime, person.id) if status is PersonStatus.CLOSED else {}
        runtime.journal.record(session, replace(_about(actor, act, person, reason), detail=gone))


def _wrong_state(person: Person) -> Problem:
    return Problem(
        ProblemCode.WRONG_STATE,
        "이 계정의 현재 상태에서는 할 수 없습니다.",
        f"The account is {person.status}; this is not possible now.",
    )
