"""Users of an organisation's directory: memberships that it may end, or invitations to one.

A directory takes nobody's account over. Somebody who belongs to the organisation already is linked
by the address of their account, which only lets the directory end that membership; everybody else
gets an invitation, which the person accepts or not. What makes a user inactive, or removes them,
ends their membership at once.
"""

from __future__ import annotations

import uuid
from functools import partial
from typing import Any

from scim2_models import InvalidValueException, Meta, NotFoundException, UniquenessException
from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from gateway import ids
from gateway.identity import service_invitations as invitations
from gateway.identity.models import Membership
from gateway.identity.models_organisations import Invitation, ProvisionedPlace, ProvisionedUser
from gateway.identity.scim import shared, user_values
from gateway.identity.scim.resources import Email, User
from gateway.identity.scim.shared import Edit, Listed, Wanted
from gateway.identity.scim.tokens import Directory
from gateway.identity.service_invitations import Offer
from gateway.identity.service_memberships import end_row
from gateway.identity.service_organisations import get_organisation
from gateway.journal import Act, Entry
from gateway.runtime import Runtime

MOST_USERS = 5000


def listed(session: Session, base: str, directory: Directory, wanted: Wanted) -> Listed:
    """A page of the directory's users. Raises InvalidFilterException."""
    here = _here(directory)
    return shared.listed(session, ProvisionedUser, here, wanted, (User, partial(shown, base)))


def found(session: Session, directory: Directory, user_id: str) -> ProvisionedUser:
    """One user. Raises NotFoundException, for another organisation's as well."""
    row = session.scalar(
        select(ProvisionedUser).where(
            _here(directory), ProvisionedUser.id == shared.parsed_id(user_id)
        )
    )
    if row is None:
        raise NotFoundException(detail="There is no such user.")
    return row


def shown(base: str, row: ProvisionedUser) -> User:
    """The user as the directory sees it."""
    return User(
        id=str(row.id),
        external_id=row.external_id or None,
        user_name=row.user_name,
        display_name=row.display_name or None,
        active=row.active,
        emails=[Email(**each) for each in row.emails] or None,
        meta=Meta(
            resource_type="User",
            created=row.created_at,
            last_modified=row.changed_at,
            location=f"{base}/Users/{row.id}",
            version=shared.etag(row.version),
        ),
    )


def create(runtime: Runtime, base: str, directory: Directory, given: User) -> User:
    """Add a user, with an invitation or a link to a present member.

    Raises UniquenessException for a known name, InvalidValueException, Problem 409 or 429.
    """
    now, kept = runtime.clock.now(), user_values.kept(given)
    if given.active is None:
        kept |= {"active": True}
    row = ProvisionedUser(
        id=ids.new(runtime.clock),
        organisation_id=directory.organisation_id,
        created_at=now,
        changed_at=now,
        version=1,
        **kept,
    )
    _count(runtime, directory, None, kept)
    try:
        with runtime.db.write() as session:
            get_organisation(session, directory.organisation_id, lock=True)
            _check_number(session, directory)
            session.add(row)
            session.flush()
            if row.active:
                _let_in(session, runtime, directory, row)
            _record(session, runtime, directory, row, Act.PROVISIONED_USER_CREATED)
            return shown(base, row)
    except IntegrityError as error:
        raise UniquenessException(detail="A user with this userName exists.") from error


def change(
    runtime: Runtime,
    base: str,
    directory: Directory,
    target: tuple[str, str | None],
    edit: Edit[User],
) -> User:
    """Replace or patch a user; `target` is its id and what `If-Match` names.

    Raises NotFoundException, PreconditionFailedException, and as `create`.
    """
    try:
        return shared.settled(partial(_change, runtime, base, directory, target, edit))
    except IntegrityError as error:
        raise UniquenessException(detail="A user with this userName exists.") from error


def _change(
    runtime: Runtime,
    base: str,
    directory: Directory,
    target: tuple[str, str | None],
    edit: Edit[User],
) -> User:
    # What the directory asks for is computed before anybody has to wait for it.
    with runtime.db.read() as session:
        before = found(session, directory, target[0])
        version = shared.matched(target[1], before.version)
        kept = user_values.kept(edit(shown(base, before)))
        _count(runtime, directory, before, kept)
    with runtime.db.write() as session:
        get_organisation(session, directory.organisation_id, lock=True)
        row = found(session, directory, target[0])
        shared.check_settled(version, row.version)
        _apply(session, runtime, directory, row, kept)
        return shown(base, row)


