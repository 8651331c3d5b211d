"""Staff roles: who holds what, where, until when, and on whose word.

A sensitive role counts once a second person has confirmed it, who is neither its holder nor the
first. The database holds the same rule as constraints. No role implies another.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from gateway import ids
from gateway.errors import Problem, ProblemCode
from gateway.identity import rules
from gateway.identity.models import (
    EVERYWHERE,
    SENSITIVE_ROLES,
    Person,
    PersonStatus,
    Role,
    RoleGrant,
)
from gateway.identity.service_role_reads import (
    counts,
    covers,
    grants_of,
    holders,
    holds,
    keep_an_operator,
    list_roles,
    names_of,
    roles_held_by,
    roles_of,
    waits,
)
from gateway.journal import Act, Actor, Entry, PartyKind
from gateway.runtime import Runtime

__all__ = [
    "NewRole",
    "check_no_operator_yet",
    "confirm_role",
    "counts",
    "covers",
    "end_role",
    "grant_first_operator",
    "grant_role",
    "grants_of",
    "holders",
    "holds",
    "list_roles",
    "names_of",
    "roles_held_by",
    "roles_of",
    "waits",
]

SCOPE_LENGTH = 100
_FIRST_TAKEN = (
    "첫 운영자는 이미 있습니다. 그 운영자의 이름으로 역할을 부여해 주십시오.",
    "There has been a first operator already; grant the role in an operator's name (--by).",
)


@dataclass(frozen=True, slots=True)
class NewRole:
    """A role to grant. `scope` is `*`, a dataset's slug, or for zone staff a zone's slug; the
    period is half-open."""

    person_id: uuid.UUID
    role: Role
    scope: str = EVERYWHERE
    starts_at: datetime | None = None
    ends_at: datetime | None = None


def grant_first_operator(runtime: Runtime, actor: Actor, person_id: uuid.UUID) -> RoleGrant:
    """The only role that needs no grantor: the first operator, made on the host.

    Raises Problem 403 elsewhere than on the host, 409 when there has been a first operator.
    """
    if actor.kind is not PartyKind.OPERATOR:
        raise Problem(
            ProblemCode.FORBIDDEN,
            "첫 운영자는 서버에서 명령으로만 만듭니다.",
            "The first operator is made by a command on the host only.",
        )
    row = _row(runtime, NewRole(person_id, Role.OPERATOR), None)
    row.bootstrap = True
    _insert(runtime, actor, row, _FIRST_TAKEN)
    return row


def check_no_operator_yet(runtime: Runtime) -> None:
    """Raise Problem 409 when there has been a first operator."""
    with runtime.db.read() as session:
        if session.scalar(select(RoleGrant.id).where(RoleGrant.bootstrap)) is not None:
            raise Problem(ProblemCode.CONFLICT, *_FIRST_TAKEN)


def grant_role(
    runtime: Runtime, actor: Actor, new: NewRole, granted_by: uuid.UUID | None = None
) -> RoleGrant:
    """Grant a role in an operator's name; a sensitive one waits for `confirm_role`.

    `granted_by` names the operator for a command on the host; a signed-in actor grants in their
    own name. Raises Problem 403 unless that is a live operator other than the holder, 404 for an
    unknown holder, 409 when the holder has the role there, 422 for scope or period.
    """
    granter = _named(actor, granted_by)
    row = _row(runtime, new, granter)
    with runtime.db.read() as session:
        _check_operator(session, runtime, granter)
        _check_holder(session, new.person_id, granter)
    taken = ("이미 이 역할을 맡고 있습니다.", "The person already has this role there.")
    _insert(runtime, actor, row, taken)
    return row


def confirm_role(
    runtime: Runtime, actor: Actor, grant_id: uuid.UUID, confirmed_by: uuid.UUID | None = None
) -> None:
    """Confirm a sensitive role as the second person.

    That is an operator who is neither holder nor first. While there is no such operator (there
    are only one or two in all), another active person may be named on the host instead.
    Raises Problem 403, 404, or 409 when nothing waits for confirmation.
    """
    second = _named(actor, confirmed_by)
    with runtime.db.write() as session:
        row = _live_grant(session, grant_id)
        if row.role not in SENSITIVE_ROLES or row.confirmed_by or row.bootstrap:
            raise Problem(
                ProblemCode.WRONG_STATE,
                "확인을 기다리는 역할이 아닙니다.",
                "This role does not wait for confirmation.",
            )
        _check_second(session, runtime, actor, row, second)
        row.confirmed_by, row.confirmed_at = second, runtime.clock.now()
        runtime.journal.record(session, _entry(actor, Act.ROLE_CONFIRMED, row, second))


def end_role(
    runtime: Runtime, actor: Actor, grant_id: uuid.UUID, ended_by: uuid.UUID | None = None
) -> None:
    """End a role at once: by an operator, or by its holder.

    Raises Problem 403, 404, or 409 for the last operator, without whom nobody could follow.
    """
    by = _named(actor, ended_by)
    with runtime.db.write() as session:
        now = runtime.clock.now()
        row = _live_grant(session, grant_id, lock=False)
        if by != row.person_id:
            _check_operator(session, runtime, by)
        if row.role == Role.OPERATOR:
            keep_an_operator(session, row.person_id, now)
        row = _live_grant(session, grant_id)
        row.ended_at = now
        runtime.journal.record(session, _entry(actor, Act.ROLE_ENDED, row, by))


def _named(actor: Actor, named: uuid.UUID | None) -> uuid.UUID:
    """Who answers for it: oneself, or on the host the person named there."""
    person = named if actor.kind is PartyKind.OPERATOR else actor.person_id
    if person is None:
        raise Problem(
            ProblemCode.FORBIDDEN,
            "역할은 이름이 있는 운영자가 부여합니다.",
            "A role is granted in the name of an operator: add --by ACCOUNT.",
        )
    return person


def _check_operator(session: Session, runtime: Runtime, person_id: uuid.UUID) -> None:
    if not holds(session, person_id, Role.OPERATOR, runtime.clock.now()):
        raise Problem(
            ProblemCode.FORBIDDEN,
            "운영자만 역할을 부여하고 끝낼 수 있습니다.",
            "Only an operator can grant, confirm and end roles.",
        )


def _check_holder(session: Session, holder: uuid.UUID, granter: uuid.UUID) -> None:
    if holder == granter:
        raise Problem(
            ProblemCode.FORBIDDEN,
            "자신에게 역할을 부여할 수 없습니다.",
            "Nobody can grant a role to themselves.",
        )
    person = session.get(Person, holder)
    if person is None or person.status != PersonStatus.ACTIVE:
        raise Problem(ProblemCode.NOT_FOUND)


def _check_second(
    session: Session, runtime: Runtime, actor: Actor, row: RoleGrant, second: uuid.UUID
) -> None:
    if second in (row.person_id, row.granted_by):
        raise Problem(
            ProblemCode.FORBIDDEN,
            "역할을 맡는 사람과 처음 부여한 사람은 확인할 수 없습니다.",
            "The second person must be neither the holder nor the one who granted it.",
        )
    able = set(holders(session, Role.OPERATOR, runtime.clock.now()))
    on_host = actor.kind is PartyKind.OPERATOR
    if on_host and not able - {row.person_id, row.granted_by}:
        _check_active(session, second)
    else:
        _check_operator(session, runtime, second)


def _check_active(session: Session, person_id: uuid.UUID) -> None:
    person = session.get(Person, person_id)
    if person is None or person.status != PersonStatus.ACTIVE:
        raise Problem(ProblemCode.NOT_FOUND)


def _live_grant(session: Session, grant_id: uuid.UUID, *, lock: bool = True) -> RoleGrant:
    row = session.get(RoleGrant, grant_id, with_for_update=lock)
    if row is None or row.ended_at is not None:
        raise Problem(ProblemCode.NOT_FOUND)
    return row


def _row(runtime: Runtime, new: NewRole, granter: uuid.UUID | None) -> RoleGrant:
    now = runtime.clock.now()
    starts_at = new.starts_at or now
    rules.period(starts_at, new.ends_at)
    return RoleGrant(
        id=ids.new(runtime.clock),
        person_id=new.person_id,
        role=new.role,
        scope=rules.line("scope", new.scope, SCOPE_LENGTH),
        starts_at=starts_at,
        ends_at=new.ends_at,
        granted_by=granter,
        bootstrap=False,
        created_at=now,
    )


def _insert(runtime: Runtime, actor: Actor, row: RoleGrant, taken: tuple[str, str]) -> None:
    try:
        with runtime.db.write() as session:
            _close_run_out(session, row)
            session.add(row)
            session.flush()
            runtime.journal.record(session, _entry(actor, Act.ROLE_GRANTED, row, row.granted_by))
    except IntegrityError as error:
        raise Problem(ProblemCode.CONFLICT, *taken) from error


def _close_run_out(session: Session, row: RoleGrant) -> None:
    """A role that ran out still stands as live in the unique index; close it first."""
    known = session.scalars(
        select(RoleGrant).where(
            RoleGrant.person_id == row.person_id,
            RoleGrant.role == row.role,
            RoleGrant.scope == row.scope,
            RoleGrant.ended_at.is_(None),
            RoleGrant.ends_at <= row.created_at,
        )
    )
    for each in known:
        each.ended_at = each.ends_at
    session.flush()


def _entry(actor: Actor, act: Act, row: RoleGrant, by: uuid.UUID | None) -> Entry:
    people = [row.person_id, *([by] if by and by != row.person_id else [])]
    detail = {"role": str(row.role), "scope": row.scope, "bootstrap": row.bootstrap}
    return Entry(actor, act, subjects=people, ref=f"role:{row.id}", detail=detail)
