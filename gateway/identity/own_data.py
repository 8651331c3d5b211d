"""Who one is, as one's own client sees it, a program that acts for one, or a machine."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.identity.http import Viewer
from gateway.identity.models import Organisation, Person, SignInSession
from gateway.identity.oauth.models import OAuthClient
from gateway.identity.oauth.vocabulary import Scope
from gateway.identity.schemas import MachineHeld, Me, MembershipHeld, RoleHeld
from gateway.identity.service_attestations import identity_level
from gateway.identity.service_memberships import memberships_of
from gateway.identity.service_people import get_person
from gateway.identity.service_sessions import Application
from gateway.runtime import Runtime

OWN = ("id", "account", "name", "email", "country", "korean_national", "locale")
# What a program knows of whom it acts for, and what a scope adds.
OF_ANY_PROGRAM = ("id", "account", "name")
NAMED_BY = {Scope.PROFILE: "locale", Scope.EMAIL: "email"}


def own_data(runtime: Runtime, seen: Viewer) -> Me:
    """What `seen` may read of themselves: all of it in person, else what the scope names."""
    with runtime.db.read() as session:
        if seen.application is None:
            return _in_person(session, runtime, seen)
        if seen.application.machine:
            return _of_machine(session, seen.application, seen.name)
        return _of_program(session, seen, seen.application)


def _in_person(session: Session, runtime: Runtime, seen: Viewer) -> Me:
    person = get_person(session, seen.person_id)
    return Me(
        session_ends_at=_ends_at(session, seen),
        **{name: getattr(person, name) for name in OWN},
        identity_level=identity_level(session, seen.person_id, runtime.clock.now()),
        roles=[RoleHeld(role=role, scope=scope) for role, scope in sorted(seen.scoped)],
        memberships=_places(session, person),
    )


def _of_program(session: Session, seen: Viewer, program: Application) -> Me:
    person = get_person(session, seen.person_id)
    added = [name for scope, name in NAMED_BY.items() if scope in program.scope]
    known = {name: getattr(person, name) for name in (*OF_ANY_PROGRAM, *added)}
    if Scope.ORGANISATION in program.scope:
        known["memberships"] = _places(session, person)
    return Me(session_ends_at=_ends_at(session, seen), **known)


def _of_machine(session: Session, program: Application, responsible: str) -> Me:
    row, organisation = session.execute(
        select(OAuthClient, Organisation)
        .join(Organisation, Organisation.id == OAuthClient.organisation_id)
        .where(OAuthClient.id == program.client_id)
    ).one()
    machine = MachineHeld(
        client_id=row.id,
        name=row.name,
        organisation_id=organisation.id,
        organisation=organisation.name,
        responsible=responsible,
    )
    return Me(machine=machine)


def _ends_at(session: Session, seen: Viewer) -> datetime:
    return session.get_one(SignInSession, seen.session_id).expires_at


def _places(session: Session, person: Person) -> list[MembershipHeld]:
    return [_place(*each) for each in memberships_of(session, person.id)]


def _place(row: Any, organisation: Any) -> MembershipHeld:
    return MembershipHeld(
        organisation_id=organisation.id,
        organisation=organisation.name,
        status=organisation.status,
        kind=row.kind,
        confirmed=row.confirmed_by is not None,
    )
