"""The people of the demonstration, made as an installation would make them."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta

from gateway.identity import service_attestations, service_memberships, service_organisations
from gateway.identity.models import (
    SENSITIVE_ROLES,
    AttestationKind,
    MembershipKind,
    OrganisationKind,
    Person,
    Role,
)
from gateway.identity.service_attestations import NewAttestation
from gateway.identity.service_organisations import NewOrganisation
from gateway.identity.service_people import NewPerson, acting, create_person
from gateway.identity.service_roles import (
    NewRole,
    confirm_role,
    grant_first_operator,
    grant_role,
)
from gateway.journal import Actor, Channel, PartyKind, Place
from gateway.runtime import Runtime

ISSUER = "한국데이터교육원"
YEAR = timedelta(days=365)
# Account, name, staff role. Korean names as they would stand in Korea's most common ones.
PEOPLE: tuple[tuple[str, str, Role | None], ...] = (
    ("operator", "한도윤", Role.OPERATOR),
    ("operator2", "서하준", Role.OPERATOR),
    ("witness", "문지안", None),
    ("steward", "윤서연", Role.STEWARD),
    ("committee1", "조은우", Role.COMMITTEE),
    ("committee2", "임수아", Role.COMMITTEE),
    ("auditor", "강민재", Role.AUDITOR),
    ("contractor", "오시우", Role.CONTRACTOR),
    ("kim", "김하늘", None),
    ("lee", "이보람", None),
    ("supervisor", "박선우", None),
    ("company", "정새벽", None),
)


@dataclass(frozen=True, slots=True)
class Member:
    """One person with the password that is printed once."""

    person: Person
    password: str

    @property
    def actor(self) -> Actor:
        """This person acting through a browser on this host."""
        return acting(Actor(PartyKind.PERSON, Place("127.0.0.1", "demo", Channel.WEB)), self.person)


Cast = dict[str, Member]


def assemble(runtime: Runtime) -> Cast:
    """Make everyone and give the staff their roles, the sensitive ones by two persons."""
    cast = {account: _make(runtime, account, name) for account, name, _ in PEOPLE}
    first, second, witness = (cast[name].person.id for name in ("operator", "operator2", "witness"))
    host = Actor.operator()
    grant_first_operator(runtime, host, first)
    row = grant_role(runtime, host, NewRole(second, Role.OPERATOR), granted_by=first)
    # With one operator in all, the host names another active person as the second.
    confirm_role(runtime, host, row.id, witness)
    for account, _name, role in PEOPLE:
        if role is not None and role is not Role.OPERATOR:
            _give(runtime, cast, account, role)
    return cast


def _make(runtime: Runtime, account: str, name: str) -> Member:
    password = secrets.token_urlsafe(12)
    new = NewPerson(account, name, f"{account}@example.org", korean_national=True)
    return Member(create_person(runtime, Actor.operator(), new, password), password)


def _give(runtime: Runtime, cast: Cast, account: str, role: Role) -> None:
    new = NewRole(cast[account].person.id, role)
    row = grant_role(runtime, cast["operator"].actor, new)
    if role in SENSITIVE_ROLES:
        confirm_role(runtime, cast["operator2"].actor, row.id)


def found_organisations(runtime: Runtime, cast: Cast) -> None:
    """A university for the researchers and a company, both verified by the steward."""
    university = NewOrganisation("한빛대학교", OrganisationKind.UNIVERSITY, "KR", "1208147521")
    company = NewOrganisation("새벽데이터", OrganisationKind.COMPANY, "KR", "2208162517")
    _found(runtime, cast, university, "supervisor", ("kim", "lee"))
    _found(runtime, cast, company, "company", ())


def _found(
    runtime: Runtime, cast: Cast, new: NewOrganisation, manager: str, members: tuple[str, ...]
) -> None:
    steward = cast["steward"].actor
    organisation = service_organisations.register(runtime, cast[manager].actor, new)
    service_organisations.verify(runtime, steward, organisation.id, "등록증을 확인함")
    _confirm(runtime, cast, manager, steward)
    for account in members:
        service_memberships.request_membership(
            runtime, cast[account].actor, organisation.id, MembershipKind.MEMBER
        )
        _confirm(runtime, cast, account, cast[manager].actor)


def _confirm(runtime: Runtime, cast: Cast, account: str, by: Actor) -> None:
    with runtime.db.read() as session:
        rows = service_memberships.memberships_of(session, cast[account].person.id)
        waiting = [membership.id for membership, _ in rows if membership.confirmed_by is None]
    for membership_id in waiting:
        service_memberships.confirm_membership(runtime, by, membership_id)


def attest(runtime: Runtime, cast: Cast, account: str, *kinds: AttestationKind) -> None:
    """Add the person's certificates, and have the steward check each."""
    now = runtime.clock.now()
    for kind in kinds:
        level = 1 if kind is AttestationKind.IDENTITY else 0
        added = service_attestations.add_attestation(
            runtime,
            cast[account].actor,
            NewAttestation(
                kind, "한국데이터교육원", f"{kind}-2026-01", now, now + YEAR, level=level
            ),
        )
        service_attestations.check_attestation(runtime, cast["steward"].actor, added.id)
