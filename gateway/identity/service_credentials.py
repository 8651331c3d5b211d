"""The first step of sign-in: whose password this is. Nothing is opened here."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.errors import Problem, ProblemCode
from gateway.identity import flood, guessing, passwords, rules, throttle
from gateway.identity.models import Person, PersonStatus
from gateway.journal import Act, Actor, Entry, Outcome
from gateway.runtime import Runtime

CHANGED = "changed_meanwhile"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What somebody claims to be; `device` is how they name the machine they sit at."""

    account: str
    password: str
    device: str = ""


@dataclass(frozen=True, slots=True)
class Checked:
    """Somebody whose password was right. `refusal` is what a refusal after that will say."""

    person: Person
    counted: list[throttle.Subject]
    refusal: Entry


def check_password(runtime: Runtime, actor: Actor, credentials: Credentials) -> Checked:
    """The active person whose password this is; nothing is opened yet.

    Raises Problem 401 with one answer for unknown names and wrong passwords, and with another for
    a right password of a stopped account; 429 while blocked; 503 while too many sign in at once,
    which counts no attempt. Every refusal is an event.
    """
    with flood.turn():
        return _checked(runtime, actor, credentials)


def _checked(runtime: Runtime, actor: Actor, credentials: Credentials) -> Checked:
    folded = rules.fold(credentials.account)
    tried = _tried(runtime, actor, credentials.account, folded)
    counted = guessing.counted_by(runtime, actor, folded)
    guessing.attempt(runtime, tried, counted)
    person = _verified(runtime, folded, credentials.password)
    if person is None:
        raise refused(runtime, tried, guessing.WRONG)
    if person.status != PersonStatus.ACTIVE:
        raise refused(runtime, tried, f"account_{person.status}")
    return Checked(person, counted, tried)


def unchanged(session: Session, checked: Checked) -> Person | None:
    """The person, locked; None when password or status changed while it was being checked."""
    before = checked.person
    person = session.get_one(Person, before.id, with_for_update=True)
    same = (person.password_hash, person.status) == (before.password_hash, PersonStatus.ACTIVE)
    return person if same else None


def second_factor_required() -> Problem:
    """The answer to a right password where a second factor is needed as well."""
    return Problem(ProblemCode.SECOND_FACTOR_REQUIRED)


def _verified(runtime: Runtime, account: str, password: str) -> Person | None:
    with runtime.db.read() as session:
        person = session.scalar(select(Person).where(Person.account == account))
    stored = person.password_hash if person else None
    # The password is cut, not refused: length must not tell a long guess from a wrong one. Its
    # stored form is cut: some systems send a syllable of Korean as three characters.
    given = passwords.normal(password)[: passwords.LONGEST + 1]
    return person if passwords.matches(runtime.db, stored, given) else None


def _tried(runtime: Runtime, actor: Actor, typed: str, folded: str) -> Entry:
    """What a refusal will say. The name that was typed is sealed under the key of the person it
    names, so that it is erased with them; a name that is nobody's, under that of the month."""
    fields = {"account": typed[:64]}
    with runtime.db.read() as session:
        person = session.scalar(select(Person.id).where(Person.account == folded))
    if person is None:
        return Entry(replace(actor, personal=fields), Act.SESSION_REFUSED, Outcome.DENY)
    about = {person: fields}
    return Entry(actor, Act.SESSION_REFUSED, Outcome.DENY, subjects=[person], about=about)


def refused(runtime: Runtime, tried: Entry, reason: str) -> Problem:
    """Record that a sign-in was refused; the Problem 401 that says so."""
    runtime.folding.record(replace(tried, reason=reason))
    code = ProblemCode.SIGN_IN_FAILED
    if reason.startswith("account_"):
        return stopped()
    return Problem(
        code, "아이디 또는 비밀번호가 다릅니다.", "The account name or the password is not right."
    )


def stopped() -> Problem:
    """The answer to somebody who proved who they are and whose account is stopped."""
    return Problem(
        ProblemCode.SIGN_IN_FAILED,
        "이 계정은 이용이 정지되었거나 종결되었습니다. 운영자에게 문의해 주십시오.",
        "This account is suspended or closed. Please ask the operator.",
    )
