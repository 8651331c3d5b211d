"""Reading roles: who holds what at a moment, and who waits for a second person."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from gateway.errors import Problem, ProblemCode
from gateway.identity.models import (
    EVERYWHERE,
    SENSITIVE_ROLES,
    Person,
    PersonStatus,
    Role,
    RoleGrant,
)
from gateway.journal import Actor


def counts(now: Any) -> ColumnElement[bool]:
    """The condition under which a `RoleGrant` row counts at `now`."""
    return and_(
        RoleGrant.ended_at.is_(None),
        RoleGrant.starts_at <= now,
        or_(RoleGrant.ends_at.is_(None), RoleGrant.ends_at > now),
        or_(
            # No IN list: the hot session look-up compiles this once.
            and_(*(RoleGrant.role != role for role in sorted(SENSITIVE_ROLES))),
            RoleGrant.confirmed_by.is_not(None),
            RoleGrant.bootstrap,
        ),
    )


def roles_of(session: Session, person_id: uuid.UUID, now: datetime) -> frozenset[tuple[Role, str]]:
    """The (role, scope) pairs that count at `now`; none for a person who is not active."""
    rows = session.execute(
        select(RoleGrant.role, RoleGrant.scope)
        .join(Person, Person.id == RoleGrant.person_id)
        .where(RoleGrant.person_id == person_id, counts(now))
        .where(Person.status == PersonStatus.ACTIVE)
    )
    return frozenset((Role(role), scope) for role, scope in rows)


def roles_held_by(session: Session, actor: Actor, now: datetime) -> frozenset[tuple[Role, str]]:
    """The (role, scope) pairs with which an actor comes: none through a registered program, and
    none without the second factor that staff must use."""
    if actor.person_id is None or actor.program or actor.roles_rest:
        return frozenset()
    return roles_of(session, actor.person_id, now)


def covers(held: frozenset[tuple[Any, str]], role: Role, scope: str = EVERYWHERE) -> bool:
    """Whether `held` includes `role` for `scope`; `*` asks for the role everywhere."""
    return (role, EVERYWHERE) in held or (role, scope) in held


def holds(
    session: Session, person_id: uuid.UUID, role: Role, now: datetime, scope: str = EVERYWHERE
) -> bool:
    """Whether the person holds `role` for `scope` at `now`."""
    return covers(roles_of(session, person_id, now), role, scope)


def holders(session: Session, role: Role, now: datetime) -> Sequence[uuid.UUID]:
    """The active people who hold `role` anywhere at `now`."""
    return session.scalars(
        select(RoleGrant.person_id)
        .join(Person, Person.id == RoleGrant.person_id)
        .where(RoleGrant.role == role, Person.status == PersonStatus.ACTIVE, counts(now))
        .distinct()
    ).all()


def keep_an_operator(session: Session, leaving: uuid.UUID, now: datetime) -> None:
    """Raise Problem 409 when `leaving` is the only operator, without whom nobody could follow.

    Call it before any other lock on roles, in the transaction that takes the operator away.
    """
    # Two operators who leave at the same time wait for each other here, and the second one stays.
    live = select(RoleGrant.id).where(RoleGrant.role == Role.OPERATOR, RoleGrant.ended_at.is_(None))
    session.scalars(live.order_by(RoleGrant.id).with_for_update()).all()
    if set(holders(session, Role.OPERATOR, now)) == {leaving}:
        raise Problem(
            ProblemCode.WRONG_STATE,
            "마지막 운영자는 그만둘 수 없습니다. 먼저 다른 운영자를 두어 주십시오.",
            "This is the last operator; grant the role to somebody else first.",
        )


def list_roles(session: Session, now: datetime) -> Sequence[tuple[RoleGrant, Person]]:
    """Every role that is not ended or run out, with its holder, oldest first."""
    rows = session.execute(
        select(RoleGrant, Person)
        .join(Person, Person.id == RoleGrant.person_id)
        .where(RoleGrant.ended_at.is_(None))
        .where(or_(RoleGrant.ends_at.is_(None), RoleGrant.ends_at > now))
        .order_by(RoleGrant.created_at, RoleGrant.id)
    )
    return [(row.RoleGrant, row.Person) for row in rows]


def names_of(session: Session, listed: Sequence[tuple[RoleGrant, Person]]) -> dict[uuid.UUID, str]:
    """The names of those who granted and confirmed, by id."""
    ids_named = {row.granted_by for row, _ in listed} | {row.confirmed_by for row, _ in listed}
    found = session.execute(select(Person.id, Person.name).where(Person.id.in_(ids_named)))
    return {row.id: row.name for row in found}


def grants_of(session: Session, person_id: uuid.UUID) -> Sequence[RoleGrant]:
    """Every role the person ever had, newest first."""
    return session.scalars(
        select(RoleGrant)
        .where(RoleGrant.person_id == person_id)
        .order_by(RoleGrant.created_at.desc(), RoleGrant.id.desc())
    ).all()


def waits(row: RoleGrant) -> bool:
    """Whether the role waits for a second person."""
    return row.role in SENSITIVE_ROLES and row.confirmed_by is None and not row.bootstrap
