"""Groups of an organisation's directory. They are kept as they are told and give no rights."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from functools import partial
from typing import Any

from scim2_models import InvalidValueException, Meta, NotFoundException, Reference
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from gateway import ids
from gateway.identity.models_organisations import ProvisionedGroup, ProvisionedPlace
from gateway.identity.scim import shared, user_values, users
from gateway.identity.scim.resources import Group, GroupMember, User
from gateway.identity.scim.shared import Edit, Listed, Wanted
from gateway.identity.scim.tokens import Directory
from gateway.identity.service_organisations import get_organisation
from gateway.journal import Act, Entry
from gateway.runtime import Runtime

NAME_LENGTH = 200
MOST_GROUPS = 1000


def listed(session: Session, base: str, directory: Directory, wanted: Wanted) -> Listed:
    """A page of the directory's groups. Raises InvalidFilterException."""
    shape = (Group, partial(shown, session, base))
    return shared.listed(session, ProvisionedGroup, _here(directory), wanted, shape)


def found(session: Session, directory: Directory, group_id: str) -> ProvisionedGroup:
    """One group. Raises NotFoundException, for another organisation's as well."""
    row = session.scalar(
        select(ProvisionedGroup).where(
            _here(directory), ProvisionedGroup.id == shared.parsed_id(group_id)
        )
    )
    if row is None:
        raise NotFoundException(detail="There is no such group.")
    return row


def shown(session: Session, base: str, row: ProvisionedGroup) -> Group:
    """The group as the directory sees it."""
    places = session.scalars(
        select(ProvisionedPlace.user_id)
        .where(ProvisionedPlace.group_id == row.id)
        .order_by(ProvisionedPlace.user_id)
    )
    members = [
        GroupMember(value=str(one), ref=Reference[User](f"{base}/Users/{one}")) for one in places
    ]
    return Group(
        id=str(row.id),
        external_id=row.external_id or None,
        display_name=row.display_name,
        members=members or None,
        meta=Meta(
            resource_type="Group",
            created=row.created_at,
            last_modified=row.changed_at,
            location=f"{base}/Groups/{row.id}",
            version=shared.etag(row.version),
        ),
    )


def create(runtime: Runtime, base: str, directory: Directory, given: Group) -> Group:
    """Add a group. Raises InvalidValueException."""
    now, kept, members = runtime.clock.now(), _kept(given), _members(given)
    with runtime.db.write() as session:
        get_organisation(session, directory.organisation_id, lock=True)
        known = select(func.count()).select_from(ProvisionedGroup).where(_here(directory))
        if (session.scalar(known) or 0) >= MOST_GROUPS:
            raise InvalidValueException(detail=f"A directory has {MOST_GROUPS} groups at most.")
        row = ProvisionedGroup(
            id=ids.new(runtime.clock),
            organisation_id=directory.organisation_id,
            created_at=now,
            changed_at=now,
            version=1,
            **kept,
        )
        session.add(row)
        session.flush()
        _place(session, directory, row, members)
        _record(session, runtime, directory, row, Act.PROVISIONED_GROUP_CREATED)
        return shown(session, base, row)


def change(
    runtime: Runtime,
    base: str,
    directory: Directory,
    target: tuple[str, str | None],
    edit: Edit[Group],
) -> Group:
    """Replace or patch a group; `target` is its id and what `If-Match` names.

    Raises NotFoundException, PreconditionFailedException, InvalidValueException.
    """
    return shared.settled(partial(_change, runtime, base, directory, target, edit))


def _change(
    runtime: Runtime,
    base: str,
    directory: Directory,
    target: tuple[str, str | None],
    edit: Edit[Group],
) -> Group:
    # What the directory asks for is computed before anybody has to wait for it.
    with runtime.db.read() as session:
        before = found(session, directory, target[0])
        version = shared.matched(target[1], before.version)
        after = edit(shown(session, base, before))
        kept, members = _kept(after), _members(after)
    with runtime.db.write() as session:
        get_organisation(session, directory.organisation_id, lock=True)
        row = found(session, directory, target[0])
        shared.check_settled(version, row.version)
        for name, value in kept.items():
            setattr(row, name, value)
        row.version, row.changed_at = row.version + 1, runtime.clock.now()
        _place(session, directory, row, members)
        _record(session, runtime, directory, row, Act.PROVISIONED_GROUP_CHANGED)
        return shown(session, base, row)


def end(runtime: Runtime, directory: Directory, target: tuple[str, str | None]) -> None:
    """Remove a group. Raises NotFoundException, PreconditionFailedException."""
    with runtime.db.write() as session:
        get_organisation(session, directory.organisation_id, lock=True)
        row = found(session, directory, target[0])
        shared.check_match(target[1], row.version)
        row.ended_at, row.display_name, row.external_id = runtime.clock.now(), "", ""
        _place(session, directory, row, ())
        _record(session, runtime, directory, row, Act.PROVISIONED_GROUP_ENDED)


def _kept(given: Group) -> dict[str, Any]:
    name = shared.text("displayName", given.display_name, NAME_LENGTH)
    if not name:
        raise InvalidValueException(attribute="displayName", reason="a value is needed")
    external = shared.text("externalId", given.external_id, user_values.NAME_LENGTH)
    return {"display_name": name, "external_id": external}


def _members(given: Group) -> list[uuid.UUID]:
    """Whom the group names, each once. Raises InvalidValueException."""
    if len(given.members or ()) > users.MOST_USERS:
        raise InvalidValueException(attribute="members", reason="too many")
    return sorted({_user_id(member) for member in given.members or ()})


def _place(
    session: Session,
    directory: Directory,
    row: ProvisionedGroup,
    wanted: Sequence[uuid.UUID],
) -> None:
    """Make the members these. Raises InvalidValueException for one that is no user here."""
    if len(users.ids_here(session, directory, list(wanted))) != len(wanted):
        raise InvalidValueException(attribute="members", reason="no such user")
    session.execute(delete(ProvisionedPlace).where(ProvisionedPlace.group_id == row.id))
    session.add_all([ProvisionedPlace(group_id=row.id, user_id=one) for one in wanted])
    session.flush()


def _user_id(member: GroupMember) -> uuid.UUID:
    try:
        return shared.parsed_id(member.value or "")
    except NotFoundException:
        raise InvalidValueException(attribute="members", reason="no such user") from None


def _here(directory: Directory) -> Any:
    mine = ProvisionedGroup.organisation_id == directory.organisation_id
    return mine & ProvisionedGroup.ended_at.is_(None)


def _record(
    session: Session, runtime: Runtime, directory: Directory, row: ProvisionedGroup, act: Act
) -> None:
    detail = {"organisation": str(row.organisation_id), "token": str(directory.token_id)}
    told = Entry(directory.actor, act, ref=f"provisioned_group:{row.id}", detail=detail)
    runtime.journal.record(session, told)
