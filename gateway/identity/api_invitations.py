"""The invitations of an organisation, for its managers' own clients."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from flask import Blueprint
from pydantic import BaseModel, ConfigDict

from gateway.identity import service_invitations as invitations
from gateway.identity.http import require_person, rt
from gateway.identity.models_organisations import Invitation
from gateway.identity.schemas_organisations import InvitationForm
from gateway.identity.service_invitations import Offer
from gateway.identity.service_organisations import require_manager
from gateway.web.forms import parse
from gateway.web.openapi import documented

TAG = "organisations"
api = Blueprint("invitations_api", __name__, url_prefix="/api/v1")


class InvitationOut(BaseModel):
    """An open invitation; its link goes by mail alone."""

    model_config = ConfigDict(frozen=True)

    id: uuid.UUID
    email: str
    kind: str
    provisioned: bool
    created_at: datetime
    expires_at: datetime


class InvitationList(BaseModel):
    """What an organisation has offered and nobody has taken, newest first."""

    model_config = ConfigDict(frozen=True)

    items: list[InvitationOut]


@api.get("/organisations/<uuid:organisation_id>/invitations")
@documented(tag=TAG, answer=InvitationList)
def listed(organisation_id: uuid.UUID) -> dict[str, Any]:
    """The open invitations of an organisation, for its managers."""
    me = require_person()
    with rt().db.read() as session:
        require_manager(session, me, organisation_id)
        rows = invitations.open_invitations(session, organisation_id, rt().clock.now())
    return InvitationList(items=[_out(row) for row in rows]).model_dump(mode="json")


@api.post("/organisations/<uuid:organisation_id>/invitations")
@documented(tag=TAG, json=InvitationForm, answer=InvitationOut, status=201)
def invite(organisation_id: uuid.UUID) -> tuple[dict[str, Any], int]:
    """Invite somebody by mail; an earlier invitation to the same mailbox ends."""
    me, form = require_person(), parse(InvitationForm)
    row = invitations.invite(rt(), me, organisation_id, Offer(form.email, form.kind))
    return _out(row).model_dump(mode="json"), 201


@api.delete("/invitations/<uuid:invitation_id>")
@documented(tag=TAG, status=204)
def withdraw(invitation_id: uuid.UUID) -> tuple[str, int]:
    """Cancel an open invitation."""
    invitations.withdraw(rt(), require_person(), invitation_id)
    return "", 204


def _out(row: Invitation) -> InvitationOut:
    return InvitationOut(**{name: getattr(row, name) for name in InvitationOut.model_fields})
