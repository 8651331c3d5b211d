"""A first password for somebody who has come in another way only."""

from __future__ import annotations

import uuid

from gateway.errors import Problem, ProblemCode
from gateway.identity import passwords
from gateway.identity.service_passwords import store_password
from gateway.identity.service_people import NO_PASSWORD, get_person
from gateway.identity.ways import expect_recent, require_recent
from gateway.journal import Act, Actor, Entry
from gateway.runtime import Runtime


def set_first_password(runtime: Runtime, actor: Actor, new: str, session_id: uuid.UUID) -> None:
    """Set a password where there is none, soon after signing in; every other session ends.

    Raises Problem 409 when there is one or the sign-in is older than 15 minutes, 422 for an unfit
    password.
    """
    require_recent(runtime, session_id)
    with runtime.db.read() as reading:
        person = get_person(reading, actor.person_id)
    passwords.check_rules(new, person.account)
    hashed = passwords.hashed(runtime.db, new)
    with runtime.db.write() as session:
        person = get_person(session, actor.person_id, lock=True)
        expect_recent(session, runtime, session_id)
        if person.password_hash != NO_PASSWORD:
            raise Problem(ProblemCode.WRONG_STATE)
        store_password(session, runtime, person, hashed, session_id)
        entry = Entry(actor, Act.PASSWORD_CHANGED, subjects=[person.id], detail={"first": True})
        runtime.journal.record(session, entry)
