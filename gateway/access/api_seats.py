"""The seats of an organisation, for its managers' own clients."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from flask import Blueprint
from pydantic import BaseModel, ConfigDict

from gateway.access import seats
from gateway.access.pages_seats import MoveForm
from gateway.access.seats import Seat
from gateway.identity.http import require_person, rt
from gateway.identity.service_organisations import require_manager
from gateway.identity.service_viewing import viewed
from gateway.web.forms import parse
from gateway.web.openapi import documented

TAG = "organisations"
blueprint = Blueprint("seats_api", __name__, url_prefix="/api/v1/organisations")


class SeatOut(BaseModel):
    """A seat under the grant `grant_id`, and who sits on it."""

    model_config = ConfigDict(frozen=True)

    grant_id: uuid.UUID
    dataset: str
    person: uuid.UUID
    name: str
    starts_at: datetime
    ends_at: datetime


class SeatList(BaseModel):
    """The live seats of an organisation, by dataset."""

    model_config = ConfigDict(frozen=True)

    items: list[SeatOut]


@blueprint.get("/<uuid:organisation_id>/seats")
@documented(tag=TAG, answer=SeatList)
def listed(organisation_id: uuid.UUID) -> dict[str, Any]:
    """The seats of an organisation; that the holders' names were read is recorded."""
    me = require_person()
    with rt().db.read() as session:
        require_manager(session, me, organisation_id)
        rows = seats.seats_of(session, organisation_id, rt().clock.now())
    viewed(rt(), me, [row.holder for row in rows], f"organisation:{organisation_id}")
    return SeatList(items=[_out(row) for row in rows]).model_dump(mode="json")


@blueprint.post("/<uuid:organisation_id>/seats/<uuid:grant_id>/move")
@documented(tag=TAG, json=MoveForm, status=204)
def move(organisation_id: uuid.UUID, grant_id: uuid.UUID) -> tuple[str, int]:
    """Give a seat to another member, never to oneself."""
    me = require_person()
    with rt().db.read() as session:
        require_manager(session, me, organisation_id)
    seats.move_seat(rt(), me, organisation_id, grant_id, parse(MoveForm).person)
    return "", 204


def _out(row: Seat) -> SeatOut:
    grant = row.grant
    return SeatOut(
        grant_id=grant.id,
        dataset=row.dataset.slug,
        person=row.holder.id,
        name=row.holder.name,
        starts_at=grant.starts_at,
        ends_at=grant.ends_at,
    )
