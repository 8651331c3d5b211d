"""Provisioning tokens: made by a manager, shown once, good for `/scim/v2` and nothing else.

A token stands for its maker: it stops when they no longer manage the organisation, when the
organisation is not verified, when it is revoked, and after a year at most.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from gateway import ids
from gateway.errors import Problem, ProblemCode
from gateway.identity import rules
from gateway.identity.models import Organisation, OrganisationStatus, Person, PersonStatus
from gateway.identity.models_organisations import ProvisioningToken
from gateway.identity.service_organisations import get_organisation, manages, require_manager
from gateway.identity.service_sessions import digest
from gateway.journal import Act, Actor, Entry, PartyKind, Place
from gateway.runtime import Runtime

PREFIX = "sumun_scim_"
TOKEN_BYTES = 32
LONGEST_DAYS = 365
LABEL_LENGTH = 120
MOST_LIVE = 20
# The moment of use is for people to read; writing it on each request would cost a commit each.
NOTED_EVERY = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Directory:
    """Who speaks at `/scim/v2`: one organisation's directory, in the name of the token's maker."""

    organisation_id: uuid.UUID
    token_id: uuid.UUID
    actor: Actor


def create(
    runtime: Runtime, actor: Actor, organisation_id: uuid.UUID, label: str, days: int
) -> str:
    """Make a token and return it, for the only time.

    Raises Problem 403, 404, 409 while the organisation is not verified or has 20 live ones, 422.
    """
    assert actor.person_id is not None
    now, name = runtime.clock.now(), rules.line("label", label, LABEL_LENGTH)
    if not 1 <= days <= LONGEST_DAYS:
        rules.refuse("days", "1일에서 365일까지입니다.", "Between 1 and 365 days.")
    token = PREFIX + secrets.token_urlsafe(TOKEN_BYTES)
    with runtime.db.write() as session:
        row = get_organisation(session, organisation_id, lock=True)
        require_manager(session, actor, organisation_id)
        if row.status != OrganisationStatus.VERIFIED or (
            len(live(session, organisation_id, now)) >= MOST_LIVE
        ):
            raise Problem(ProblemCode.WRONG_STATE)
        made = ProvisioningToken(
            id=ids.new(runtime.clock),
            organisation_id=organisation_id,
            label=name,
            token_sha256=digest(token),
            created_by=actor.person_id,
            created_at=now,
            expires_at=now + timedelta(days=days),
        )
        session.add(made)
        session.flush()
        runtime.journal.record(session, _entry(actor, Act.PROVISIONING_TOKEN_CREATED, made))
    return token


def revoke(runtime: Runtime, actor: Actor, token_id: uuid.UUID) -> uuid.UUID:
    """End a token for the next request, by any manager; returns the organisation's id.

    Raises Problem 403, 404, 409 for one that is revoked already.
    """
    with runtime.db.write() as session:
        row = session.get(ProvisioningToken, token_id, with_for_update=True)
        if row is None:
            raise Problem(ProblemCode.NOT_FOUND)
        require_manager(session, actor, row.organisation_id)
        if row.revoked_at is not None:
            raise Problem(ProblemCode.WRONG_STATE)
        row.revoked_at, row.revoked_by = runtime.clock.now(), actor.person_id
        runtime.journal.record(session, _entry(actor, Act.PROVISIONING_TOKEN_REVOKED, row))
        return row.organisation_id


def live(
    session: Session, organisation_id: uuid.UUID, now: datetime
) -> Sequence[ProvisioningToken]:
    """An organisation's tokens that have neither run out nor been revoked, newest first."""
    return session.scalars(
        select(ProvisioningToken)
        .where(ProvisioningToken.organisation_id == organisation_id)
        .where(ProvisioningToken.revoked_at.is_(None), ProvisioningToken.expires_at > now)
        .order_by(ProvisioningToken.id.desc())
    ).all()


def find(runtime: Runtime, token: str, place: Place) -> Directory | None:
    """Whose directory presents `token`, read anew each time; None for anything that does not
    hold."""
    now = runtime.clock.now()
    with runtime.db.read() as session:
        found = session.execute(
            select(ProvisioningToken, Person)
            .join(Organisation, Organisation.id == ProvisioningToken.organisation_id)
            .join(Person, Person.id == ProvisioningToken.created_by)
            .where(ProvisioningToken.token_sha256 == digest(token))
            .where(ProvisioningToken.revoked_at.is_(None), ProvisioningToken.expires_at > now)
            .where(Organisation.status == OrganisationStatus.VERIFIED)
            .where(Person.status == PersonStatus.ACTIVE)
        ).first()
        if found is None or not manages(session, found.Person.id, found[0].organisation_id):
            return None
    row, maker = found
    _note_use(runtime, row, now)
    personal = {"account": maker.account, "name": maker.name}
    actor = Actor(PartyKind.MACHINE, place, maker.id, row.organisation_id, personal)
    return Directory(row.organisation_id, row.id, actor)


def _note_use(runtime: Runtime, row: ProvisioningToken, now: datetime) -> None:
    if row.last_used_at is not None and now - row.last_used_at < NOTED_EVERY:
        return
    with runtime.db.write() as session:
        this = ProvisioningToken.id == row.id
        session.execute(update(ProvisioningToken).where(this).values(last_used_at=now))


def _entry(actor: Actor, act: Act, row: ProvisioningToken) -> Entry:
    detail = {"organisation": str(row.organisation_id)}
    return Entry(actor, act, ref=f"provisioning_token:{row.id}", detail=detail)
