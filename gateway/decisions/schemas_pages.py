"""What the pages about decisions ask in their addresses."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from gateway.decisions.service_whatif import MAY_BE_UNKNOWN
from policies.vocabulary import (
    AcceptanceState,
    Action,
    Approval,
    EvidenceState,
    GrantState,
    Match,
    Purpose,
    Use,
)

CURSOR_LENGTH = 2048


class _Query(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class WhoQuery(_Query):
    """Who may do `action` with a dataset; without an action what using it means."""

    dataset: str = Field(default="", max_length=80)
    action: Action | None = None
    cursor: str = Field(default="", max_length=CURSOR_LENGTH)


class PersonQuery(_Query):
    """What a person (an account) may do with each dataset."""

    account: str = Field(default="", max_length=64)
    action: Action | None = None
    cursor: str = Field(default="", max_length=CURSOR_LENGTH)


class WhatIfQuery(_Query):
    """A question, and with `change` the facts to try it with.

    Of a fact that may be unknown, what is left out is unknown; of any other it stays as it is.
    """

    account: str = Field(default="", max_length=64)
    dataset: str = Field(default="", max_length=80)
    action: Action | None = None
    change: bool = False
    grant: GrantState | None = None
    acceptance: AcceptanceState | None = None
    organisation_acceptance: AcceptanceState | None = None
    purpose: Purpose | None = None
    duo: Match | None = None
    purpose_reviewed: bool | None = None
    irb: EvidenceState | None = None
    training: EvidenceState | None = None
    identity_level: int | None = Field(default=None, ge=0, le=3)
    korean_national: bool | None = None
    organisation_verified: bool | None = None
    membership_live: bool | None = None
    suspended: bool | None = None
    uses: list[Use] = []
    approvals: list[Approval] = []

    def given(self) -> dict[str, Any] | None:
        """The facts to change, by name; None before the form was filled in."""
        if not self.change:
            return None
        facts = self.model_dump(exclude={"account", "dataset", "action", "change"})
        kept = {name: value for name, value in facts.items() if value is not None}
        sets = {"uses": frozenset(self.uses), "approvals": frozenset(self.approvals)}
        return dict.fromkeys(MAY_BE_UNKNOWN) | kept | sets
