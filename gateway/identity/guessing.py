"""Passwords that are asked for: every guess is counted, and every refusal is an event."""

from __future__ import annotations

from dataclasses import replace

from gateway.identity import passwords, rules, throttle
from gateway.identity.models import Person
from gateway.identity.throttle import Blocked, Kind, Subject
from gateway.journal import Act, Actor, Entry, Outcome
from gateway.runtime import Runtime
from gateway.security.throttle import group, site

TOO_MANY = "too_many_attempts"
WRONG = "wrong_credentials"


def counted_by(runtime: Runtime, actor: Actor, account: str) -> list[Subject]:
    """Under what a guess at the password of `account` (folded) counts: the account, the address."""
    return [
        throttle.subject(runtime, Kind.ACCOUNT, account),
        throttle.subject(runtime, Kind.ADDRESS, group(actor.place.address or "")),
    ]


def attempt(runtime: Runtime, refusal: Entry, counted: list[Subject]) -> None:
    """Count one attempt before anything is looked at.

    Raises Problem 429 while blocked: `refusal` is written to the log, or folded into a count.
    """
    try:
        throttle.attempt(runtime, counted)
    except Blocked as blocked:
        if runtime.folding.refused(TOO_MANY, refusal.actor.place.address or ""):
            runtime.journal.append(replace(refusal, outcome=Outcome.DENY, reason=TOO_MANY))
        raise blocked.problem from None


def ask_again(
    runtime: Runtime, actor: Actor, act: Act, person: Person, given: tuple[str, str]
) -> None:
    """Ask a person who is signed in for the password once more before `act`.

    `given` is the form's field and what was typed. Guesses count with those at sign-in. Raises
    Problem 422 for a wrong password, 429 while blocked; either is an event.
    """
    field, password = given
    counted = counted_by(runtime, actor, person.account)
    attempt(runtime, Entry(actor, act), counted)
    if not passwords.matches(runtime.db, person.password_hash, password):
        runtime.journal.append(Entry(actor, act, Outcome.DENY, reason=WRONG))
        rules.refuse(field, "비밀번호가 다릅니다.", "The password is not right.")
    with runtime.db.write() as session:
        throttle.succeeded(session, counted)


def count_sign_up(runtime: Runtime, actor: Actor) -> None:
    """Count a new account for its address and for the site of that. Raises Problem 429."""
    try:
        throttle.attempt(runtime, sign_up_sources(runtime, actor))
    except Blocked as blocked:
        raise blocked.problem from None


def sign_up_sources(runtime: Runtime, actor: Actor) -> list[Subject]:
    """Under what a new account counts: the address, and the site that it is part of."""
    address = actor.place.address or ""
    return [
        throttle.subject(runtime, Kind.SIGN_UP, group(address)),
        throttle.subject(runtime, Kind.SIGN_UP_SITE, site(address)),
    ]
