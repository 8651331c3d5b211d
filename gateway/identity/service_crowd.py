"""Crowd workers: accounts that do crowd work and nothing else."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Uuid, bindparam, exists, or_, select
from sqlalchemy.orm import Session

from gateway.db import UtcDateTime
from gateway.db.hot import HotStatement
from gateway.errors import Problem
from gateway.identity import guessing, passwords, rules
from gateway.identity.models import Person, Role, RoleGrant
from gateway.identity.models_crowd import CrowdWorker
from gateway.identity.service_consents import check_consents
from gateway.identity.service_people import Made, NewPerson, acting, add_person, valid_person
from gateway.identity.service_role_reads import counts
from gateway.identity.site_documents import SiteDocument
from gateway.journal import Act, Actor, Entry, PartyKind
from gateway.runtime import Runtime

PHONE = re.compile(r"\+?[0-9]{9,15}")
SEPARATORS = re.compile(r"[\s().-]")


@dataclass(frozen=True, slots=True)
class NewWorker:
    """What the light sign-up asks: `contact` is an e-mail address or a telephone number."""

    account: str
    name: str
    contact: str
    locale: str = "ko"


@dataclass(frozen=True, slots=True)
class Joining:
    """An account about to be stored, with the actor it will be."""

    made: Made
    phone: str

    @property
    def person(self) -> Person:
        return self.made.person

    @property
    def actor(self) -> Actor:
        return self.made.actor


def is_worker(person: Any, now: Any) -> ColumnElement[bool]:
    """Whether `person` does crowd work only: by sign-up, or by a role that counts at `now`.

    Both may be values or expressions: the one door asks within its own statement.
    """
    by_role = select(RoleGrant.id).where(
        RoleGrant.person_id == person, RoleGrant.role == str(Role.CROWD_WORKER), counts(now)
    )
    signed_up = select(CrowdWorker.person_id).where(CrowdWorker.person_id == person)
    return or_(exists(signed_up), exists(by_role))


_LOOKUP = HotStatement(
    select(
        is_worker(
            bindparam("person_id", type_=Uuid()), bindparam("now", type_=UtcDateTime())
        ).label("worker")
    )
)


def works_only(runtime: Runtime, person_id: uuid.UUID) -> bool:
    """Whether the person does crowd work only, read anew for every request."""
    row = runtime.db.hot.first(_LOOKUP, person_id=person_id, now=runtime.clock.now())
    return row is not None and bool(row[0])


def prepare(
    runtime: Runtime,
    actor: Actor,
    new: NewWorker,
    password: str,
    consents: Mapping[SiteDocument, str],
) -> Joining:
    """A worker's account before it is stored, its password hashed outside any transaction.

    Raises Problem 409 when a document has changed since it was shown, 422 for a field, 429 for too
    many sign-ups from one address.
    """
    check_consents(consents)
    passwords.check_rules(password, rules.account(new.account))
    email, phone = _contact(new.contact)
    person = _person(runtime, new, email)
    guessing.count_sign_up(runtime, actor)
    person.password_hash = passwords.hashed(runtime.db, password)
    themselves = replace(acting(actor, person), kind=PartyKind.PERSON)
    return Joining(Made(person, themselves, Act.PERSON_SIGNED_UP, consents), phone)


def store(session: Session, runtime: Runtime, joining: Joining) -> None:
    """Store the account in the caller's transaction. Raises Problem 409 for a taken account."""
    add_person(session, runtime, joining.made)
    person = joining.person
    session.add(
        CrowdWorker(person_id=person.id, phone=joining.phone, joined_at=runtime.clock.now())
    )
    session.flush()
    joined = Entry(joining.actor, Act.CROWD_JOINED, subjects=[person.id], ref=f"person:{person.id}")
    runtime.journal.record(session, joined)


def _person(runtime: Runtime, new: NewWorker, email: str | None) -> Person:
    return valid_person(runtime, NewPerson(new.account, new.name, email, locale=new.locale))


def _contact(text: str) -> tuple[str | None, str]:
    """(e-mail, "") or (None, telephone number)."""
    if "@" in text:
        return _email(text), ""
    digits = SEPARATORS.sub("", text)
    if not PHONE.fullmatch(digits):
        rules.refuse(
            "contact",
            "이메일 주소나 전화번호를 확인해 주십시오. 전화번호는 숫자 9~15자리입니다.",
            "Please check the e-mail address or telephone number (9 to 15 digits).",
        )
    return None, digits


def _email(text: str) -> str:
    """The address, or what is wrong with it, about the field that this form has."""
    try:
        return rules.email(text)
    except Problem as problem:
        problem.extra["field"] = "contact"
        raise
