"""A person's own data, corrected by themselves."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from gateway.identity import rules
from gateway.identity.models import Person
from gateway.identity.service_attestations import end_identity_checks
from gateway.identity.service_people import get_person
from gateway.identity.ways import expect_live, expect_recent
from gateway.journal import Act, Actor, Entry
from gateway.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Correction:
    """A person's own data as they want it to be."""

    name: str
    email: str
    country: str
    korean_national: bool | None
    locale: str


def correct(
    runtime: Runtime, actor: Actor, correction: Correction, session_id: uuid.UUID
) -> Person:
    """Let a person correct their own data.

    A checked identity speaks of the name and nationality it was checked with, so changing either
    ends it. Invitations and signatures go by the address, so changing that needs a sign-in of the
    last 15 minutes (ASVS 7.5.1). Raises Problem 422 for a field, 409 for an older sign-in, 401 for
    a session that has ended meanwhile.
    """
    email = rules.email(correction.email)
    with runtime.db.write() as session:
        person = get_person(session, actor.person_id, lock=True)
        expect_live(session, session_id)
        if email != person.email:
            expect_recent(session, runtime, session_id)
        before = _own_data(person)
        rechecked = _apply(person, correction)
        changed = sorted(key for key, value in _own_data(person).items() if value != before[key])
        if rechecked:
            end_identity_checks(session, runtime, actor, person)
        entry = Entry(
            actor,
            Act.PERSON_CORRECTED,
            subjects=[person.id],
            ref=f"person:{person.id}",
            detail={"fields": changed},
        )
        runtime.journal.record(session, entry)
        return person


def _own_data(person: Person) -> dict[str, object]:
    names = ("name", "email", "country", "korean_national", "locale")
    return {name: getattr(person, name) for name in names}


def _apply(person: Person, correction: Correction) -> bool:
    """Store the correction; True when an identity check no longer speaks of this person."""
    checked = (person.name, person.korean_national)
    person.name, person.email = rules.name(correction.name), rules.email(correction.email)
    person.country = rules.country(correction.country)
    person.korean_national = correction.korean_national
    person.locale = rules.locale(correction.locale)
    return checked != (person.name, person.korean_national)