def end(runtime: Runtime, directory: Directory, target: tuple[str, str | None]) -> None:
    """Remove a user: the membership ends, what was known of them is forgotten.

    Raises NotFoundException, PreconditionFailedException.
    """
    with runtime.db.write() as session:
        get_organisation(session, directory.organisation_id, lock=True)
        row = found(session, directory, target[0])
        shared.check_match(target[1], row.version)
        _put_out(session, runtime, directory, row)
        session.execute(delete(ProvisionedPlace).where(ProvisionedPlace.user_id == row.id))
        row.ended_at, row.active = runtime.clock.now(), False
        row.user_name = row.user_key = row.external_id = row.display_name = row.email = ""
        row.emails = []
        _record(session, runtime, directory, row, Act.PROVISIONED_USER_ENDED)


def _apply(
    session: Session,
    runtime: Runtime,
    directory: Directory,
    row: ProvisionedUser,
    kept: dict[str, Any],
) -> None:
    was = (bool(row.active), row.email)
    for name, value in kept.items():
        setattr(row, name, value)
    row.version, row.changed_at = row.version + 1, runtime.clock.now()
    session.flush()
    if not row.active:
        _put_out(session, runtime, directory, row)
    elif was != (True, row.email):
        _let_in(session, runtime, directory, row)
    _record(session, runtime, directory, row, Act.PROVISIONED_USER_CHANGED)


def _count(
    runtime: Runtime, directory: Directory, before: ProvisionedUser | None, kept: dict[str, Any]
) -> None:
    """Count the letter that this will send. Raises Problem 429."""
    same = before is not None and (bool(before.active), before.email) == (True, kept["email"])
    if kept["active"] is False or not kept["email"] or same:
        return
    with runtime.db.read() as session:
        if invitations.members_at(session, directory.organisation_id, kept["email"]):
            return
    invitations.count_mailbox(runtime, kept["email"])


def _let_in(session: Session, runtime: Runtime, directory: Directory, row: ProvisionedUser) -> None:
    """Link the member whom the user is, or invite them; without an address nobody is."""
    if _places(session, row):
        return
    _cancel(session, runtime, directory, row)
    present = invitations.members_at(session, row.organisation_id, row.email) if row.email else []
    if present:
        row.membership_id, row.invitation_id = present[0].id, None
    elif row.email:
        org = get_organisation(session, row.organisation_id)
        offer = Offer(row.email, provisioned=True)
        made = invitations.add(session, runtime, directory.actor, org, offer)
        row.membership_id, row.invitation_id = None, made.id


def _put_out(
    session: Session, runtime: Runtime, directory: Directory, row: ProvisionedUser
) -> None:
    """End every membership that is this user's, and the invitation to one."""
    _cancel(session, runtime, directory, row)
    theirs = {place.id: place for place in _places(session, row)}
    if row.email:
        also = invitations.members_at(session, row.organisation_id, row.email)
        theirs |= {place.id: place for place in also}
    for place in theirs.values():
        end_row(session, runtime, directory.actor, place)


def _cancel(session: Session, runtime: Runtime, directory: Directory, row: ProvisionedUser) -> None:
    """Cancel the user's open invitation. Its row is locked first: whoever accepts at this moment
    is either too late, or a member by the time that memberships are looked at."""
    if row.invitation_id is None:
        return
    made = session.scalar(
        select(Invitation)
        .where(Invitation.id == row.invitation_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if made is not None and made.used_at is None and made.cancelled_at is None:
        invitations.cancel_row(session, runtime, directory.actor, made)


def _places(session: Session, row: ProvisionedUser) -> list[Membership]:
    """The live memberships that the user is linked with or came to by its invitation."""
    invited = select(Invitation.membership_id).where(Invitation.id == row.invitation_id)
    linked = (Membership.id == row.membership_id) | Membership.id.in_(invited)
    return list(session.scalars(select(Membership).where(linked, Membership.ended_at.is_(None))))


def _here(directory: Directory) -> Any:
    mine = ProvisionedUser.organisation_id == directory.organisation_id
    return mine & ProvisionedUser.ended_at.is_(None)


def _check_number(session: Session, directory: Directory) -> None:
    known = select(func.count()).select_from(ProvisionedUser).where(_here(directory))
    if (session.scalar(known) or 0) >= MOST_USERS:
        raise InvalidValueException(detail=f"A directory has {MOST_USERS} users at most.")


def _record(
    session: Session, runtime: Runtime, directory: Directory, row: ProvisionedUser, act: Act
) -> None:
    detail = {
        "organisation": str(row.organisation_id),
        "token": str(directory.token_id),
        "active": bool(row.active),
    }
    told = Entry(directory.actor, act, ref=f"provisioned_user:{row.id}", detail=detail)
    runtime.journal.record(session, told)


def ids_here(session: Session, directory: Directory, wanted: list[uuid.UUID]) -> set[uuid.UUID]:
    """Which of these are users of this directory."""
    mine = select(ProvisionedUser.id).where(_here(directory), ProvisionedUser.id.in_(wanted))
    return set(session.scalars(mine))
