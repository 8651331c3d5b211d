"""Bodies of the grants API and of the forms about grants."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class ReasonForm(BaseModel):
    """Why something is done to a grant; its holder reads it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reason: str = Field(min_length=10, max_length=2000)


class GrantQuery(BaseModel):
    """Paging of a list of grants."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cursor: str = ""
    limit: int = Field(default=25, ge=1, le=200)


class GrantOut(BaseModel):
    """A grant. `blockers` say what keeps it from opening at this moment."""

    model_config = ConfigDict(frozen=True)

    id: uuid.UUID
    dataset: str
    purpose: str
    state: str
    starts_at: datetime
    ends_at: datetime
    quota_bytes: int | None
    used_bytes: int
    note: str
    open: bool
    blockers: list[dict[str, Any]]


class GrantList(BaseModel):
    """A page of grants."""

    model_config = ConfigDict(frozen=True)

    grants: list[GrantOut]
    next: str | None
    previous: str | None


class CanI(BaseModel):
    """Whether the caller may download a dataset now, every reason why not, and the way to a yes.

    `confirmed` says that the policy engine allows it once every step is taken.
    """

    model_config = ConfigDict(frozen=True)

    dataset: str
    outcome: str
    blockers: list[dict[str, Any]]
    path: list[dict[str, Any]]
    confirmed: bool
