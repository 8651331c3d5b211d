"""A verified company with everybody who may or may not act for it."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.identity import rules
from gateway.identity import service_memberships as memberships
from gateway.identity import service_organisations as organisations
from gateway.identity.models import (
    Membership,
    MembershipKind,
    Organisation,
    OrganisationKind,
    Person,
    Role,
)
from gateway.identity.service_organisations import NewOrganisation
from gateway.journal import Actor
from gateway.runtime import Runtime
from tests.people import acting_as, grant, make_person

NUMBER = "123456789" + str(rules.check_digit("123456789"))
OTHER_NUMBER = "220818999" + str(rules.check_digit("220818999"))


@dataclass(frozen=True, slots=True)
class Company:
    """`org` with a manager and a member; another organisation's manager, a steward, a stranger."""

    org: Organisation
    other: Organisation
    manager: Person
    member: Person
    others_manager: Person
    steward: Person
    stranger: Person

    @property
    def everybody_but_the_manager(self) -> tuple[Person, ...]:
        return (self.stranger, self.member, self.others_manager, self.steward)

    def place_of(self, runtime: Runtime, person: Person) -> Membership:
        """A person's live place in `org`."""
        with runtime.db.read() as session:
            found = memberships.memberships_of(session, person.id)
        return next(row for row, org in found if org.id == self.org.id)


def build(runtime: Runtime) -> Company:
    """Make the company as it is really done."""
    names = ("manager", "member", "rival", "steward", "stranger")
    manager, member, rival, steward, stranger = (make_person(runtime, name) for name in names)
    grant(runtime, steward, Role.STEWARD)
    org = _organisation(runtime, manager, steward, "한빛데이터", NUMBER)
    other = _organisation(runtime, rival, steward, "새벽데이터", OTHER_NUMBER)
    join(runtime, org, member, manager)
    return Company(org, other, manager, member, rival, steward, stranger)


def join(
    runtime: Runtime,
    org: Organisation,
    person: Person,
    manager: Person,
    kind: MembershipKind = MembershipKind.MEMBER,
) -> Membership:
    """Let a person ask and the manager confirm."""
    row = memberships.request_membership(runtime, acting_as(person), org.id, kind)
    memberships.confirm_membership(runtime, acting_as(manager), row.id)
    return row


def _organisation(
    runtime: Runtime, manager: Person, steward: Person, name: str, number: str
) -> Organisation:
    new = NewOrganisation(name, OrganisationKind.COMPANY, "KR", number)
    row = organisations.register(runtime, acting_as(manager), new)
    organisations.verify(runtime, Actor.operator(), row.id)
    with runtime.db.read() as session:
        place = memberships.members_of(session, row.id)[0][0]
    memberships.confirm_membership(runtime, acting_as(steward), place.id)
    with runtime.db.read() as session:
        return organisations.get_organisation(session, row.id)
