"""Forms and bodies of break-glass access."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated

from pydantic import Field

from gateway.emergency.models import Verdict
from gateway.emergency.service import NewEmergency, Stop, Use
from gateway.identity.schemas import Frozen

Words = Annotated[str, Field(min_length=1, max_length=2000)]


class OpenBody(Frozen):
    """Over which dataset, for how many minutes, and why nobody else can act."""

    dataset: Annotated[str, Field(min_length=1, max_length=100)]
    minutes: Annotated[int, Field(ge=1, le=60)]
    reason: Words

    def new(self) -> NewEmergency:
        """The same for the service."""
        return NewEmergency(self.dataset, self.minutes, self.reason)


class UseBody(Frozen):
    """What is stopped: a grant's id or a version's label."""

    stop: Stop
    target: Annotated[str, Field(min_length=1, max_length=60)]
    reason: Words

    def use(self) -> Use:
        """The same for the service."""
        return Use(self.stop, self.target, self.reason)


class ReviewBody(Frozen):
    """What an auditor says of it."""

    verdict: Verdict
    note: Words


class EmergencyMade(Frozen):
    """An emergency that was opened."""

    id: uuid.UUID
    ends_at: datetime


class EmergencyOut(Frozen):
    """An emergency as operators and auditors see it."""

    id: uuid.UUID
    dataset: str
    account: str
    reason: str
    state: str
    uses: int
    opened_at: datetime
    ends_at: datetime
    ended_at: datetime | None
    reviewed_at: datetime | None
    review_note: str


class EmergencyList(Frozen):
    """A page of emergencies."""

    emergencies: list[EmergencyOut]
    next: str | None
    previous: str | None


class EmergencyQuery(Frozen):
    """Paging."""

    cursor: str = ""
    limit: int = Field(default=25, ge=1, le=200)
