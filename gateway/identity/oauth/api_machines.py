"""The machines for which one answers, for one's own clients; not for programs."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from flask import Blueprint
from pydantic import BaseModel, ConfigDict

from gateway.identity.http import actor, rt
from gateway.identity.in_person import in_person
from gateway.identity.oauth import service_acceptance as machines
from gateway.identity.oauth.service_acceptance import Answered
from gateway.identity.schemas_factors import FactorChange
from gateway.identity.service_fresh import Given, Self
from gateway.web.forms import parse
from gateway.web.openapi import documented

TAG = "programs"
api = Blueprint("machines_api", __name__, url_prefix="/api/v1/machines")


class MachineOut(BaseModel):
    """A machine that acts in one's name once one has accepted it. With the `accepted_acr` `phr` a
    passkey was shown, and its tokens open health and face data."""

    model_config = ConfigDict(frozen=True)

    id: str
    name: str
    organisation_id: uuid.UUID
    organisation: str
    registered_by: str
    scopes: list[str]
    networks: list[str]
    created_at: datetime
    expires_at: datetime
    accepted_at: datetime | None
    accepted_acr: str | None


class MachineList(BaseModel):
    """The machines that have not ended, oldest first."""

    model_config = ConfigDict(frozen=True)

    items: list[MachineOut]


@api.get("")
@documented(tag=TAG, answer=MachineList)
def listed() -> dict[str, Any]:
    """The machines for which one answers or is asked to."""
    seen = in_person()
    with rt().db.read() as session:
        held = machines.machines_of(session, seen.person_id, rt().clock.now())
    return MachineList(items=[_out(each) for each in held]).model_dump(mode="json")


@api.post("/<client_id>/accept")
@documented(tag=TAG, json=FactorChange, status=204)
def accept(client_id: str) -> tuple[str, int]:
    """Answer for a machine, with the password and, where it is due, a code."""
    seen, form = in_person(), parse(FactorChange)
    me = Self(actor(), seen.session_id)
    machines.accept(rt(), me, client_id, Given(form.password, form.code))
    return "", 204


@api.delete("/<client_id>")
@documented(tag=TAG, status=204)
def end(client_id: str) -> tuple[str, int]:
    """Decline a machine, or end one that was accepted."""
    in_person()
    machines.end_own(rt(), actor(), client_id)
    return "", 204


def _out(one: Answered) -> MachineOut:
    names = MachineOut.model_fields.keys() - {"organisation", "registered_by", "scopes"}
    given = {name: getattr(one.client, name) for name in names}
    return MachineOut(
        **given,
        organisation=one.organisation,
        registered_by=one.registered_by,
        scopes=one.client.scope.split(),
    )
