"""What forms about invitations, checks, documents and provisioning look like."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import Field

from gateway.identity.models import MembershipKind
from gateway.identity.schemas import Email, Frozen

Line = Annotated[str, Field(min_length=1, max_length=1000)]


class InvitationForm(Frozen):
    """Offering somebody a place in the organisation."""

    email: Email
    kind: MembershipKind = MembershipKind.MEMBER


class CheckForm(Frozen):
    """What the tax service is asked to compare; neither is stored."""

    opened_on: date
    representative: Line


class DocumentForm(Frozen):
    """What an uploaded document is."""

    title: Line


class TokenForm(Frozen):
    """A new provisioning token."""

    label: Line
    days: Annotated[int, Field(ge=1, le=365)] = 365
