"""Organisations, found by name, number or state."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from sqlalchemy import case, select
from sqlalchemy.orm import Session

from gateway.errors import Problem, ProblemCode
from gateway.identity.models import Organisation, OrganisationStatus


def named(session: Session, text: str) -> Organisation:
    """The organisation of this id or exact name. Raises Problem 404, 409 for several."""
    try:
        known = Organisation.id == uuid.UUID(text)
    except ValueError:
        known = Organisation.name == " ".join(text.split())
    found = session.scalars(select(Organisation).where(known).limit(2)).all()
    if len(found) > 1:
        raise Problem(
            ProblemCode.CONFLICT,
            "같은 이름의 기관이 여럿입니다. 식별자로 지정해 주십시오.",
            f"Several organisations are called {text}; name one by its id.",
        )
    if not found:
        raise Problem(ProblemCode.NOT_FOUND)
    return found[0]


def list_organisations(
    session: Session, status: OrganisationStatus | None = None
) -> Sequence[Organisation]:
    """Organisations, those that wait for a steward first, oldest first."""
    waiting = case((Organisation.status == OrganisationStatus.PENDING, 0), else_=1)
    statement = select(Organisation).order_by(waiting, Organisation.created_at, Organisation.id)
    if status is not None:
        statement = statement.where(Organisation.status == status)
    return session.scalars(statement).all()


def find_organisations(session: Session, text: str, limit: int = 20) -> Sequence[Organisation]:
    """Verified organisations whose name holds `text` or whose business number it is."""
    digits = "".join(char for char in text if char.isdigit())
    named = Organisation.name.icontains(text.strip(), autoescape=True)
    numbered = Organisation.business_number == digits
    return session.scalars(
        select(Organisation)
        .where(named | numbered if digits else named)
        .where(Organisation.status == OrganisationStatus.VERIFIED)
        .order_by(Organisation.name, Organisation.id)
        .limit(limit)
    ).all()
