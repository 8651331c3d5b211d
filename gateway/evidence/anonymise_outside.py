"""What others call a person: providers, organisations' directories, letters to their address."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, func, or_, select, update
from sqlalchemy.orm import Session

from gateway.agreements.models import OrganisationAcceptance, SignatureRequest
from gateway.identity.models import Membership, Person
from gateway.identity.models_federation import (
    LinkedIdentity,
    ProviderFlow,
    ProviderStatement,
    WaitingIdentity,
)
from gateway.identity.models_organisations import Invitation, ProvisionedUser
from gateway.identity.rules import mailbox
from gateway.runtime import Runtime

NOBODY = "erased"
MODELS = (
    LinkedIdentity, ProviderFlow, ProviderStatement, WaitingIdentity, Invitation, ProvisionedUser,
    SignatureRequest, OrganisationAcceptance,
)  # fmt: skip


def anonymise(session: Session, runtime: Runtime, person: Person, alias: str) -> None:
    """Replace how others call `person`, in the caller's transaction, while the account still
    bears the name and the address."""
    _waiting(session, person)
    _directory(session, runtime, person, alias)
    _invitations(session, runtime, person)
    _signatures(session, person)
    mine = LinkedIdentity.person_id == person.id
    _set(session, LinkedIdentity, mine, subject=NOBODY, label=NOBODY)
    _set(session, ProviderStatement, ProviderStatement.membership_id.in_(_places(person)), value="")


def _set(session: Session, table: Any, which: ColumnElement[bool], **values: Any) -> None:
    statement = update(table).where(which).values(**values)
    session.execute(statement.execution_options(synchronize_session=False))


def _places(person: Person) -> Any:
    return select(Membership.id).where(Membership.person_id == person.id)


def _waiting(session: Session, person: Person) -> None:
    """Identities that were proven and are nobody's yet live for half an hour; those that may be
    this person's go now."""
    linked = select(LinkedIdentity.issuer, LinkedIdentity.subject)
    known = {
        tuple(row) for row in session.execute(linked.where(LinkedIdentity.person_id == person.id))
    }
    for row in session.scalars(select(WaitingIdentity)).all():
        given = row.proven
        same = (given.get("issuer"), given.get("subject")) in known
        if same or mailbox(str(given.get("email") or "")) == mailbox(person.email):
            session.delete(row)
    session.flush()


def _invited(person: Person) -> ColumnElement[bool]:
    return or_(Invitation.used_by == person.id, Invitation.mailbox == mailbox(person.email))


def _directory(session: Session, runtime: Runtime, person: Person, alias: str) -> None:
    """The entries of organisations' directories that led, or were to lead, to this person."""
    offers = select(Invitation.id).where(_invited(person))
    which = or_(
        ProvisionedUser.membership_id.in_(_places(person)),
        ProvisionedUser.invitation_id.in_(offers),
        func.lower(ProvisionedUser.email) == person.email.lower(),
    )
    ended = ProvisionedUser.ended_at
    _set(
        session, ProvisionedUser, which,
        user_name=alias, user_key=alias, external_id="", display_name="", emails=[], email="",
        active=False, ended_at=func.coalesce(ended, runtime.clock.now(), type_=ended.type),
    )  # fmt: skip


def _invitations(session: Session, runtime: Runtime, person: Person) -> None:
    open_ones = Invitation.used_at.is_(None) & Invitation.cancelled_at.is_(None)
    _set(session, Invitation, _invited(person) & open_ones, cancelled_at=runtime.clock.now())
    _set(session, Invitation, _invited(person), email="", mailbox="")


def _signatures(session: Session, person: Person) -> None:
    """The official of an organisation: where the request went, and the name that was typed."""
    mine = OrganisationAcceptance.official_id == person.id
    asked = select(OrganisationAcceptance.request_id).where(mine)
    went = func.lower(SignatureRequest.official_email) == person.email.lower()
    which = or_(SignatureRequest.id.in_(asked), went)
    _set(session, SignatureRequest, which, official_name=NOBODY, official_email="erased@invalid")
    _set(session, OrganisationAcceptance, mine, official_name=NOBODY)
