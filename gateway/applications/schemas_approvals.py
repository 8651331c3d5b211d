"""The shapes of approvals; the same for JSON and for forms."""

from __future__ import annotations

import uuid
from datetime import date
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from gateway.applications.service_approvals import Wanted
from gateway.identity.rules import REASON_LENGTH
from gateway.identity.schemas import end_of, start_of
from gateway.identity.service_attestations import ISSUER_LENGTH, REFERENCE_LENGTH
from policies.vocabulary import Approval

MIN_REASON = 10
Reason = Annotated[str, Field(min_length=MIN_REASON, max_length=REASON_LENGTH)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class ApprovalForm(_Frozen):
    """An approval; both days count, in the gateway's time zone.

    `number` is that of an application, whose research project the approval is then for.
    """

    kind: Approval
    account: str = Field(min_length=1, max_length=64)
    number: str = Field(default="", max_length=20)
    issuer: str = Field(min_length=1, max_length=ISSUER_LENGTH)
    reference: str = Field(min_length=1, max_length=REFERENCE_LENGTH)
    first_day: date
    last_day: date
    reason: Reason

    def wanted(self, zone: ZoneInfo) -> Wanted:
        """The same for the service, with the days as moments in UTC."""
        return Wanted(
            self.kind,
            self.account,
            self.number,
            self.issuer,
            self.reference,
            start_of(self.first_day, zone),
            end_of(self.last_day, zone),
            self.reason,
        )


class EndForm(_Frozen):
    """Why an approval ends; the person it was for reads it."""

    reason: Reason


class ApprovalQuery(_Frozen):
    """What the page fills in beforehand, and paging."""

    number: str = Field(default="", max_length=20)
    cursor: str = ""
    limit: int = Field(default=25, ge=1, le=200)


class ApprovalOut(_Frozen):
    """An approval. `number` names an application of its research project; null for one that
    counts for everything the person applies for."""

    id: uuid.UUID
    kind: Approval
    account: str
    number: str | None
    issuer: str
    reference: str
    valid_from: AwareDatetime
    valid_until: AwareDatetime
    reason: str


class ApprovalList(_Frozen):
    """A page of approvals that have not been ended, newest first."""

    approvals: list[ApprovalOut]
    next: str | None
    previous: str | None
