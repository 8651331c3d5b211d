"""The shapes of requests and answers; the same for JSON and for forms."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from enum import StrEnum

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator

from gateway.access.grants import MAX_REASON, MIN_REASON
from gateway.access.schemas import DataUse, StatedFields, one_by_one
from gateway.applications.models import Choice
from gateway.applications.service_drafts import MAX_DATASETS, Draft
from gateway.applications.service_projects import ProjectDraft
from gateway.catalog.models import Tier
from gateway.identity.service_attestations import (
    ISSUER_LENGTH,
    REFERENCE_LENGTH,
    IrbForm,
)

TITLE_LENGTH, PLAN_LENGTH, ACCOUNT_LENGTH, SLUG_LENGTH = 200, 20_000, 64, 80
MAX_TEAM = 50


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class Press(StrEnum):
    """Which button of the application form was pressed."""

    SAVE = "save"
    SUBMIT = "submit"


class ApplicationFields(StatedFields):
    """What is typed on the form; everything may be missing until it is submitted."""

    datasets: list[str] = Field(default=[], max_length=MAX_DATASETS)
    title: str = Field(default="", max_length=TITLE_LENGTH)
    plan: str = Field(default="", max_length=PLAN_LENGTH)
    supervisor: str = Field(default="", max_length=ACCOUNT_LENGTH)
    team: list[str] = Field(default=[], max_length=MAX_TEAM)
    organisation_id: uuid.UUID | None = None

    _team_one_by_one = field_validator("team", mode="before")(one_by_one)

    def project(self) -> ProjectDraft:
        """The research project as typed."""
        stated = self.stated()
        return ProjectDraft(
            title=self.title,
            purpose=stated.purpose,
            uses=stated.uses,
            study=stated.study,
            plan=self.plan,
            supervisor=self.supervisor,
            team=tuple(self.team),
            organisation_id=self.organisation_id,
        )


class NewApplication(ApplicationFields):
    """A new draft. `project_id` takes an earlier research project over as it is."""

    project_id: uuid.UUID | None = None

    def draft(self) -> Draft:
        """As the service wants it."""
        typed = None if self.project_id else self.project()
        return Draft(tuple(self.datasets), self.project_id, typed)


class SavedApplication(ApplicationFields):
    """A draft to save over the revision that was read."""

    revision: int = Field(ge=1)

    def draft(self) -> Draft:
        """As the service wants it."""
        return Draft(tuple(self.datasets), project=self.project())


class NewApplicationForm(NewApplication):
    """The page's form; `form_key` makes a double click one application."""

    press: Press = Press.SAVE
    form_key: str = Field(default="", max_length=64)


class SavedApplicationForm(SavedApplication):
    """The page's form."""

    press: Press = Press.SAVE


class RevisionSeen(_Frozen):
    """The revision that the sender has read."""

    revision: int = Field(ge=1)


class Nothing(_Frozen):
    """A command without particulars."""


class BallotForm(_Frozen):
    """A vote on the submission `revision`, with its reason."""

    choice: Choice
    reason: str = Field(min_length=MIN_REASON, max_length=MAX_REASON)
    revision: int = Field(ge=1)


class EvidenceForm(_Frozen):
    """An IRB's decision; both days count, in the gateway's time zone."""

    form: IrbForm
    issuer: str = Field(min_length=1, max_length=ISSUER_LENGTH)
    reference: str = Field(min_length=1, max_length=REFERENCE_LENGTH)
    valid_from: date
    valid_until: date


class QueueQuery(_Frozen):
    """Filters of the reviewers' queue."""

    mine: bool = False
    tier: Tier | None = None
    cursor: str | None = None
    limit: str | None = None


class BlockerOut(_Frozen):
    """One reason with its remedy in the reader's language, and who can take it."""

    code: str
    sentence: str
    remedy: str
    who: str


class ItemOut(_Frozen):
    """One dataset of an application."""

    id: uuid.UUID
    dataset: str
    tier: str
    state: str
    turn: str
    turn_since: AwareDatetime
    due_at: AwareDatetime | None
    reason: str
    grant_id: uuid.UUID | None


class ApplicationOut(_Frozen):
    """An application as its people read it."""

    id: uuid.UUID
    number: str
    state: str
    revision: int
    project_id: uuid.UUID
    title: str
    purpose: str
    uses: list[str]
    study_kinds: list[str]
    diseases: list[str]
    non_profit_organisation: bool | None
    non_commercial: bool | None
    genetic: bool | None
    needs_judgement: bool
    study_months: int | None
    plan: str
    supervisor: str
    team: list[str]
    organisation_id: uuid.UUID | None
    created_at: AwareDatetime
    submitted_at: AwareDatetime | None
    items: list[ItemOut]
    commands: list[str]


class ApplicationRow(_Frozen):
    """An application in a list."""

    id: uuid.UUID
    number: str
    state: str
    title: str
    created_at: AwareDatetime
    submitted_at: AwareDatetime | None
    datasets: list[str]


class ApplicationList(_Frozen):
    """A page of applications."""

    items: list[ApplicationRow]
    next: str | None
    previous: str | None


class QueueRow(_Frozen):
    """One dataset that waits for a decision."""

    id: uuid.UUID
    application: str
    dataset: str
    tier: str
    title: str
    applicant: str
    waiting_since: AwareDatetime
    due_at: AwareDatetime | None


class QueueList(_Frozen):
    """A page of the reviewers' queue."""

    items: list[QueueRow]
    next: str | None
    previous: str | None


class VoteOut(_Frozen):
    """A vote as reviewers read it."""

    voter: str
    choice: str
    reason: str
    revision: int
    voted_at: datetime


class ReviewOut(_Frozen):
    """One dataset's review. `data_use` compares what was submitted with the dataset's terms."""

    application: ApplicationOut
    item: ItemOut
    applicant: str
    revision: int
    votes: list[VoteOut]
    may_vote: bool
    blockers: list[BlockerOut]
    missing: list[BlockerOut]
    data_use: DataUse | None
